//! The same questions to `cedar-policy`, with two policies and the facts as entities: what its users would write, and the fastest form of
//! it that was found (a policy for each role takes time that grows with the roles).

use super::Question;
use anyhow::{Context as _, Result};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use policy::{PolicySet as Writ, TokenFacts};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const POLICIES: &str = r#"
permit (principal, action == Action::"call", resource is Tool)
when {
    context.now < context.token.exp &&
    context.token.audience == resource.server &&
    context.token.scopes.contains(resource.scope.name) &&
    principal in resource.scope.roles
};

forbid (principal, action, resource)
when { Revocations::"list".marks.containsAny([context.token.jti, context.token.session, context.token.lineage, context.token.client]) };
"#;

/// Policies, entities and one context for each token.
pub struct Cedar {
    policies: PolicySet,
    entities: Entities,
    authorizer: Authorizer,
}

/// A question that Cedar can be asked.
pub struct Asked(Request);

fn uid(kind: &str, id: &str) -> Value {
    json!({ "type": kind, "id": id })
}

fn reference(kind: &str, id: &str) -> Value {
    json!({ "__entity": uid(kind, id) })
}

impl Cedar {
    /// The policy, what is revoked, and who has the tokens.
    pub fn new(policy: &Writ, revoked: &[String], tokens: &[TokenFacts]) -> Result<Self> {
        let mut entities = Vec::new();
        let mut givers: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (role, scopes) in &policy.roles {
            entities.push(json!({ "uid": uid("Role", role), "attrs": {}, "parents": [] }));
            for scope in scopes.iter() {
                givers.entry(scope).or_default().push(reference("Role", role));
            }
        }
        for scope in policy.scopes.keys() {
            let roles = givers.remove(scope.as_str()).unwrap_or_default();
            entities.push(json!({ "uid": uid("Scope", scope), "attrs": { "name": scope, "roles": roles }, "parents": [] }));
        }
        for (resource, server) in &policy.servers {
            for (name, tool) in &server.tools {
                let scope = tool.scope.as_deref().context("every tool of this policy has a scope")?;
                let attrs = json!({ "server": resource, "scope": reference("Scope", scope) });
                entities.push(json!({ "uid": uid("Tool", &tool_id(resource, name)), "attrs": attrs, "parents": [] }));
            }
        }
        for token in tokens {
            let parents: Vec<Value> = token.roles.iter().map(|role| uid("Role", role)).collect();
            entities.push(json!({ "uid": uid("User", &token.subject), "attrs": {}, "parents": parents }));
        }
        entities.push(json!({ "uid": uid("Revocations", "list"), "attrs": { "marks": revoked }, "parents": [] }));
        Ok(Self {
            policies: POLICIES.parse()?,
            entities: Entities::from_json_value(Value::Array(entities), None)?,
            authorizer: Authorizer::new(),
        })
    }

    /// A token's facts, made once for all questions that are asked with it.
    pub fn context(token: &TokenFacts, resource: &str, now: i64) -> Result<Context> {
        let facts = json!({
            "now": now,
            "token": {
                "exp": token.exp, "audience": resource, "scopes": token.scope, "jti": token.jti, "session": token.session,
                "lineage": token.lineage, "client": token.client,
            },
        });
        Ok(Context::from_json_value(facts, None)?)
    }

    /// A question in Cedar's form.
    pub fn asked(question: &Question<'_>, context: Context) -> Result<Asked> {
        let entity = |kind: &str, id: &str| EntityUid::from_json(uid(kind, id)).context("an entity");
        let tool = tool_id(question.resource, question.tool);
        let request =
            Request::new(entity("User", &question.token.subject)?, entity("Action", "call")?, entity("Tool", &tool)?, context, None)?;
        Ok(Asked(request))
    }

    /// Whether it is allowed.
    pub fn allows(&self, asked: &Asked) -> bool {
        self.authorizer.is_authorized(&asked.0, &self.policies, &self.entities).decision() == Decision::Allow
    }
}

fn tool_id(resource: &str, tool: &str) -> String {
    format!("{resource}#{tool}")
}
