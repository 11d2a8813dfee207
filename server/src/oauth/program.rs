//! A program that calls: no session, no cookie. And what it is answered.

use crate::app::App;
use crate::connections::why_not_whole;
use crate::request_id::RequestId;
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use control::oauth::OAuthError;
use control::{Actor, Ctx, Error};
use serde_json::{Value, json};
use store::StoreError;

/// Clients that live in a browser may read the answers: nothing here depends on who asks by cookie.
pub const ANY_ORIGIN: (HeaderName, &str) = (ACCESS_CONTROL_ALLOW_ORIGIN, "*");
/// Tokens are for nobody's cache (RFC 6749 section 5.1).
const NO_STORE: [(HeaderName, &str); 3] = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache"), ANY_ORIGIN];

/// The tenant that is called, by nobody in particular.
#[derive(Debug, Clone)]
pub struct Program(pub Ctx);

impl FromRequestParts<App> for Program {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let missing = || answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found", "error_description": "there is no such tenant" }));
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing())?;
        let tenant = path.iter().find(|(name, _)| *name == "tenant").map(|(_, tenant)| tenant.to_owned()).ok_or_else(missing)?;
        let request_id = parts.extensions.get::<RequestId>().map_or("", |id| &id.0);
        match app.control().ctx(&tenant, Actor::Anonymous, request_id).await {
            Ok(cx) => Ok(Self(cx)),
            Err(Error::NotFound) => Err(missing()),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// The largest body of a token request: subject, actor and client assertion are tokens of a few kilobytes each.
const LARGEST: usize = 64 << 10;

/// What it sent. Whoever sends it proves nothing before it is read, so it is small.
pub struct Posted(pub Bytes);

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, _: &App) -> Result<Self, Response> {
        let whole = to_bytes(request.into_body(), LARGEST).await;
        whole.map(Self).map_err(|error| refused(&OAuthError::new("invalid_request", why_not_whole(error, LARGEST))))
    }
}

/// JSON that no cache keeps.
pub fn answer(status: StatusCode, body: &Value) -> Response {
    (status, NO_STORE, Json(body)).into_response()
}

/// An OAuth error.
pub fn refused(error: &OAuthError) -> Response {
    let body = json!({ "error": error.code, "error_description": error.text });
    match error.code {
        "invalid_client" => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"oauth\"")], NO_STORE, Json(body)).into_response(),
        _ => answer(StatusCode::BAD_REQUEST, &body),
    }
}

/// The codes that the token endpoint answers with.
const CODES: [&str; 9] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "unsupported_grant_type",
    "actor_unauthorized",
    "unsupported_token_type",
];

fn later(text: &str) -> Response {
    let body = json!({ "error": "temporarily_unavailable", "error_description": text });
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A use case that did not do what it was asked to.
pub fn failed(error: &Error) -> Response {
    match error {
        Error::Refused { code, text } if CODES.contains(code) => refused(&OAuthError::new(code, text.as_str())),
        // Two of the same single-use thing at once: one of them was first.
        Error::Store(StoreError::Constraint(_)) => refused(&OAuthError::new("invalid_grant", "it was used before")),
        Error::Store(StoreError::Conflict(_) | StoreError::Stopped) | Error::Busy => later("try again"),
        Error::NotSigned(error) => {
            tracing::warn!(error = error as &dyn std::error::Error, "tokens could not be taken back");
            later("what has to be signed for it cannot be signed at the moment; try again")
        }
        _ => {
            tracing::error!(error = error as &dyn std::error::Error, "an OAuth request failed");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({ "error": "server_error", "error_description": "something broke here; nothing was issued" }),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::NotSigned;

    #[test]
    fn who_may_come_back_is_told_so() {
        for error in [Error::Busy, Error::NotSigned(NotSigned::Queue), Error::Store(StoreError::Stopped)] {
            let response = failed(&error);
            assert_eq!(
                (response.status(), response.headers().contains_key(RETRY_AFTER)),
                (StatusCode::SERVICE_UNAVAILABLE, true),
                "{error}"
            );
        }
        let broken = failed(&Error::NotFound);
        assert_eq!((broken.status(), broken.headers().contains_key(RETRY_AFTER)), (StatusCode::INTERNAL_SERVER_ERROR, false));
    }
}
