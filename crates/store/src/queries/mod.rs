//! Queries beyond "by id" and "all", one file per area.

pub mod audit;
mod delivery;
mod governance;
mod identity;
mod oauth;
mod policy;
mod tenants;
