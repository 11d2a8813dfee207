//! What can go wrong on the way out.

use thiserror::Error;

/// Why a call out failed; `Display` is the rest of a sentence that begins with what was called. The kinds are stable; [`OutboundError::code`] names them for logs and pages.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OutboundError {
    /// No connection: name unknown, refused, reset, TLS not trusted.
    #[error("could not be reached by Writ: {0}")]
    Unreachable(String),
    /// Nothing, or not everything, came in time.
    #[error("did not answer in time")]
    TimedOut,
    /// The address is one that this installation does not call.
    #[error("is at an address that this installation may not call")]
    RefusedAddress,
    /// Not `https`, or `http` where that is not allowed.
    #[error("is at an address that begins with {0}:, which is not allowed here; use https")]
    RefusedScheme(String),
    /// The answer is larger than allowed.
    #[error("answered with more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer has another status than expected. Redirects are not followed, so 3xx ends up here too.
    #[error("answered with status {0}")]
    BadStatus(u16),
    /// The answer is not what the protocol says.
    #[error("answered with something unexpected: {0}")]
    Malformed(String),
}

impl OutboundError {
    /// The stable name of the kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timed_out",
            Self::RefusedAddress => "refused_address",
            Self::RefusedScheme(_) => "refused_scheme",
            Self::TooLarge { .. } => "too_large",
            Self::BadStatus(_) => "bad_status",
            Self::Malformed(_) => "malformed",
        }
    }

    /// What one can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "Check that the address is right, that the service runs and that its certificate is trusted here.",
            Self::TimedOut => "Check that the service runs and is not overloaded, then try again.",
            Self::RefusedAddress => {
                "If the service really lies in your own network, the operator of this installation can allow private addresses."
            }
            Self::RefusedScheme(_) => "Give an https:// URL. Plain http works only inside a network that the operator has allowed.",
            Self::TooLarge { .. } => "Check that the address leads to the right service.",
            Self::BadStatus(300..=399) => "Redirects are not followed: give the final address.",
            Self::BadStatus(401 | 403) => "The service wants credentials, or other ones.",
            Self::BadStatus(_) => "Check that the address is right and look into the service's own log.",
            Self::Malformed(_) => "Check that the address leads to the right service.",
        }
    }
}
