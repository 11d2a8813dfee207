//! Signing in at the identity provider, and the session.

mod callback;
mod link;
pub mod return_path;
pub mod session;
mod start;
mod store;

use crate::endpoint::{Access, Endpoint, get, post};

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/t/{tenant}/signin", Access::Public, start::start),
        get("/t/{tenant}/signin/go", Access::Public, start::go),
        get("/t/{tenant}/signin/callback", Access::Public, callback::callback),
        get("/t/{tenant}/signin/link", Access::Public, link::ask),
        post("/t/{tenant}/signin/link", Access::Public, link::enter),
        get("/t/{tenant}/signed-out", Access::Public, start::signed_out),
        post("/t/{tenant}/signout", Access::Session(control::Permission::Anyone), start::sign_out),
    ]
}
