//! Who gets what, who took it back, and what happened: requests, grants, revocations and the audit log.

mod audit;
mod block;
mod grants;
mod request;
mod requests;
mod revocations;
mod take_back;
mod words;

use crate::endpoint::{Access, Endpoint, get, post};
use control::Permission as P;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    let session = Access::Session;
    vec![
        get("/t/{tenant}/requests", session(P::SignedIn), requests::list),
        get("/t/{tenant}/requests/new", session(P::SignedIn), requests::new),
        post("/t/{tenant}/requests", session(P::SignedIn), requests::create),
        get("/t/{tenant}/requests/{id}", session(P::SignedIn), request::get),
        post("/t/{tenant}/requests/{id}/decision", session(P::DecideRequests), request::decide),
        post("/t/{tenant}/requests/{id}/withdraw", session(P::SignedIn), request::withdraw),
        get("/t/{tenant}/grants", session(P::SignedIn), grants::list),
        get("/t/{tenant}/grants/{id}", session(P::SignedIn), grants::get),
        get("/t/{tenant}/grants/{id}/revoke", session(P::SignedIn), grants::ask),
        post("/t/{tenant}/grants/{id}/revoke", session(P::SignedIn), grants::revoke),
        get("/t/{tenant}/revocations", session(P::ReadConsole), revocations::list),
        get("/t/{tenant}/revocations/{seq}", session(P::SignedIn), revocations::receipt),
        get("/t/{tenant}/revocations/{seq}/receipt.json", session(P::SignedIn), revocations::json),
        get("/t/{tenant}/take-back", session(P::Revoke), take_back::ask),
        post("/t/{tenant}/take-back", session(P::Revoke), take_back::take_back),
        get("/t/{tenant}/block", session(P::Revoke), block::ask),
        post("/t/{tenant}/block", session(P::Revoke), block::block),
        get("/t/{tenant}/block/lift", session(P::Revoke), block::ask_lift),
        post("/t/{tenant}/block/lift", session(P::Revoke), block::lift),
        get("/t/{tenant}/audit", session(P::ReadAudit), audit::list),
        get("/t/{tenant}/audit/export", session(P::ExportAudit), audit::export),
        get("/t/{tenant}/audit/{id}", session(P::ReadAudit), audit::get),
    ]
}
