//! OLPC canonical JSON: the byte form that TUF signatures cover.
//!
//! Format: <http://wiki.laptop.org/go/Canonical_JSON>, as securesystemslib writes it: keys sorted by code point, no
//! white space, only `"` and `\` escaped, integers only. It is not RFC 8785.

use serde_json::Value;

/// A value that canonical JSON cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number that is not a 64-bit integer has no canonical form")]
pub struct NotCanonical;

/// The canonical bytes of a JSON value.
///
/// # Errors
/// [`NotCanonical`] if it holds a number that is not an integer.
pub fn canonical(value: &Value) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(n), _) => out.extend_from_slice(n.to_string().as_bytes()),
            (None, Some(n)) => out.extend_from_slice(n.to_string().as_bytes()),
            (None, None) => return Err(NotCanonical),
        },
        Value::String(text) => write_string(text, out),
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
            entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
            out.push(b'{');
            for (at, (key, item)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sorts_by_code_point_and_escapes_only_quote_and_backslash() {
        let value = json!({"b": [1, -2, true, null], "a": "q\"\\\n<é", "\u{10000}": 0, "\u{ffff}": 18_446_744_073_709_551_615_u64});
        let bytes = canonical(&value).expect("integers only");
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "{\"a\":\"q\\\"\\\\\n<é\",\"b\":[1,-2,true,null],\"\u{ffff}\":18446744073709551615,\"\u{10000}\":0}"
        );
    }

    #[test]
    fn refuses_what_is_not_an_integer() {
        assert_eq!(canonical(&json!([1.5])), Err(NotCanonical));
    }
}
