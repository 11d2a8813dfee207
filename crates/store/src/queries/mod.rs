//! Queries beyond "by id" and "all", one file per area.

pub mod audit;
pub mod delivery;
pub mod governance;
pub mod identity;
pub mod issued;
mod oauth;
pub mod opa;
pub mod page;
mod policy;
mod tenants;
