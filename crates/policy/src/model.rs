//! The policy set: what a gateway needs to decide offline, and nothing about any one person or session.

use crate::argument_schema::ArgumentSchema;
use crate::call::LONGEST_TOKEN_LIFE_S;
use crate::ladder::Rung;
use crate::mark::RevocationKey;
use crate::scope_set::ScopeSet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A name of which a policy has thousands. Up to 23 bytes lie in place, and looking one up follows no pointer.
pub type Name = smol_str::SmolStr;

/// One published version of a tenant's policy. It does not grow with the directory: people appear only as roles in tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// The tenant's slug. A gateway of another tenant refuses the set.
    pub tenant: String,
    /// Rises with every publish, never falls.
    pub version: u64,
    /// Whose tokens are believed, each with its keys.
    pub issuers: Vec<Issuer>,
    /// MCP servers by their resource URI, the audience of a token.
    pub servers: BTreeMap<String, McpServer>,
    /// Every scope that any tool needs or any role gives.
    pub scopes: BTreeMap<Name, Scope>,
    /// Which scopes a role gives.
    pub roles: BTreeMap<Name, ScopeSet>,
    /// Classes of OAuth clients, each with a ceiling.
    pub client_classes: BTreeMap<String, Class>,
    /// Classes of agents, each with a ceiling.
    pub agent_classes: BTreeMap<String, Class>,
    /// Named clients and agents whose ceiling is lower than their class's. An entry can only narrow.
    #[serde(default)]
    pub narrowed: BTreeMap<String, Ceiling>,
    /// What a gateway does when it has not heard from the control plane; ordered by `after`.
    pub ladder: Vec<Rung>,
    /// How often anyone may call at all, beside the limits of single tools.
    #[serde(default)]
    pub limits: Limits,
    /// Under which the revocation list hashes whom it concerns.
    pub revocation_key: RevocationKey,
    /// The audit log's key in note form, by which gateways witness its checkpoints; empty: there is none to witness.
    #[serde(default)]
    pub audit_log: String,
}

/// Limits on all calls of one principal at one gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of each subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<RateLimit>,
    /// Through each client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<RateLimit>,
    /// Of each acting agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<RateLimit>,
}

/// An issuer of access tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Exact `iss` value.
    pub issuer: String,
    /// Its public keys, a JWK set (RFC 7517) with `kid` and `alg` on each key.
    pub jwks: serde_json::Value,
}

/// An MCP server: an OAuth protected resource with tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// Short name, as people say it.
    pub name: String,
    /// Where the gateway forwards to.
    pub upstream: String,
    /// The tools that were reviewed. One that is absent is denied.
    pub tools: BTreeMap<Name, Tool>,
}

impl McpServer {
    /// The scopes that any of its tools needs.
    pub fn scopes(&self) -> BTreeSet<&str> {
        self.tools.values().filter_map(|tool| tool.scope.as_deref()).collect()
    }
}

/// One reviewed tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The scope that a caller needs; a tool bound to none is denied.
    pub scope: Option<Name>,
    /// SHA-256 of the reviewed definition, hex. A live definition that differs is denied.
    pub digest: Option<Box<str>>,
    /// JSON Schema for the arguments, checked by the gateway as an obligation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<ArgumentSchema>,
    /// How often it may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<RateLimit>,
}

/// Calls per minute. A whole minute's calls may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Calls per minute, at least 1.
    pub per_minute: u32,
}

/// How much harm a scope can do, judged by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Reads what many may read.
    Low,
    /// Reads what is confidential, or changes what is easily changed back.
    Moderate,
    /// Changes production, or reads what is personal.
    High,
    /// Could end the business day.
    Critical,
}

impl Risk {
    /// Stable lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The risk of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Low, Self::Moderate, Self::High, Self::Critical].into_iter().find(|risk| risk.as_str() == name)
    }

    /// How long an access token that carries such a scope lives, in seconds. Long is safe for low risk because revocation is fast.
    pub const fn token_life(self) -> i64 {
        match self {
            Self::Low => LONGEST_TOKEN_LIFE_S,
            Self::Moderate => 1800,
            Self::High => 600,
            Self::Critical => 300,
        }
    }
}

/// A permission with a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// What it lets people do, as a sentence.
    pub sentence: String,
    /// Its risk.
    pub risk: Risk,
    /// The oldest sign-in that may use it, in seconds; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_auth_age: Option<i64>,
    /// The authentication context class that its use requires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
}

/// A class of clients or agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The most that any member can ever use.
    pub ceiling: Ceiling,
}

/// An upper bound on scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ceiling {
    /// No bound of its own.
    Any,
    /// These and no others.
    Only(BTreeSet<String>),
}

impl Ceiling {
    /// Whether `scope` is under the ceiling.
    pub fn admits(&self, scope: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(scopes) => scopes.contains(scope),
        }
    }
}
