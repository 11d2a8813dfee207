//! Answers of the engine.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{KeyName, TransitError};
use crate::text::brief;

/// What every answer with data is wrapped in.
#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// What every refusal says.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

/// `GET keys/{name}`. Symmetric keys list times instead of versions with public halves, so those are read last.
#[derive(Deserialize)]
pub(super) struct Key {
    #[serde(rename = "type")]
    kind: String,
    latest_version: u64,
    keys: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Version {
    public_key: String,
}

#[derive(Deserialize)]
pub(super) struct Signed {
    signature: String,
}

fn malformed(error: impl std::fmt::Display) -> TransitError {
    TransitError::Malformed(brief(&error.to_string()))
}

/// The data of an answer, or what was said instead.
pub(super) fn data<T: DeserializeOwned>(name: &KeyName, response: &::http::Response<Vec<u8>>) -> Result<T, TransitError> {
    let (status, body) = (response.status().as_u16(), response.body());
    if status == 200 {
        return serde_json::from_slice::<Envelope<T>>(body).map(|envelope| envelope.data).map_err(malformed);
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

impl Key {
    /// The version that is named or else the newest, and its public half as PEM.
    pub(super) fn public(&self, name: &KeyName) -> Result<(u64, String), TransitError> {
        if self.kind != "ecdsa-p256" {
            return Err(TransitError::NoSuchKey(format!("{name} is of type {}; make it with type=ecdsa-p256", brief(&self.kind))));
        }
        let version = name.version.unwrap_or(self.latest_version);
        let held = self.keys.get(&version.to_string());
        let held = held.ok_or_else(|| TransitError::NoSuchKey(format!("{}/{} has no version {version}", name.mount, name.name)))?;
        let held = Version::deserialize(held).map_err(malformed)?;
        Ok((version, held.public_key))
    }
}

impl Signed {
    /// The signature's bytes: `vault:v1:BASE64`, made with this version.
    pub(super) fn der(&self, version: u64) -> Result<Vec<u8>, TransitError> {
        let encoded = self.signature.strip_prefix(&format!("vault:v{version}:"));
        let encoded = encoded.ok_or_else(|| malformed(format!("a signature that does not begin with vault:v{version}:")))?;
        STANDARD.decode(encoded).map_err(malformed)
    }
}
