//! Hashes of files as a signature lists them.

use crate::load::Refused;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Whether a file is hashed as a document and not as bytes. The last part of the name decides, and only these four.
pub(crate) fn is_structured(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "data.json" | "data.yaml" | "signatures.json" | ".manifest")
}

/// The digest of a file in hex.
pub(crate) fn digest(path: &str, bytes: &[u8], algorithm: &str) -> Result<String, Refused> {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA256, SHA384, SHA512, digest};
    let algorithm = match algorithm {
        "SHA-1" => &SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-224" => &SHA224,
        "SHA-256" => &SHA256,
        "SHA-384" => &SHA384,
        "SHA-512" => &SHA512,
        "" => return Err(Refused::NoAlgorithm(path.to_owned())),
        other => return Err(Refused::UnknownAlgorithm(other.to_owned())),
    };
    if !is_structured(path) {
        return Ok(hex::encode(digest(algorithm, bytes)));
    }
    let document: Box<RawValue> = serde_json::from_slice(bytes).map_err(|_| Refused::NotJson(path.to_owned()))?;
    let mut out = String::new();
    write(document.get(), &mut out).ok_or_else(|| Refused::NotJson(path.to_owned()))?;
    Ok(hex::encode(digest(algorithm, out.as_bytes())))
}

/// Writes a document again: keys by their bytes, no white space, numbers as they were, strings as Go's encoder writes them.
fn write(json: &str, out: &mut String) -> Option<()> {
    let json = json.trim();
    match json.as_bytes().first()? {
        b'{' => {
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                string(name, out);
                out.push(':');
                write(value.get(), out)?;
            }
            out.push('}');
        }
        b'[' => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item.get(), out)?;
            }
            out.push(']');
        }
        b'"' => string(&serde_json::from_str::<String>(json).ok()?, out),
        _ => out.push_str(json),
    }
    Some(())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> String {
        let mut out = String::new();
        write(json, &mut out).expect("JSON");
        out
    }

    #[test]
    fn a_document_is_written_as_go_writes_it() {
        for (json, wanted) in [
            (" { \"b\" : [ 1 , 2 ] , \"a\" : { } } ", r#"{"a":{},"b":[1,2]}"#),
            ("[1.0, 1e3, -0, 12345678901234567890]", "[1.0,1e3,-0,12345678901234567890]"),
            (r#""<\u0062>&\/\u2028\u00e9""#, "\"<b>&/\\u2028é\""),
            (r#""\u0000\u0001\b\f\n\u007f""#, "\"\\u0000\\u0001\\b\\f\\n\u{7f}\""),
            (r#"{"𐀀":1,"￿":2}"#, r#"{"￿":2,"𐀀":1}"#),
            ("[[],{},\"\",null,true,false]", "[[],{},\"\",null,true,false]"),
        ] {
            assert_eq!(written(json), wanted);
        }
    }

    #[test]
    fn which_files_are_documents() {
        for (path, structured) in [
            ("data.json", true),
            ("a/b/data.json", true),
            (".manifest", true),
            ("a/signatures.json", true),
            ("data.yml", false),
            ("patch.json", false),
            ("plan.json", false),
            ("a/mydata.json", false),
            (".signatures.json", false),
        ] {
            assert_eq!(is_structured(path), structured, "{path}");
        }
    }
}
