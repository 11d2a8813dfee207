//! The fingerprint of a tool's definition.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The members that make up a definition; a change to any of them is a change of the tool.
const MEMBERS: [&str; 4] = ["annotations", "description", "inputSchema", "name"];

/// The digest of a raw tool definition as `tools/list` returns it: lower-case hex of SHA-256 over canonical JSON.
///
/// Canonical JSON here means: an object of those of the members `annotations`, `description`, `inputSchema` and
/// `name` that are present and not null; object members at every depth sorted by the bytes of their names; arrays
/// in their order; no white space; UTF-8, strings and numbers as `serde_json` writes them. Everything else about a
/// tool (title, icons, output schema, `_meta`) does not count. A gateway computes the same over what it sees.
///
/// ```
/// use serde_json::json;
/// let reviewed = json!({ "name": "logs.read", "inputSchema": { "type": "object", "required": [] } });
/// let seen = json!({ "inputSchema": { "required": [], "type": "object" }, "title": "Logs", "name": "logs.read" });
/// assert_eq!(outbound::catalogue::definition_digest(&reviewed), outbound::catalogue::definition_digest(&seen));
/// ```
pub fn definition_digest(definition: &Value) -> String {
    let mut text = String::from("{");
    for member in MEMBERS {
        match definition.get(member) {
            None | Some(Value::Null) => {}
            Some(value) => {
                separate(&mut text, '{');
                text.push_str(&format!("\"{member}\":"));
                canonical(value, &mut text);
            }
        }
    }
    text.push('}');
    hex::encode(Sha256::digest(text))
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            // Not every build of serde_json keeps its maps sorted.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|left, right| left.0.cmp(right.0));
            text.push('{');
            for (name, value) in sorted {
                separate(text, '{');
                scalar(&Value::from(name.as_str()), text);
                text.push(':');
                canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                separate(text, '[');
                canonical(item, text);
            }
            text.push(']');
        }
        other => scalar(other, text),
    }
}

/// A comma, unless something was just opened. No value ends in an opening bracket: a string ends in a quote.
fn separate(text: &mut String, opening: char) {
    if !text.ends_with(opening) {
        text.push(',');
    }
}

fn scalar(value: &Value, text: &mut String) {
    write!(text, "{value}").expect("writing to a String never fails");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    use super::{canonical, definition_digest};

    #[test]
    fn the_bytes_are_what_the_documentation_says() {
        let definition = json!({
            "name": "a", "title": "ignored", "description": "é\n", "annotations": null,
            "inputSchema": { "z": [1, {}, [], { "b": 1, "a": -2.5 }], "": "\"{", "type": "object" },
        });
        let expected = "{\"description\":\"é\\n\",\"inputSchema\":{\"\":\"\\\"{\",\"type\":\"object\",\
                        \"z\":[1,{},[],{\"a\":-2.5,\"b\":1}]},\"name\":\"a\"}";
        assert_eq!(definition_digest(&definition), hex::encode(Sha256::digest(expected)));
    }

    #[test]
    fn canonical_json_reads_back_as_the_same_value() {
        let value = json!({ "b": [[], [{}], "[", "{", null, true], "a": { "x": {}, "w": "" } });
        let mut text = String::new();
        canonical(&value, &mut text);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("is JSON"), value);
    }

    #[test]
    fn each_member_counts() {
        let base = json!({ "name": "a", "description": "d", "inputSchema": {}, "annotations": { "readOnlyHint": true } });
        for (member, other) in [
            ("name", json!("b")),
            ("description", json!("d ")),
            ("inputSchema", json!({ "type": "object" })),
            ("annotations", json!({ "readOnlyHint": false })),
        ] {
            let mut changed = base.clone();
            changed[member] = other;
            assert_ne!(definition_digest(&base), definition_digest(&changed), "{member}");
        }
    }
}
