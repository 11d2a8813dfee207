//! A reference for every request: in its log lines, on its error page and in its audit events.

use crate::app::App;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// `rid_…`, made here: a caller's own is never taken over.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl RequestId {
    pub(crate) fn new(app: &App) -> Self {
        let parts = app.control().parts();
        Self(parts.chance.id("rid", parts.clock.now_ms()))
    }
}

/// Says it to the caller.
pub(crate) fn add(id: RequestId, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(id.0) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}
