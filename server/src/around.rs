//! What surrounds every request, as one layer.
//!
//! Each layer of its own would clone and box the route for each request, and would hold a future for as long as a watch is held.

use crate::app::App;
use crate::request_id::{self, RequestId};
use crate::{canonical, csrf, headers, problem};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// From the outside in: the request's id and log span, security headers, the public name, error pages, the origin of forms.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(&app);
    let span = tracing::info_span!("request", id = %id.0, method = %request.method(), path = %request.uri().path());
    request.extensions_mut().insert(id.clone());
    let mut response = inner(&app, &id, request, next).instrument(span).await;
    headers::add(&app, response.headers_mut());
    request_id::add(id, response.headers_mut());
    response
}

async fn inner(app: &App, id: &RequestId, request: Request, next: Next) -> Response {
    if let Some(elsewhere) = canonical::elsewhere(app, &request) {
        return elsewhere;
    }
    // Its own text: the URI would keep the buffer that the request was read into, for as long as a watch is held.
    let path = request.uri().path().to_owned();
    let response = match csrf::refused(app, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    match problem::of(&response) {
        // Boxed: it is rare, and what it needs is not to be set aside for every request.
        Some(problem) => Box::pin(problem::page(app, id, &path, problem)).await,
        None => response,
    }
}
