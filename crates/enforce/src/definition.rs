//! The digest of a tool's definition, by which a changed tool is told from the reviewed one.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The members that a model or a person relies on. Others (titles, icons, `_meta`) may change without a review.
const MEMBERS: [&str; 4] = ["annotations", "description", "inputSchema", "name"];

/// SHA-256, lower-case hex, of the definition's `annotations`, `description`, `inputSchema` and `name` as far as they are present and not null, written
/// as compact JSON with all keys sorted.
pub fn definition_digest(definition: &Value) -> String {
    let mut text = String::from("{");
    for member in MEMBERS {
        // Some servers write what they do not have as null.
        if let Some(value) = definition.get(member).filter(|value| !value.is_null()) {
            if text.len() > 1 {
                text.push(',');
            }
            write_string(member, &mut text);
            text.push(':');
            write_sorted(value, &mut text);
        }
    }
    text.push('}');
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Keys are sorted here and not left to the map, whose order depends on a feature that any other crate could switch on.
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_sorted(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_string(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&Value::String(text.to_owned()).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_shared_vector() {
        let text = r#"{"annotations":{"readOnlyHint":true},"description":"Read \"logs\"","inputSchema":{"properties":{"a":{"type":"string"},"b":{"type":"integer"}},"type":"object"},"name":"logs.read"}"#;
        let definition = json!({
            "name": "logs.read",
            "title": "Read",
            "inputSchema": {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}},
            "description": "Read \"logs\"",
            "annotations": {"readOnlyHint": true},
        });
        assert_eq!(definition_digest(&definition), hex::encode(Sha256::digest(text)));
    }

    /// The control plane's own test has the same vector: what it reviews is what is compared here.
    #[test]
    fn the_vector_of_the_control_plane() {
        let definition = json!({
            "name": "a", "title": "ignored", "description": "é\n", "annotations": null,
            "inputSchema": { "z": [1, {}, [], { "b": 1, "a": -2.5 }], "": "\"{", "type": "object" },
        });
        let text = "{\"description\":\"é\\n\",\"inputSchema\":{\"\":\"\\\"{\",\"type\":\"object\",\"z\":[1,{},[],{\"a\":-2.5,\"b\":1}]},\"name\":\"a\"}";
        assert_eq!(definition_digest(&definition), hex::encode(Sha256::digest(text)));
    }

    #[test]
    fn absent_is_null_and_titles_do_not_count() {
        let bare = definition_digest(&json!({"name": "a"}));
        assert_eq!(bare, definition_digest(&json!({"name": "a", "title": "A", "_meta": {}, "description": null})));
    }
}
