//! Security headers on every response. A page sets a content security policy of its own, with its nonce; all else gets the strictest.

use crate::app::App;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Adds what the handler did not set itself.
pub(crate) fn add(app: &App, headers: &mut HeaderMap) {
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    default(X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(X_FRAME_OPTIONS, "DENY");
    default(REFERRER_POLICY, "same-origin");
    default(CACHE_CONTROL, "no-store");
    default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if app.secure() {
        default(STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
}
