//! One tool, checked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Bounds, definition_digest};
use crate::text::{brief, capped, visible};

/// A tool as it was imported.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ImportedTool {
    /// Its name: 1 to 128 of `A-Z a-z 0-9 _ . / : -`.
    pub name: String,
    /// A title for people, made visible, at most 200 bytes.
    pub title: Option<String>,
    /// What it says it does, made visible; untrusted text.
    pub description: String,
    /// How many characters the description has in all. The digest is over the whole.
    pub description_chars: u64,
    /// How many of them were cut off: not in `description`.
    pub description_unread: u64,
    /// The JSON Schema of its arguments, as sent; strings inside it are untrusted text.
    pub input_schema: Map<String, Value>,
    /// Hints of the server's author; never a basis for trust.
    pub annotations: Annotations,
    /// See [`definition_digest`].
    pub definition_digest: String,
}

/// What a tool's author says about its effects; `None` where nothing is said.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Annotations {
    /// Changes nothing (`readOnlyHint`).
    pub read_only: Option<bool>,
    /// May destroy something (`destructiveHint`).
    pub destructive: Option<bool>,
    /// Twice is as good as once (`idempotentHint`).
    pub idempotent: Option<bool>,
    /// Reaches beyond the server's own world (`openWorldHint`).
    pub open_world: Option<bool>,
}

/// Whether this can be a tool's name here.
fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./:-".contains(&byte))
}

impl ImportedTool {
    /// Checks a raw definition; the error says what is wrong with it, as the second half of a sentence.
    pub(super) fn from_definition(definition: &Value, bounds: &Bounds) -> Result<Self, String> {
        let Some(members) = definition.as_object() else { return Err("is not an object".into()) };
        let name = text(members, "name")?.ok_or("has no name")?;
        if !is_name(name) {
            return Err("has a name that is not 1 to 128 of A-Z a-z 0-9 _ . / : -".into());
        }
        let whole = text(members, "description")?.unwrap_or_default();
        let (description, _) = capped(whole, bounds.description);
        let schema = match members.get("inputSchema") {
            Some(Value::Object(schema)) => schema,
            Some(_) => return Err("has an input schema that is not an object".into()),
            None => return Err("has no input schema".into()),
        };
        if serde_json::to_string(schema).map_or(usize::MAX, |text| text.len()) > bounds.schema {
            return Err(format!("has an input schema of more than {} bytes", bounds.schema));
        }
        let annotations = match members.get("annotations") {
            None | Some(Value::Null) => Annotations::default(),
            Some(Value::Object(hints)) => Annotations {
                read_only: flag(hints, "readOnlyHint")?,
                destructive: flag(hints, "destructiveHint")?,
                idempotent: flag(hints, "idempotentHint")?,
                open_world: flag(hints, "openWorldHint")?,
            },
            Some(_) => return Err("has annotations that are not an object".into()),
        };
        Ok(Self {
            name: name.into(),
            title: text(members, "title")?.map(short),
            description: visible(description, true),
            description_chars: characters(whole),
            description_unread: characters(&whole[description.len()..]),
            input_schema: schema.clone(),
            annotations,
            definition_digest: definition_digest(definition),
        })
    }
}

fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

/// A stranger's short text.
pub(super) fn short(text: &str) -> String {
    visible(capped(text, 200).0, false)
}

/// What to call a tool that may not even have a name.
pub(super) fn label(definition: &Value) -> String {
    brief(definition.get("name").and_then(Value::as_str).unwrap_or_default())
}

fn text<'v>(members: &'v Map<String, Value>, member: &str) -> Result<Option<&'v str>, String> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("has a {member} that is not text")),
    }
}

fn flag(hints: &Map<String, Value>, hint: &str) -> Result<Option<bool>, String> {
    match hints.get(hint) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(format!("has a {hint} that is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names() {
        for good in ["a", "logs.debug.write", "A/b:c-d_9", &"x".repeat(128)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "lögs", "a\u{202e}", "a\n", &"x".repeat(129)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
