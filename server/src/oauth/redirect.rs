//! Back to the client, always with `iss` (RFC 9207), so that it can tell whose answer it is.

use axum::response::{IntoResponse, Redirect, Response};
use control::Error;
use control::oauth::Back;
use url::Url;

/// A code.
///
/// # Errors
/// When the validated URI is none, which registration and validation rule out.
pub fn with_code(issuer: &str, redirect_uri: &str, state: Option<&str>, code: &str) -> Result<Response, Error> {
    to(issuer, redirect_uri, state, &[("code", code)])
}

/// An error.
///
/// # Errors
/// As [`with_code`].
pub fn with_error(issuer: &str, back: &Back) -> Result<Response, Error> {
    let mut parameters = vec![("error", back.error.code), ("error_description", back.error.text.as_str())];
    parameters.extend(back.error_uri.as_deref().map(|uri| ("error_uri", uri)));
    to(issuer, &back.redirect_uri, back.state.as_deref(), &parameters)
}

fn to(issuer: &str, redirect_uri: &str, state: Option<&str>, parameters: &[(&str, &str)]) -> Result<Response, Error> {
    let mut target = Url::parse(redirect_uri).map_err(|error| Error::internal("redirecting to a client", error))?;
    target.query_pairs_mut().extend_pairs(parameters).extend_pairs(state.map(|state| ("state", state))).append_pair("iss", issuer);
    // 303: whatever brought the browser here, it goes on with a GET and takes no form along.
    Ok(Redirect::to(target.as_str()).into_response())
}
