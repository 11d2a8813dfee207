//! A reference for every request: in its log lines, on its error page and in its audit events.

use crate::app::App;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// `rid_…`, made here: a caller's own is never taken over.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Gives the request its id, its log span and its response header.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let parts = app.control().parts();
    let id = parts.chance.id("rid", parts.clock.now_ms());
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}
