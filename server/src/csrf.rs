//! A form is believed when the browser says that it came from us, and when it carries the session's token.

use crate::app::App;
use crate::connections::why_not_whole;
use crate::problem::{Problem, STALE_FORM};
use crate::signin::session::Caller;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use control::Error;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

fn stale() -> Problem {
    Error::refused(STALE_FORM, "the form is not from this session").into()
}

/// Refuses a POST that another site's page sent. Endpoints for programs carry credentials of their own and no cookie: they are let
/// through, and no cookie counts there.
pub(crate) fn refused(app: &App, request: &Request) -> Option<Response> {
    let checked = request.method() == Method::POST && !is_for_programs(request.uri().path());
    (checked && !same_origin(request.headers(), app.public_url())).then(|| stale().into_response())
}

/// Whether a path is one for programs: `/t/{tenant}/token`, `/t/{tenant}/revoke` and all below `/t/{tenant}/delivery/` and `/t/{tenant}/opa/`.
pub fn is_for_programs(path: &str) -> bool {
    let Some((_, rest)) = path.strip_prefix("/t/").and_then(|path| path.split_once('/')) else { return false };
    rest == "token" || rest == "revoke" || rest.starts_with("delivery/") || rest.starts_with("opa/")
}

/// Whether the browser says that a page of ours sent this request.
pub fn same_origin(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => true,
        Some(_) => false,
        // Older browsers, and plain HTTP outside loopback, send no fetch metadata.
        None => text(header::ORIGIN).is_some_and(|origin| origin == public_url),
    }
}

/// Whether the first `csrf` field of a form is this token. Without a token no form is believed.
pub fn carries(form: &[u8], token: &str) -> bool {
    let sent = url::form_urlencoded::parse(form).find(|(name, _)| name == "csrf").map(|(_, value)| value.into_owned());
    sent.is_some_and(|sent| !token.is_empty() && bool::from(sent.as_bytes().ct_eq(token.as_bytes())))
}

/// A form whose `csrf` field is the session's. Fields may repeat.
#[derive(Debug, Clone)]
pub struct Form<T>(pub T);

impl<T> std::ops::Deref for Form<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Role files and pasted keys are the largest things that people send.
const LARGEST: usize = 2 << 20;

impl<T: DeserializeOwned + Send> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let whole = axum::body::to_bytes(body, LARGEST).await;
        let bytes: Bytes = whole.map_err(|error| Error::invalid("form", why_not_whole(error, LARGEST)))?;
        if !carries(&bytes, &caller.csrf) {
            return Err(stale());
        }
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let form = axum_extra::extract::Form::<T>::from_request(request, &()).await;
        form.map(|form| Self(form.0)).map_err(|error| Error::invalid("form", error.to_string()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_carries_the_token_in_its_first_field_of_that_name() {
        for (form, carried) in [
            ("csrf=t", true),
            ("a=1&csrf=%74&b", true),
            ("csrf=t&csrf=other", true),
            ("csrf=other&csrf=t", false),
            ("csrf=t+", false),
            ("csrf", false),
            ("CSRF=t", false),
            ("", false),
        ] {
            assert_eq!(carries(form.as_bytes(), "t"), carried, "{form}");
        }
        assert!(!carries(b"csrf=", "") && !carries(b"", ""));
    }
}
