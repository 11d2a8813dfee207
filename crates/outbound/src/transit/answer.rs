//! Answers of the engine: bytes in, what they say or why they cannot be used out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{KeyName, TransitError};
use crate::text::brief;

/// What every refusal says.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

fn malformed(error: impl std::fmt::Display) -> TransitError {
    TransitError::Malformed(brief(&error.to_string()))
}

/// What `GET keys/{name}` was answered with: the version that is named or else the newest, and its public half as the engine shows it, which is
/// SPKI in PEM. Nobody has looked into that yet.
///
/// # Errors
/// [`TransitError`] for a refusal, a key that cannot sign here, and whatever cannot be read.
pub fn public_half(name: &KeyName, status: u16, body: &[u8]) -> Result<(u64, String), TransitError> {
    let data = data(name, status, body)?;
    let kind = text(&data, "type")?;
    if kind != "ecdsa-p256" {
        return Err(TransitError::NoSuchKey(format!("{name} is of type {}; make it with type=ecdsa-p256", brief(kind))));
    }
    let latest = member(&data, "latest_version")?.as_u64().filter(|version| *version > 0);
    let latest = latest.ok_or_else(|| malformed("a latest_version that is no number above 0"))?;
    let version = name.version.unwrap_or(latest);
    let held = member(&data, "keys")?.get(version.to_string());
    let held = held.ok_or_else(|| TransitError::NoSuchKey(format!("{}/{} has no version {version}", name.mount, name.name)))?;
    // Symmetric keys have times instead of versions with public halves.
    Ok((version, text(held, "public_key")?.to_owned()))
}

/// What `POST sign/{name}` was answered with: the bytes in `vault:v1:BASE64`, which has to be made with this version. Nobody has verified them yet.
///
/// # Errors
/// [`TransitError`] for a refusal, a signature of another version, and whatever cannot be read.
pub fn signature(name: &KeyName, version: u64, status: u16, body: &[u8]) -> Result<Vec<u8>, TransitError> {
    let data = data(name, status, body)?;
    let encoded = text(&data, "signature")?.strip_prefix(&format!("vault:v{version}:"));
    let encoded = encoded.ok_or_else(|| malformed(format!("a signature that does not begin with vault:v{version}:")))?;
    STANDARD.decode(encoded).map_err(malformed)
}

/// What is in an answer's `data`, or what was said instead.
fn data(name: &KeyName, status: u16, body: &[u8]) -> Result<Value, TransitError> {
    if status == 200 {
        let mut answer: Map<String, Value> = serde_json::from_slice(body).map_err(malformed)?;
        return answer.remove("data").ok_or_else(|| malformed("an answer without data"));
    }
    let said = serde_json::from_slice::<Errors>(body).map(|said| brief(&said.errors.join("; "))).unwrap_or_default();
    let said = if said.is_empty() { "it said nothing that can be read".to_owned() } else { said };
    Err(match status {
        404 => TransitError::NoSuchKey(format!("there is no {}/{}", name.mount, name.name)),
        300..=399 => TransitError::Unable { status, said: "redirects are not followed, so give the address of the active node".to_owned() },
        // 412: what is asked of is not replicated yet. 429: standby, or too much.
        412 | 429 | 472.. => TransitError::Unable { status, said },
        _ => TransitError::Refused { status, said },
    })
}

/// A member of an object, by its name: in a list, in which a derived reader would take values by their place, there is none.
fn member<'a>(object: &'a Value, name: &str) -> Result<&'a Value, TransitError> {
    object.get(name).ok_or_else(|| malformed(format!("an answer without {name}")))
}

fn text<'a>(object: &'a Value, name: &str) -> Result<&'a str, TransitError> {
    member(object, name)?.as_str().ok_or_else(|| malformed(format!("a {name} that is no text")))
}
