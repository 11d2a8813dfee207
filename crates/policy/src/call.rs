//! The facts about one call, as far as they were verified before policy is asked.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What kind of principal a token's subject is. The kinds are never merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// A person.
    User,
    /// An agent for itself.
    Agent,
    /// An OAuth client for itself.
    Client,
    /// A machine identity proved by its platform.
    Workload,
}

/// An agent that acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Its id, `agt_…`.
    pub id: String,
    /// Its class in the policy.
    pub class: String,
}

/// A time-bound permission that a token carries. It counts only for the very combination it was approved for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantFact {
    /// Its id, `grt_…`.
    pub id: String,
    /// What it gives.
    pub scopes: BTreeSet<String>,
    /// The only resource it is good for.
    pub resource: String,
    /// The only client it is good through.
    pub client: String,
    /// The only agent it is good for; `None`: only without an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// When it ends (Unix seconds): at this second it no longer counts.
    pub exp: i64,
}

/// The longest life of an access token, in seconds.
pub const LONGEST_TOKEN_LIFE_S: i64 = 3600;
/// How long a call that began in time may go on after its token has ended, in seconds. It is bounded because invalidations leave the
/// revocation list: whoever hears of none while they stand on it, and of this one's end, would else let go on for ever what they are
/// taken to have ended.
pub const CALL_OUTLIVES_TOKEN_S: i64 = 3600;

/// What a verified access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// The tenant's slug.
    pub tenant: String,
    /// Who issued it.
    pub issuer: String,
    /// The resource it is for: its one audience.
    pub audience: String,
    /// Its id.
    pub jti: String,
    /// Who it is about.
    pub subject: String,
    /// What kind of principal that is.
    pub subject_kind: SubjectKind,
    /// The OAuth client.
    pub client: String,
    /// That client's class.
    pub client_class: String,
    /// The agent acting now, on a real delegation.
    pub agent: Option<Actor>,
    /// Agents further in: they can only be a reason to deny.
    pub inner_actors: Vec<Actor>,
    /// The session it came from.
    pub session: String,
    /// Shared by all tokens that descend from one sign-in.
    pub lineage: String,
    /// The scopes it was issued for.
    pub scope: BTreeSet<String>,
    /// The subject's roles at issue.
    pub roles: Vec<String>,
    /// Grants in force at issue.
    pub grants: Vec<GrantFact>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// When the person signed in (Unix seconds).
    pub auth_time: Option<i64>,
    /// Issued at (Unix seconds).
    pub iat: i64,
    /// Ends at (Unix seconds): at this second it no longer counts.
    pub exp: i64,
    /// The tenant's revocation sequence in the issuing transaction.
    pub seq: u64,
}

/// What is being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'a> {
    /// `tools/call` of this tool.
    CallTool(&'a str),
    /// `tools/list`.
    ListTools,
    /// What a client needs to hold a conversation at all: `initialize`, `ping`, `notifications/…`, `server/discover`.
    Lifecycle,
    /// Anything else, by its name.
    Other(&'a str),
}

impl<'a> Method<'a> {
    /// The method of a JSON-RPC message; `tool` is `params.name` of a `tools/call`.
    pub fn of(method: &'a str, tool: Option<&'a str>) -> Self {
        match (method, tool) {
            ("tools/call", Some(tool)) => Self::CallTool(tool),
            ("tools/list", _) => Self::ListTools,
            ("initialize" | "ping" | "server/discover", _) => Self::Lifecycle,
            (other, _) if other.starts_with("notifications/") => Self::Lifecycle,
            (other, _) => Self::Other(other),
        }
    }
}

/// One call with everything that policy needs to know of it.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedCall<'a> {
    /// The verified token.
    pub token: &'a TokenFacts,
    /// The resource URI that was called.
    pub resource: &'a str,
    /// What is asked of it.
    pub method: Method<'a>,
    /// SHA-256 of the tool's definition as the server shows it now, where it is known.
    pub tool_digest: Option<&'a str>,
    /// For how many seconds the gateway's newest verified timestamp has been out of date; 0 when fresh.
    pub stale_for: i64,
}
