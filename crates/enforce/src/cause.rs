//! Why a call did not pass: policy's reasons and those that only the enforcement point can have.

use policy::{Counted, Reason};
use token::Refused;

/// Why a call did not pass. Like [`Reason`], codes are an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Policy says no.
    Policy(Reason),
    /// No bearer token came with the request.
    TokenMissing,
    /// The token did not verify.
    Token(Refused),
    /// More calls than a limit allows.
    RateLimited {
        /// Whose calls are counted together.
        counted: Counted,
        /// In how many milliseconds the next call would pass.
        retry_after_ms: i64,
    },
    /// More calls or streams of this caller at once than the enforcement point has room for.
    TooManyAtOnce {
        /// Standing streams rather than calls.
        streams: bool,
    },
    /// The arguments do not satisfy the schema that policy sets for the tool.
    ArgumentsRefused {
        /// Where, and what is wrong; never the value itself.
        what: String,
    },
    /// How the tool is defined now is not known, and its scope is of high risk: it cannot be held against what was reviewed.
    DefinitionUnknown,
    /// Nothing verified is in force.
    Closed,
}

impl Cause {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Policy(reason) => reason.code(),
            Self::TokenMissing => "token_missing",
            Self::Token(refused) => match refused {
                Refused::Malformed => "token_malformed",
                Refused::WrongType => "token_wrong_type",
                Refused::WrongAlgorithm => "token_wrong_algorithm",
                Refused::UnknownKey => "token_unknown_key",
                Refused::BadSignature => "token_bad_signature",
                Refused::Expired => "token_expired",
                Refused::NotYetValid => "token_not_yet_valid",
                Refused::ChainTooDeep => "token_chain_too_deep",
            },
            Self::RateLimited { .. } => "rate_limited",
            Self::TooManyAtOnce { .. } => "too_many_at_once",
            Self::ArgumentsRefused { .. } => "arguments_refused",
            Self::DefinitionUnknown => "definition_unknown",
            Self::Closed => "gateway_closed",
        }
    }

    /// What would fix it, as a sentence for the person who was denied.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Policy(reason) => reason.remedy(),
            Self::TokenMissing => "Sign in: send an access token for this server in the Authorization header.",
            Self::Token(Refused::Expired) => "Refresh the token, or sign in again.",
            Self::Token(Refused::NotYetValid) => "The clocks of issuer and gateway differ. An operator can set them right.",
            Self::Token(Refused::UnknownKey) => "Sign in at the issuer that the protected resource metadata names.",
            Self::Token(_) => "The token is not an access token of this tenant. Sign in again.",
            Self::RateLimited { counted, .. } => match counted {
                Counted::Subject => "Your limit for all calls is used up. Wait as long as Retry-After says.",
                Counted::Client => "The client's limit for all calls is used up. Wait as long as Retry-After says.",
                Counted::Agent => "The agent's limit for all calls is used up. Wait as long as Retry-After says.",
                Counted::Tool => "The tool's limit for you through this client is used up. Wait as long as Retry-After says.",
            },
            Self::TooManyAtOnce { streams: false } => "Too many of your calls through this client are under way. Wait for some to end.",
            Self::TooManyAtOnce { streams: true } => "Too many of your streams through this client are open. Close some.",
            Self::ArgumentsRefused { .. } => "The arguments do not satisfy what policy allows for this tool. Change them.",
            Self::DefinitionUnknown => {
                "The gateway could not ask the server how the tool is defined now. List the tools, or ask the server's operator."
            }
            Self::Closed => {
                "The gateway has no verified policy yet. An operator can check `writ-gateway status` and its link to the control plane."
            }
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
