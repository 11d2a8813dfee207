//! Why a sign-in failed, in words for the person and for the administrator.

use thiserror::Error;

use crate::http::OutboundError;

/// Why nobody was signed in. `Display` is a sentence that can be shown; [`SignInError::remedy`] says what to do.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SignInError {
    /// The provider could not be asked, or gave no usable answer.
    #[error("The identity provider {0}.")]
    IdpUnreachable(OutboundError),
    /// The provider calls itself by another name than the one configured.
    #[error("The identity provider says that it is “{found}”, but “{expected}” is configured.")]
    WrongIssuer {
        /// The configured issuer.
        expected: String,
        /// What the provider, its token or its answer said; untrusted text, made visible.
        found: String,
    },
    /// The answer belongs to no sign-in that this browser started.
    #[error("This answer belongs to no sign-in that was started in this browser.")]
    WrongState,
    /// The ID token belongs to another sign-in.
    #[error("The ID token was made for another sign-in (its nonce differs).")]
    WrongNonce,
    /// The ID token is for another client.
    #[error("The ID token was made for another application.")]
    WrongAudience,
    /// The ID token is not signed by the provider's keys, or by an algorithm that is not accepted.
    #[error("The ID token's signature is not valid: {0}.")]
    BadSignature(String),
    /// The ID token has expired, or was issued in the future.
    #[error("The ID token has expired, or the clocks differ.")]
    Expired,
    /// The provider refused the code.
    #[error("The identity provider refused to complete the sign-in: {error}{}{description}", if description.is_empty() { "" } else { ": " })]
    TokenExchangeFailed {
        /// The OAuth error code, made visible.
        error: String,
        /// The provider's explanation, made visible; can be empty.
        description: String,
    },
    /// The provider sent the browser back with an error.
    #[error("The identity provider did not sign you in: {error}{}{description}", if description.is_empty() { "" } else { ": " })]
    IdpRefused {
        /// The OAuth error code, made visible.
        error: String,
        /// The provider's explanation, made visible; can be empty.
        description: String,
    },
    /// The token response or the ID token is not what OpenID Connect says.
    #[error("The identity provider's answer could not be understood: {0}.")]
    Malformed(String),
    /// The connection is configured wrongly on this side.
    #[error("This identity provider connection is not configured rightly: {0}.")]
    Misconfigured(String),
    /// The ID token carries no groups, and the caller insists on them.
    #[error("The identity provider did not say which groups you are in.")]
    NoGroups,
    /// The e-mail address is not verified, and the caller insists on it.
    #[error("Your e-mail address is not verified at the identity provider.")]
    EmailUnverified,
}

impl SignInError {
    /// An error with which the provider sent the browser back (`error`, `error_description` of the callback).
    pub fn refused(error: &str, description: Option<&str>) -> Self {
        Self::IdpRefused { error: crate::text::brief(error), description: crate::text::brief(description.unwrap_or_default()) }
    }

    /// The stable name of the kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IdpUnreachable(_) => "idp_unreachable",
            Self::WrongIssuer { .. } => "wrong_issuer",
            Self::WrongState => "wrong_state",
            Self::WrongNonce => "wrong_nonce",
            Self::WrongAudience => "wrong_audience",
            Self::BadSignature(_) => "bad_signature",
            Self::Expired => "expired",
            Self::TokenExchangeFailed { .. } => "token_exchange_failed",
            Self::IdpRefused { .. } => "idp_refused",
            Self::Malformed(_) => "malformed",
            Self::Misconfigured(_) => "misconfigured",
            Self::NoGroups => "no_groups",
            Self::EmailUnverified => "email_unverified",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::IdpUnreachable(cause) => cause.remedy(),
            Self::WrongIssuer { .. } => {
                "An administrator has to compare the configured issuer with the one in the provider's own settings, character by character. If they are the same, someone may be answering in the provider's place."
            }
            Self::WrongState | Self::WrongNonce => {
                "Start again from the sign-in page, in one browser tab. If it happens again, tell your administrator: someone may be tampering with sign-ins."
            }
            Self::WrongAudience => "An administrator has to check the client ID of this connection.",
            Self::BadSignature(_) => {
                "Try again. If it happens again, tell your administrator: the provider's published keys do not fit the tokens that it issues."
            }
            Self::Expired => {
                "Try again. If it happens again, an administrator has to compare the clocks of this server and of the provider."
            }
            Self::TokenExchangeFailed { .. } => {
                "Try again. If it happens again, an administrator has to check the client ID, the client secret and the redirect URI of this connection."
            }
            Self::IdpRefused { .. } => {
                "Try again, or ask your administrator whether you are assigned to this application at the identity provider."
            }
            Self::Malformed(_) => "An administrator has to check that the provider supports OpenID Connect with signed ID tokens.",
            Self::Misconfigured(_) => "An administrator has to correct this connection.",
            Self::NoGroups => {
                "An administrator has to add the groups claim to the ID token at the identity provider, or assign you to a group there."
            }
            Self::EmailUnverified => "Verify your e-mail address at the identity provider, then sign in again.",
        }
    }
}

impl From<OutboundError> for SignInError {
    fn from(cause: OutboundError) -> Self {
        Self::IdpUnreachable(cause)
    }
}
