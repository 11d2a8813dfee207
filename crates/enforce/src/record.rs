//! One line of the decision log.

use policy::{SubjectKind, Supply, TokenFacts};
use serde::{Deserialize, Serialize};

/// What was decided about one call, for whom and by which rule. Holds no token and no arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// `allow` or `deny`.
    pub decision: String,
    /// A stable code; `allowed` for an allow.
    pub reason: String,
    /// The JSON-RPC method, or `GET`/`DELETE` for a session's stream and end.
    pub method: String,
    /// The tool of a `tools/call`.
    pub tool: Option<String>,
    /// The resource URI.
    pub resource: String,
    /// The MCP server's short name, where policy knows the resource.
    pub server: Option<String>,
    /// The scope that was needed.
    pub scope: Option<String>,
    /// What gave it.
    pub rule: Option<Rule>,
    /// Who it is about.
    pub sub: String,
    /// What kind of principal that is.
    pub sub_profile: SubjectKind,
    /// The OAuth client.
    pub client_id: String,
    /// The acting agent.
    pub agent: Option<String>,
    /// The agents that it acts for, the nearest first: the rest of the chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner_agents: Vec<String>,
    /// The token's id.
    pub jti: String,
    /// The session.
    pub sid: String,
    /// The grants that the token carries.
    pub grant_ids: Vec<String>,
    /// The policy decided by.
    pub policy_version: u64,
    /// The revocation list decided by.
    pub revocation_seq: u64,
    /// The request's id, which is also in the answer and in the assertion that goes to the server.
    pub request_id: String,
    /// The trace that the call belongs to (W3C Trace Context), where the caller named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// What gave a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A role.
    Role(String),
    /// A grant, by id.
    Grant(String),
}

impl From<Supply<'_>> for Rule {
    fn from(supply: Supply<'_>) -> Self {
        match supply {
            Supply::Role(role) => Self::Role(role.to_owned()),
            Supply::Grant(grant) => Self::Grant(grant.to_owned()),
        }
    }
}

impl Record {
    /// [`Record::decision`] of a call that went on.
    pub const ALLOW: &str = "allow";
    /// [`Record::decision`] of a call that did not.
    pub const DENY: &str = "deny";

    pub(crate) fn about(facts: &TokenFacts, request_id: &str, trace_id: Option<&str>, at_ms: i64) -> Self {
        Self {
            at_ms,
            decision: String::new(),
            reason: String::new(),
            method: String::new(),
            tool: None,
            resource: String::new(),
            server: None,
            scope: None,
            rule: None,
            sub: facts.subject.clone(),
            sub_profile: facts.subject_kind,
            client_id: facts.client.clone(),
            agent: facts.agent.as_ref().map(|agent| agent.id.clone()),
            inner_agents: facts.inner_actors.iter().map(|actor| actor.id.clone()).collect(),
            jti: facts.jti.clone(),
            sid: facts.session.clone(),
            grant_ids: facts.grants.iter().map(|grant| grant.id.clone()).collect(),
            policy_version: 0,
            revocation_seq: 0,
            request_id: request_id.to_owned(),
            trace_id: trace_id.map(str::to_owned),
        }
    }
}
