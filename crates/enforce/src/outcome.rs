//! The answer to a call, in the terms that HTTP and OAuth have for it.

use crate::cause::Cause;
use crate::record::Rule;
use policy::TokenFacts;
use std::sync::Arc;

/// What the enforcement point does with the call.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Forward it. All obligations are discharged.
    Allow {
        /// Who calls.
        facts: Arc<TokenFacts>,
        /// The scope that it needed; `None` for lifecycle and listing.
        scope: Option<String>,
        /// What gave that scope.
        rule: Option<Rule>,
    },
    /// 401: another token is needed.
    Challenge(Challenge),
    /// 403 `insufficient_scope`: the same client may ask for more.
    Forbidden {
        /// The scope that this operation needs.
        scope: String,
        /// Why.
        cause: Cause,
    },
    /// Policy says no; no token would help.
    Denied(Cause),
}

/// A 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What `error` says; none when no token came.
    pub error: Option<ChallengeError>,
    /// Why.
    pub cause: Cause,
    /// The scopes to ask for, sorted.
    pub scopes: Vec<String>,
}

/// `error` of a 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeError {
    /// RFC 6750 section 3.1.
    InvalidToken,
    /// RFC 9470: the sign-in is too old or too weak for the operation.
    StepUp(StepUp),
}

/// What the sign-in must be like (RFC 9470 section 3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepUp {
    /// Oldest sign-in in seconds.
    pub max_age: Option<i64>,
    /// Authentication context class.
    pub acr: Option<String>,
}

impl Outcome {
    /// Why the call does not pass; `None` when it does.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Allow { .. } => None,
            Self::Challenge(challenge) => Some(&challenge.cause),
            Self::Forbidden { cause, .. } | Self::Denied(cause) => Some(cause),
        }
    }
}
