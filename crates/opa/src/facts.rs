//! The policy as data and Rego.

use crate::lane::Lane;
use crate::manifest::nanoseconds;
use crate::refused::Refused;
use crate::rego;
use crate::revision::Revision;
use crate::unsigned::Unsigned;
use policy::{Ceiling, Class, Limits, McpServer, PolicySet, Scope, Tool};
use serde_json::{Map, Value, json};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// What the policy's manifest says beside the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTerms {
    /// SHA-256 of the native policy's bytes, lower-case hex: which of a gateway's policies this is.
    pub native_sha256: String,
    /// When it is signed, Unix seconds.
    pub signed: i64,
    /// When it ends, Unix seconds: from this second on it denies everything.
    pub expires: i64,
}

/// The policy as an OPA's bundle.
///
/// # Errors
/// [`Refused::ControlCharacter`] for a name that cannot be carried.
pub fn policy_bundle(set: &PolicySet, terms: &PolicyTerms) -> Result<Unsigned, Refused> {
    let metadata = json!({
        "tenant": set.tenant, "version": set.version, "native_sha256": terms.native_sha256,
        "signed_ns": nanoseconds(terms.signed), "expires_ns": nanoseconds(terms.expires),
    });
    let revision = Revision::Policy { version: set.version, sha256: terms.native_sha256.clone(), signed: terms.signed };
    Unsigned::new(Lane::Policy, &set.tenant, revision, &metadata, documents(set), rego::modules(set), terms.signed)
}

/// What is large has a document of its own, so that an OPA can let go of one without the other.
fn documents(set: &PolicySet) -> Vec<(&'static str, Value)> {
    let issuers: Map<String, Value> =
        set.issuers.iter().map(|issuer| (issuer.issuer.clone(), json!({ "jwks": issuer.jwks.to_string() }))).collect();
    let about = json!({
        "tenant": set.tenant, "version": set.version, "issuers": issuers, "limits": limits(&set.limits),
        "revocation_key": set.revocation_key.as_str(),
    });
    let classes = |classes: &BTreeMap<String, Class>| by_name(classes, |class| ceiling(&class.ceiling));
    vec![
        ("writ/policy", about),
        ("writ/policy/servers", by_name(&set.servers, server)),
        ("writ/policy/scopes", by_name(&set.scopes, scope)),
        ("writ/policy/roles", by_name(&set.roles, |scopes| members(scopes.iter()))),
        ("writ/policy/client_classes", classes(&set.client_classes)),
        ("writ/policy/agent_classes", classes(&set.agent_classes)),
        ("writ/policy/narrowed", by_name(&set.narrowed, ceiling)),
    ]
}

fn by_name<K: Borrow<str>, T>(all: &BTreeMap<K, T>, value: impl Fn(&T) -> Value) -> Value {
    Value::Object(all.iter().map(|(name, of)| (name.borrow().to_owned(), value(of))).collect())
}

/// A set as Rego looks things up fastest.
fn members<'n>(names: impl IntoIterator<Item = &'n str>) -> Value {
    Value::Object(names.into_iter().map(|name| (name.to_owned(), Value::Bool(true))).collect())
}

fn ceiling(ceiling: &Ceiling) -> Value {
    match ceiling {
        Ceiling::Any => json!({ "any": true }),
        Ceiling::Only(scopes) => json!({ "only": members(scopes.iter().map(String::as_str)) }),
    }
}

/// In the order in which they are owed.
fn limits(limits: &Limits) -> Value {
    let all = [("subject", limits.subject), ("client", limits.client), ("agent", limits.agent)];
    let limit = |(counted, limit): (&str, Option<policy::RateLimit>)| Some(json!({ "counted": counted, "per_minute": limit?.per_minute }));
    all.into_iter().filter_map(limit).collect()
}

fn server(server: &McpServer) -> Value {
    json!({ "name": server.name, "tools": by_name(&server.tools, tool) })
}

/// What a tool does not have is left out: in Rego it is undefined then.
fn tool(tool: &Tool) -> Value {
    let mut facts = Map::new();
    if let Some(scope) = &tool.scope {
        facts.insert("scope".to_owned(), json!(scope));
    }
    if let Some(digest) = &tool.digest {
        facts.insert("digest".to_owned(), json!(digest));
    }
    if let Some(schema) = &tool.arguments {
        // As text: a schema may hold fractions and control characters, which programs hash differently.
        facts.insert("arguments".to_owned(), json!(schema.text()));
    }
    if let Some(limit) = &tool.limit {
        facts.insert("per_minute".to_owned(), json!(limit.per_minute));
    }
    Value::Object(facts)
}

fn scope(scope: &Scope) -> Value {
    let mut facts = Map::new();
    facts.insert("risk".to_owned(), json!(scope.risk.as_str()));
    if let Some(most) = scope.max_auth_age {
        facts.insert("max_auth_age".to_owned(), json!(most));
    }
    if let Some(acr) = &scope.acr {
        facts.insert("acr".to_owned(), json!(acr));
    }
    Value::Object(facts)
}
