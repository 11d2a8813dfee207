//! From a question to the input document, and from a decision to the answer that is wanted.

use policy::{Actor, Counted, Decision, Obligation, Supply, TokenFacts};
use serde_json::{Value, json};
use situations::every_kind::Question;
use token::{ActClaim, Claims};

/// The claims of a token with these facts.
pub fn claims(facts: &TokenFacts) -> Claims {
    let chain = facts.inner_actors.iter().rev().chain(facts.agent.as_ref());
    let act = chain.fold(None, |inner: Option<ActClaim>, actor: &Actor| {
        Some(ActClaim { sub: actor.id.clone(), sub_profile: "ai_agent".to_owned(), class: actor.class.clone(), act: inner.map(Box::new) })
    });
    Claims {
        iss: facts.issuer.clone(),
        aud: facts.audience.clone(),
        sub: facts.subject.clone(),
        sub_profile: facts.subject_kind,
        client_id: facts.client.clone(),
        client_class: facts.client_class.clone(),
        scope: facts.scope.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        iat: facts.iat,
        exp: facts.exp,
        jti: facts.jti.clone(),
        sid: facts.session.clone(),
        lineage: facts.lineage.clone(),
        tenant: facts.tenant.clone(),
        roles: facts.roles.clone(),
        grants: facts.grants.clone(),
        act,
        acr: facts.acr.clone(),
        amr: Vec::new(),
        auth_time: facts.auth_time,
        seq: facts.seq,
    }
}

/// The input document of a question, `now` in Unix seconds. What is not known is left out.
pub fn input(question: &Question, now: i64) -> Value {
    let mut input = json!({ "token": claims(&question.token), "resource": question.resource, "method": question.method, "now": now });
    if let Some(tool) = &question.tool {
        input["tool"] = json!(tool);
    }
    if let Some(digest) = &question.digest {
        input["tool_digest"] = json!(digest);
    }
    if question.stale_for != 0 {
        input["stale_for"] = json!(question.stale_for);
    }
    input
}

/// What the Rego is to answer where policy decides so.
pub fn wanted(decision: &Decision<'_>) -> Value {
    match decision {
        Decision::Deny(deny) => {
            json!({ "allow": false, "reason": deny.reason.code(), "scope": deny.scope, "supply": null, "obligations": [] })
        }
        Decision::Allow(allow) => {
            let supply = allow.supply.map(|supply| match supply {
                Supply::Role(role) => json!({ "kind": "role", "id": role }),
                Supply::Grant(grant) => json!({ "kind": "grant", "id": grant }),
            });
            let obligations: Vec<Value> = allow.obligations.iter().map(obligation).collect();
            json!({ "allow": true, "reason": "allowed", "scope": allow.scope, "supply": supply, "obligations": obligations })
        }
    }
}

fn obligation(obligation: &Obligation<'_>) -> Value {
    let counted = |counted: &Counted| counted.as_str();
    match obligation {
        Obligation::ToolDigest(digest) => json!({ "kind": "tool_digest", "sha256": digest }),
        Obligation::Arguments(schema) => json!({ "kind": "arguments", "schema": schema }),
        Obligation::RateLimit(whose, limit) => json!({ "kind": "rate_limit", "counted": counted(whose), "per_minute": limit.per_minute }),
    }
}
