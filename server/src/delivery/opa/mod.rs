//! What OPAs talk to: the bundle service, status and decision logs of the Open Policy Agent, for one tenant.
//!
//! Snapshots only. A delta would be the smaller answer, but no OPA verifies one, so none is ever made.

mod breaker;
mod bundles;
mod caller;
mod intake;
pub mod prefer;
mod shelf;
#[cfg(test)]
mod tests;

use crate::app::App;
use crate::endpoint::{Access, Endpoint, get, post};
use ::opa::Lane;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use breaker::Breakers;
use caller::Opa;
use shelf::Shelves;

/// What the handlers of one router share.
#[derive(Clone, Default)]
struct Shared {
    shelves: Shelves,
    breakers: Breakers,
    intake: intake::Gate,
}

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    let shared = Shared::default();
    let bundle = |lane: Lane| {
        let shared = shared.clone();
        move |State(app): State<App>, opa: Opa, headers: HeaderMap| bundles::bundle(app, opa, lane, headers, shared.clone())
    };
    let status = {
        let shared = shared.clone();
        move |State(app): State<App>, opa: Opa, request: Request| intake::status(app, opa, request, shared.clone())
    };
    let logs = {
        let shared = shared.clone();
        move |State(app): State<App>, opa: Opa, request: Request| intake::logs(app, opa, request, shared.clone())
    };
    vec![
        get("/t/{tenant}/opa/bundles/policy", Access::Gateway, bundle(Lane::Policy)),
        get("/t/{tenant}/opa/bundles/revocations", Access::Gateway, bundle(Lane::Revocations)),
        post("/t/{tenant}/opa/status", Access::Gateway, status.clone()),
        post("/t/{tenant}/opa/status/{partition}", Access::Gateway, status),
        post("/t/{tenant}/opa/logs", Access::Gateway, logs.clone()),
        post("/t/{tenant}/opa/logs/{partition}", Access::Gateway, logs),
    ]
}
