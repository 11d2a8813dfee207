//! One row per method and path. The router is folded from these rows and from nothing else, so a route cannot exist that the coverage
//! test does not know.

use crate::app::App;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};
use control::Permission;

/// Who may reach an endpoint at all. Use cases authorize by themselves; this is what the coverage test holds them to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: the endpoint authenticates by what it is sent, or shows nothing of a tenant.
    Public,
    /// A browser session with this permission.
    Session(Permission),
    /// A gateway's assertion, or an OPA's token.
    Gateway,
}

/// A method, a path, and who may.
pub struct Endpoint {
    /// GET or POST; nothing else is served.
    pub method: Method,
    /// axum path.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    handler: MethodRouter<App>,
}

/// A GET: no effects.
pub fn get<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Endpoint {
    Endpoint { method: Method::GET, path, access, handler: routing::get(handler) }
}

/// A POST.
pub fn post<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Endpoint {
    Endpoint { method: Method::POST, path, access, handler: routing::post(handler) }
}

/// All endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    let mut all = crate::site::endpoints();
    all.extend(crate::signin::endpoints());
    all.extend(crate::oauth::endpoints());
    all.extend(crate::delivery::endpoints());
    all.extend(crate::console::endpoints());
    all
}

/// The router of all endpoints.
pub fn router() -> Router<App> {
    endpoints().into_iter().fold(Router::new(), |router, endpoint| router.route(endpoint.path, endpoint.handler))
}
