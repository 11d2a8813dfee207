//! Lists of tools on their way to a caller: each sees what they could use, and the gateway learns how each tool is defined now.

use super::definitions::Definitions;
use enforce::Active;
use policy::TokenFacts;
use serde_json::Value;

/// Whom the list is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) active: &'a Active,
    pub(crate) facts: &'a TokenFacts,
    pub(crate) resource: &'a str,
    pub(crate) now: i64,
}

/// Learns from a message that carries a list of tools and takes out those that are not the reader's; `None` if it carries none. Servers of
/// 2025-03-26 may answer with several messages at once, as an array.
pub(crate) fn filtered(message: &str, definitions: &Definitions, reader: Reader<'_>) -> Option<String> {
    // Most messages carry no list; they are not parsed. A server that hides the key (an escape in it) hides it from nobody who would be
    // harmed: what a list shows is comfort, what a call may do is decided at the call.
    if !message.contains("\"tools\"") {
        return None;
    }
    let mut message: Value = serde_json::from_str(message).ok()?;
    let messages = match &mut message {
        Value::Array(several) => several.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    let mut lists = messages.iter_mut().filter_map(|one| one.get_mut("result")?.get_mut("tools")?.as_array_mut()).peekable();
    lists.peek()?;
    let visible = reader.active.visible_tools(reader.facts, reader.resource, reader.now);
    for tools in lists {
        definitions.learn(reader.active, reader.resource, tools);
        tools.retain(|tool| tool.get("name").and_then(Value::as_str).is_some_and(|name| visible.contains(name)));
    }
    Some(message.to_string())
}
