//! Errors for programs: problem details, RFC 9457.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use control::Error;
use serde_json::json;

/// An error on its way to a gateway.
#[derive(Debug)]
pub struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match &self.0 {
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::Forbidden(_) => StatusCode::UNAUTHORIZED,
            Error::Invalid(_) => StatusCode::BAD_REQUEST,
            Error::Refused { code: "enrolment_unknown" | "enrolment_expired" | "wrong_signature", .. } => StatusCode::UNAUTHORIZED,
            Error::Refused { code: "enrolment_name", .. } => StatusCode::BAD_REQUEST,
            Error::Changed(_) | Error::Refused { .. } => StatusCode::CONFLICT,
            Error::Busy | Error::NotSigned(_) | Error::Store(store::StoreError::Conflict(_) | store::StoreError::Stopped) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Error::Store(_) | Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(&self) -> (&str, String) {
        match &self.0 {
            Error::NotFound => ("not_found", "there is no such thing here".to_owned()),
            Error::Forbidden(_) => ("unknown_gateway", "the assertion is not that of a gateway of this tenant, or has ended".to_owned()),
            Error::Invalid(fields) => {
                ("invalid", fields.iter().map(|field| format!("{}: {}", field.field, field.reason)).collect::<Vec<_>>().join("; "))
            }
            Error::Refused { code, text } => (code, text.clone()),
            Error::Changed(what) => ("changed", what.clone()),
            Error::Busy => ("busy", "too many gateways at once; try again a little later".to_owned()),
            Error::NotSigned(error) => ("not_signed", error.said()),
            // Nothing of our own insides goes out.
            Error::Store(_) | Error::Internal { .. } => ("internal", "the control plane could not do this now; try again".to_owned()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = &self.0 as &dyn std::error::Error, "a gateway's request failed");
        }
        let (code, detail) = self.words();
        let title = status.canonical_reason().unwrap_or("Error");
        let body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail });
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body.to_string()).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
