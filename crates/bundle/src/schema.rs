//! Metadata as it stands in the files (TUF 1.0 section 4), plus the fields `x-writ-tenant` and `x-writ-min-version`.
//!
//! Signatures are always checked over the `signed` value as it was received, never over one of these structs written
//! out again, so a field unknown here is still covered.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::Point;
use crate::layout::Role;

/// The specification that the files follow.
pub const SPEC_VERSION: &str = "1.0.31";
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A file: what is signed, and by whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub signatures: Vec<Signature>,
    pub signed: Value,
}

/// One signature of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub keyid: String,
    pub sig: String,
}

/// What every role's metadata carries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Common {
    #[serde(rename = "_type")]
    pub type_name: String,
    pub spec_version: String,
    pub version: u64,
    pub expires: String,
    #[serde(rename = "x-writ-tenant")]
    pub tenant: String,
}

/// A public key in metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// `ecdsa`.
    pub keytype: String,
    /// `ecdsa-sha2-nistp256`.
    pub scheme: String,
    /// The key itself.
    pub keyval: KeyValue,
}

/// The value of a [`KeyRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// SPKI PEM.
    pub public: String,
}

/// Who may sign a role, and how many must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoleKeys {
    pub keyids: Vec<String>,
    pub threshold: u32,
}

impl RoleKeys {
    /// Whether a key that was trusted for the role no longer is: then, and only then, its version counter starts afresh.
    pub fn lost_a_key_in(&self, newer: &Self) -> bool {
        self.keyids.iter().any(|id| !newer.keyids.contains(id))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Root {
    pub consistent_snapshot: bool,
    pub keys: BTreeMap<String, KeyRecord>,
    pub roles: RootRoles,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RootRoles {
    pub root: RoleKeys,
    pub targets: RoleKeys,
    pub snapshot: RoleKeys,
    pub timestamp: RoleKeys,
}

impl RootRoles {
    /// Keys of a top-level role; `None` for a delegated one, which no root lists.
    pub fn of(&self, role: Role) -> Option<&RoleKeys> {
        match role {
            Role::Root => Some(&self.root),
            Role::Targets => Some(&self.targets),
            Role::Snapshot => Some(&self.snapshot),
            Role::Timestamp => Some(&self.timestamp),
            Role::Assignment | Role::Revocations => None,
        }
    }
}

/// A pointer to another metadata file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetaFile {
    pub version: u64,
    pub length: u64,
    pub hashes: Hashes,
}

/// Digests of a file. Others than SHA-256 are not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hashes {
    pub sha256: String,
}

/// Snapshot and timestamp have the same shape.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub meta: BTreeMap<String, MetaFile>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Targets {
    pub targets: BTreeMap<String, TargetFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
    #[serde(rename = "x-writ-min-version", default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetFile {
    pub length: u64,
    pub hashes: Hashes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Custom {
    /// The revocation list's sequence.
    #[serde(rename = "x-writ-seq", default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Delegations {
    pub keys: BTreeMap<String, KeyRecord>,
    pub roles: Vec<DelegatedRole>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DelegatedRole {
    pub name: String,
    pub keyids: Vec<String>,
    pub threshold: u32,
    pub terminating: bool,
    pub paths: Vec<String>,
}

impl DelegatedRole {
    pub fn role_keys(&self) -> RoleKeys {
        RoleKeys { keyids: self.keyids.clone(), threshold: self.threshold }
    }
}

/// Unix seconds as TUF writes a time; `None` outside the calendar's range.
pub(crate) fn write_time(seconds: i64) -> Option<String> {
    Some(DateTime::from_timestamp(seconds, 0)?.format(TIME_FORMAT).to_string())
}

/// Unix seconds of a time as TUF writes it.
pub(crate) fn read_time(text: &str) -> Option<i64> {
    Some(NaiveDateTime::parse_from_str(text, TIME_FORMAT).ok()?.and_utc().timestamp())
}

/// How many *different* keys of the role signed `message`.
///
/// Counted by key material: neither a repeated signature nor one key under two ids counts twice.
///
/// # Errors
/// Says what is wrong with the role's own definition.
pub(crate) fn count_signatures(
    message: &[u8],
    signatures: &[Signature],
    keys: &BTreeMap<String, KeyRecord>,
    role: &RoleKeys,
) -> Result<u32, String> {
    if role.threshold == 0 || role.keyids.len() < role.threshold as usize {
        return Err(format!("a threshold of {} over {} keys", role.threshold, role.keyids.len()));
    }
    let allowed: BTreeSet<&str> = role.keyids.iter().map(String::as_str).collect();
    let mut signers = BTreeSet::new();
    let mut tried = BTreeSet::new();
    for signature in signatures {
        // One attempt per key id bounds the work that a hostile file can cause.
        if !allowed.contains(signature.keyid.as_str()) || !tried.insert(signature.keyid.as_str()) {
            continue;
        }
        let record = keys.get(&signature.keyid).ok_or_else(|| format!("key {} is not defined", signature.keyid))?;
        let key = Point::from_record(record).map_err(|error| format!("key {}: {error}", signature.keyid))?;
        if let Ok(bytes) = hex::decode(&signature.sig)
            && key.verifies(message, &bytes)
        {
            signers.insert(key);
        }
    }
    Ok(u32::try_from(signers.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        assert_eq!(write_time(1_790_000_000).as_deref(), Some("2026-09-21T14:13:20Z"));
        assert_eq!(read_time("2026-09-21T14:13:20Z"), Some(1_790_000_000));
        assert_eq!(read_time("2026-09-21T14:13:20+00:00"), None);
        assert_eq!(read_time("soon"), None);
        assert_eq!(write_time(i64::MAX), None);
    }
}
