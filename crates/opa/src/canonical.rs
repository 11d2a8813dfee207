//! The form of JSON that an OPA hashes: what its signatures call a structured document.
//!
//! An OPA parses `data.json` and `.manifest`, writes them again in this form and hashes that (`v1/bundle/hash.go`): no white space, keys by
//! their bytes, strings as Go's encoder writes them without its HTML escapes, numbers as they were written. What different versions of
//! Go write differently is refused here: control characters, of which some got short escapes in Go 1.22. Numbers must be whole, since
//! 1.0 and 1 are different bytes and not every program keeps them apart. Files are written in this very form, so the hash of the
//! bytes is the hash of the document.

use crate::refused::Refused;
use serde_json::Value;

/// The bytes that stand for a value.
///
/// # Errors
/// [`Refused::ControlCharacter`], [`Refused::NotAnInteger`].
pub fn canonical(value: &Value) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), Refused> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Number(number) => return Err(Refused::NotAnInteger(number.to_string())),
        Value::String(text) => string(text, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            // Sorted here and not left to serde_json: another crate may turn on its `preserve_order` feature.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (at, (key, item)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                string(key, out)?;
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>) -> Result<(), Refused> {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            // Line ends to JavaScript, which Go escapes whether or not it escapes HTML.
            '\u{2028}' => out.extend_from_slice(b"\\u2028"),
            '\u{2029}' => out.extend_from_slice(b"\\u2029"),
            '\0'..='\u{1f}' => return Err(Refused::ControlCharacter(text.chars().take(80).collect())),
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value).expect("can be written")).expect("UTF-8")
    }

    #[test]
    fn keys_are_ordered_by_bytes_and_not_by_utf_16() {
        // U+10000 is d800 dc00 in UTF-16 and would come before U+FFFF there.
        assert_eq!(
            text(&json!({"\u{10000}": 1, "\u{ffff}": 2, "b": 3, "B": 4, "": 5})),
            "{\"\":5,\"B\":4,\"b\":3,\"\u{ffff}\":2,\"\u{10000}\":1}"
        );
    }

    #[test]
    fn only_what_go_escapes_is_escaped() {
        assert_eq!(
            text(&json!("<a> & \"q\" \\ / \u{7f} \u{2028}\u{2029} é\u{1f512}")),
            "\"<a> & \\\"q\\\" \\\\ / \u{7f} \\u2028\\u2029 é\u{1f512}\""
        );
        assert_eq!(text(&json!([{}, [], "", null, true, false, [[]], {"a": {}}])), r#"[{},[],"",null,true,false,[[]],{"a":{}}]"#);
    }

    #[test]
    fn whole_numbers_only() {
        assert_eq!(text(&json!([0, -1, i64::MIN, u64::MAX])), "[0,-1,-9223372036854775808,18446744073709551615]");
        for odd in [json!(1.0), json!(1e3), json!(0.5)] {
            assert!(matches!(canonical(&json!({"x": [odd]})), Err(Refused::NotAnInteger(_))));
        }
    }

    #[test]
    fn control_characters_are_refused_with_the_string_that_holds_them() {
        for c in ('\0'..='\u{1f}').map(|c| format!("log{c}s")) {
            assert_eq!(canonical(&json!([c])), Err(Refused::ControlCharacter(c.clone())));
            let mut map = serde_json::Map::new();
            map.insert(c.clone(), json!(1));
            assert_eq!(canonical(&Value::Object(map)), Err(Refused::ControlCharacter(c)));
        }
    }

    /// The vector of the reference, which the genuine engine confirms in `tests/genuine.rs`.
    #[test]
    fn the_vector_that_an_opa_computes_too() {
        let bytes = canonical(&json!({"b": [1, 2, {"z": null, "a": true}], "a": {"k": "v"}})).expect("can be written");
        assert_eq!(bytes, br#"{"a":{"k":"v"},"b":[1,2,{"a":true,"z":null}]}"#);
    }
}
