//! The OAuth issuer over HTTP: forms and queries in, redirects, pages and JSON out. What is right and wrong is decided in
//! [`control::oauth`].
//!
//! Programs get JSON and no cookie counts for them; people get pages. A browser is sent to a client only through `redirect`, which takes
//! nothing but URIs that were validated.
//!
//! What reads bytes of clients is public, so that it can be tried from outside: [`params`], [`redirect`], [`token`].

mod authorize;
mod metadata;
pub mod params;
mod program;
pub mod redirect;
pub mod token;

#[cfg(test)]
mod tests;

use crate::endpoint::{Access, Endpoint, get, post};
use control::Permission;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        // Clients of all revisions of the MCP specification look in one of these three places.
        get("/.well-known/oauth-authorization-server/t/{tenant}", Access::Public, metadata::metadata),
        get("/.well-known/openid-configuration/t/{tenant}", Access::Public, metadata::metadata),
        get("/t/{tenant}/.well-known/openid-configuration", Access::Public, metadata::metadata),
        get("/t/{tenant}/jwks", Access::Public, metadata::jwks),
        get("/t/{tenant}/authorize", Access::Public, authorize::receive),
        get("/t/{tenant}/authorize/{handle}", Access::Session(Permission::SignedIn), authorize::go_on),
        post("/t/{tenant}/authorize", Access::Session(Permission::SignedIn), authorize::answer),
        post("/t/{tenant}/token", Access::Public, token::token),
        post("/t/{tenant}/revoke", Access::Public, token::revoke),
    ]
}
