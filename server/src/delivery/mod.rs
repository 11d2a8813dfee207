//! What gateways, and OPAs in their place, talk to.
//!
//! All of it is JSON or files for programs: no session, no cookie, no page. Errors are problem details (RFC 9457) with a stable `code`.

mod caller;
mod handlers;
pub mod opa;
mod problem;
mod push;
#[cfg(test)]
pub(crate) mod tests;
pub mod unpack;
pub mod upkeep;
mod watch;

use crate::app::App;
use crate::endpoint::{Access, Endpoint, get, post};
use axum::extract::{RawQuery, Request, State};
use caller::Gateway;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    // One set of pushes for each router, so that watchers of a tenant share what is read and written out for them.
    let pushes = push::Pushes::default();
    let watched = pushes.clone();
    let ack = move |State(app): State<App>, gateway: Gateway, request: Request| handlers::ack(app, gateway, request, watched.clone());
    let watch =
        move |State(app): State<App>, gateway: Gateway, RawQuery(query): RawQuery| watch::watch(app, gateway, query, pushes.clone());
    let mut all = vec![
        post("/t/{tenant}/delivery/enroll", Access::Public, handlers::enroll),
        get("/t/{tenant}/delivery/tuf/{*path}", Access::Gateway, handlers::file),
        get("/t/{tenant}/delivery/watch", Access::Gateway, watch),
        post("/t/{tenant}/delivery/ack", Access::Gateway, ack),
        post("/t/{tenant}/delivery/decisions", Access::Gateway, handlers::decisions),
        // The signature is what authenticates.
        post("/t/{tenant}/delivery/candidates/{candidate}/signature", Access::Public, handlers::signature),
    ];
    all.extend(opa::endpoints());
    all
}
