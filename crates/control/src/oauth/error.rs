//! OAuth errors.

use crate::error::Error;

/// An error as RFC 6749, 8693 and 8707 define them. The text is for whoever writes the client; it holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// The code, for example `invalid_grant`.
    pub code: &'static str,
    /// `error_description`: printable ASCII without `"` and `\`.
    pub text: String,
}

impl OAuthError {
    /// An error.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let printable = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        Self { code, text: text.chars().map(|c| if printable(c) { c } else { '?' }).collect() }
    }
}

impl From<OAuthError> for Error {
    fn from(error: OAuthError) -> Self {
        Self::refused(error.code, error.text)
    }
}

pub(super) fn invalid_request(text: impl Into<String>) -> OAuthError {
    OAuthError::new("invalid_request", text)
}

pub(super) fn invalid_grant(text: impl Into<String>) -> OAuthError {
    OAuthError::new("invalid_grant", text)
}

pub(super) fn invalid_scope(text: impl Into<String>) -> OAuthError {
    OAuthError::new("invalid_scope", text)
}

pub(super) fn invalid_target(text: impl Into<String>) -> OAuthError {
    OAuthError::new("invalid_target", text)
}

pub(super) fn invalid_client() -> OAuthError {
    OAuthError::new("invalid_client", "there is no such client")
}
