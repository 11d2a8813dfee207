//! The same questions to the Rego that Writ generates, in `regorus`.

use super::Question;
use anyhow::{Context as _, Result};
use opa::{PolicyTerms, RevocationTerms, policy_bundle, revocations_bundle};
use opa_engines::{Interpreter, question::claims, world::World};
use policy::{PolicySet, Revocations};
use serde_json::{Value, json};

/// An engine with both bundles.
pub struct Rego(Interpreter);

impl Rego {
    /// Activates what is made of the policy and the list.
    pub fn new(policy: &PolicySet, revocations: &Revocations, now: i64) -> Result<Self> {
        let terms = PolicyTerms { native_sha256: String::new(), signed: now, expires: now + 3_600 };
        let policy = policy_bundle(policy, &terms)?;
        let terms = RevocationTerms { floor: 1, signed: now, fresh_until: now + 3_600, expires: now + 3_600 };
        let list = revocations_bundle(revocations, &terms)?;
        let mut world = World::default();
        for bundle in [&policy, &list] {
            world.activate(bundle.lane().bundle_name(), bundle.files())?;
        }
        Ok(Self(Interpreter::new(&world, now * 1_000_000_000)?))
    }

    /// A question as an input document.
    pub fn asked(question: &Question<'_>, now: i64) -> Value {
        json!({
            "token": claims(question.token), "resource": question.resource, "method": "tools/call", "tool": question.tool, "now": now,
        })
    }

    /// Whether it is allowed.
    pub fn allows(&mut self, asked: &Value) -> Result<bool> {
        self.0.document("data.writ.decision", asked)?["allow"].as_bool().context("a decision without `allow`")
    }
}
