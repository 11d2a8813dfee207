//! Lists of tools on their way to a caller: each sees what they could use, and the gateway learns how each tool is defined now.

use enforce::{Active, definition_digest};
use policy::TokenFacts;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Digests of the tools' definitions as the servers last showed them. Only of tools that policy names, so it cannot grow beyond it.
#[derive(Debug, Default)]
pub struct Definitions(RwLock<HashMap<String, HashMap<String, String>>>);

impl Definitions {
    /// The digest of a tool as it was last seen.
    pub fn get(&self, resource: &str, tool: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(resource)?.get(tool).cloned()
    }

    fn learn(&self, active: &Active, resource: &str, definitions: &[Value]) {
        let Some(server) = active.policy().servers.get(resource) else { return };
        let mut found = Vec::new();
        for definition in definitions {
            let Some((name, reviewed)) = definition.get("name").and_then(Value::as_str).and_then(|name| server.tools.get_key_value(name))
            else {
                continue;
            };
            let digest = definition_digest(definition);
            if reviewed.digest.as_ref().is_some_and(|reviewed| *reviewed != digest) {
                tracing::warn!(
                    server = server.name,
                    tool = name,
                    live = digest,
                    "a tool is not defined as it was reviewed: calls of it are denied"
                );
            }
            found.push((name.clone(), digest));
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(resource.to_owned()).or_default().extend(found);
    }
}

/// Whom the list is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) active: &'a Active,
    pub(crate) facts: &'a TokenFacts,
    pub(crate) resource: &'a str,
    pub(crate) now: i64,
}

/// Learns from a message that carries a list of tools and takes out those that are not the reader's; `None` if it carries none.
pub(crate) fn filtered(message: &str, definitions: &Definitions, reader: Reader<'_>) -> Option<String> {
    // Most messages carry no list; they are not parsed. A server that hides the key (an escape in it) hides it from nobody who would be
    // harmed: what a list shows is comfort, what a call may do is decided at the call.
    if !message.contains("\"tools\"") {
        return None;
    }
    let mut message: Value = serde_json::from_str(message).ok()?;
    let tools = message.get_mut("result")?.get_mut("tools")?.as_array_mut()?;
    definitions.learn(reader.active, reader.resource, tools);
    let visible = reader.active.visible_tools(reader.facts, reader.resource, reader.now);
    tools.retain(|tool| tool.get("name").and_then(Value::as_str).is_some_and(|name| visible.contains(name)));
    Some(message.to_string())
}
