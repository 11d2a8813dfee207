//! The console: each handler loads a view model, sets the status and has a pure view rendered.

use crate::endpoint::Endpoint;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
