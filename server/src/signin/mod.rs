//! Signing in at the identity provider, and the session.

pub mod cookie;
pub mod session;
pub mod store;

use crate::endpoint::Endpoint;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
