//! Lists of tools on their way to a caller: each sees what they could use, and the gateway learns how each tool is defined now.

use super::definitions::Definitions;
use enforce::Active;
use policy::TokenFacts;
use serde_json::Value;

/// Whom the list is for.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// What is in force.
    pub active: &'a Active,
    /// Their token's.
    pub facts: &'a TokenFacts,
    /// The server's resource URI.
    pub resource: &'a str,
    /// Unix seconds.
    pub now: i64,
}

/// Learns from a message that carries a list of tools and takes out those that are not the reader's; `None` if it carries none. Servers of
/// 2025-03-26 may answer with several messages at once, as an array.
pub fn filtered(message: &str, definitions: &Definitions, reader: Reader<'_>) -> Option<String> {
    // Most messages carry no list; they are not parsed. The key is written as it is, or with a letter of it escaped.
    if !["\"tools\"", "\\u006", "\\u007"].iter().any(|written| message.contains(written)) {
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
