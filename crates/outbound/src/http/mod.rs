//! HTTP to addresses that others chose.
//!
//! The classic hole is server-side request forgery: an administrator's, or an identity provider's, URL that makes
//! the server read its own cloud metadata or a neighbour's admin port. Checking the host name beforehand does not
//! help, since the name can resolve to something else a moment later. So the check sits in the resolver that
//! the connection itself uses, and literal addresses are checked before.

mod address;
mod error;
mod guarded;

pub use self::{
    address::Reach,
    error::OutboundError,
    guarded::{Guarded, Limits, Reply},
};

#[cfg(test)]
mod tests;
