//! A form is believed when the browser says that it came from us, and when it carries the session's token.

use crate::app::App;
use crate::problem::{Problem, STALE_FORM};
use crate::signin::session::Caller;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::Error;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

fn stale() -> Problem {
    Error::refused(STALE_FORM, "the form is not from this session").into()
}

/// Refuses a POST that another site's page sent. Endpoints for programs carry credentials of their own and no cookie: they are let
/// through, and no cookie counts there.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let checked = request.method() == Method::POST && !is_for_programs(request.uri().path());
    if checked && !same_origin(request.headers(), app.public_url()) {
        return stale().into_response();
    }
    next.run(request).await
}

/// `/t/{tenant}/token`, `/t/{tenant}/revoke` and all below `/t/{tenant}/delivery/` and `/t/{tenant}/opa/`.
fn is_for_programs(path: &str) -> bool {
    let mut parts = path.splitn(4, '/').skip(1);
    let (Some("t"), Some(_), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return false };
    rest == "token" || rest == "revoke" || rest.starts_with("delivery/") || rest.starts_with("opa/")
}

fn same_origin(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => true,
        Some(_) => false,
        // Older browsers, and plain HTTP outside loopback, send no fetch metadata.
        None => text(header::ORIGIN).is_some_and(|origin| origin == public_url),
    }
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
        let bytes: Bytes = axum::body::to_bytes(body, LARGEST).await.map_err(|_| Error::invalid("form", "it is larger than 2 MiB"))?;
        let token = url::form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf").map(|(_, value)| value.into_owned());
        let matches = token.is_some_and(|token| !caller.csrf.is_empty() && bool::from(token.as_bytes().ct_eq(caller.csrf.as_bytes())));
        if !matches {
            return Err(stale());
        }
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let form = axum_extra::extract::Form::<T>::from_request(request, &()).await;
        form.map(|form| Self(form.0)).map_err(|error| Error::invalid("form", error.to_string()).into())
    }
}
