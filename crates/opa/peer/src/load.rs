//! Reading an archive: what an OPA checks before a bundle can come into force, in its order.

use crate::hash;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read as _;

/// The largest file in an archive unless a source says otherwise, in bytes.
pub const SIZE_LIMIT: u64 = 1 << 30;

/// Why a bundle does not come into force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Refused {
    #[error("not a gzipped tar: {0}")]
    Archive(String),
    #[error("file {0} is larger than the limit")]
    TooLarge(String),
    #[error("bundle missing .signatures.json file")]
    Unsigned,
    #[error("verification key not provided")]
    NoKeys,
    #[error(".signatures.json: missing JWT (expected exactly one)")]
    NoSignature,
    #[error(".signatures.json: multiple JWTs not supported (expected exactly one)")]
    ManySignatures,
    #[error("no verifier exists under id {0}")]
    UnknownVerifier(String),
    #[error("verification key ID is empty")]
    NoKeyId,
    #[error("verification key corresponding to ID {0} not found")]
    UnknownKey(String),
    #[error("unknown signature algorithm: {0}")]
    UnknownSignatureAlgorithm(String),
    #[error("malformed signature: {0}")]
    MalformedSignature(&'static str),
    #[error("could not verify the signature")]
    BadSignature,
    #[error("scope mismatch")]
    ScopeMismatch,
    #[error("file {0} not included in bundle signature")]
    Unlisted(String),
    #[error("file(s) {0:?} specified in bundle signatures but not found in the target bundle")]
    Missing(Vec<String>),
    #[error("no hashing algorithm provided for file {0}")]
    NoAlgorithm(String),
    #[error("unsupported hashing algorithm: {0}")]
    UnknownAlgorithm(String),
    #[error("{0} is not JSON")]
    NotJson(String),
    #[error("{0}: digest mismatch")]
    Digest(String),
    #[error("data at the root of the archive is not an object")]
    RootData,
    #[error("two files bring data to {0}")]
    MergeConflict(String),
    #[error("manifest has overlapped roots: {0:?} and {1:?}")]
    OverlappedRoots(String, String),
    #[error("manifest roots {0:?} do not permit {1}")]
    OutsideRoots(Vec<String>, String),
    #[error("no package in {0}")]
    NoPackage(String),
    #[error("bad patch operation: {0}")]
    PatchOperation(String),
    #[error("delta bundle expected to contain only patch file but other files found")]
    DeltaWithMore,
    #[error("'persist' property is true in config. persisting delta bundle to disk is not supported")]
    DeltaPersisted,
    #[error("detected overlapping roots in manifests with: {0}")]
    OverlapsOthers(String),
    #[error("a delta bundle needs an active snapshot with the same roots")]
    DeltaWithoutBase,
}

/// A key of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VerifyingKey {
    /// PEM.
    pub key: String,
    /// As in the configuration; the JWS's own header does not count.
    #[serde(default = "default_algorithm")]
    pub algorithm: String,
    /// What counts where the source has no scope.
    #[serde(default)]
    pub scope: String,
}

fn default_algorithm() -> String {
    "RS256".to_owned()
}

/// How a source's bundles are verified: all keys of the configuration, and the source's `signing` section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// By id.
    pub keys: BTreeMap<String, VerifyingKey>,
    /// The one key that counts; empty: whichever a bundle names, and none at all is fine too.
    pub key_id: String,
    /// What the signature has to be for; empty: what the key says.
    pub scope: String,
    /// Files that are not verified.
    pub exclude: Vec<String>,
}

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Manifest {
    /// Opaque.
    #[serde(default)]
    pub revision: String,
    /// The paths that it owns; none given: everything.
    pub roots: Option<Vec<String>>,
    /// 0 or 1.
    pub rego_version: Option<i64>,
    /// Free.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { revision: String::new(), roots: Some(vec![String::new()]), rego_version: None, metadata: Map::new() }
    }
}

/// A bundle that was read, and verified as far as its source wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// Its manifest, roots filled in and trimmed.
    pub manifest: Manifest,
    /// The manifest as it is readable in Rego.
    pub raw_manifest: Value,
    /// Path and source of each module.
    pub modules: Vec<(String, String)>,
    /// Its data, from the root.
    pub data: Value,
    /// The operations of a delta; empty for a snapshot.
    pub patch: Vec<Value>,
}

impl Bundle {
    /// Whether it is only a change to what is active.
    pub fn is_delta(&self) -> bool {
        !self.patch.is_empty()
    }

    /// Its roots.
    pub fn roots(&self) -> &[String] {
        self.manifest.roots.as_deref().unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Signatures {
    #[serde(default)]
    signatures: Option<Vec<String>>,
    #[serde(default)]
    plugin: String,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    files: Vec<Listed>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    keyid: String,
    /// Read as an integer and used for nothing.
    #[serde(default, rename = "iat")]
    _issued: i64,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    hash: String,
    #[serde(default)]
    algorithm: String,
}

/// Reads an archive as a source with this `verification` does. `persist` as the source has it, `limit` in bytes for each file.
///
/// # Errors
/// The first thing that is wrong.
pub fn load(archive: &[u8], verification: Option<&Verification>, persist: bool, limit: u64) -> Result<Bundle, Refused> {
    let files = unpack(archive, limit)?;
    let (signed, content): (Vec<_>, Vec<_>) = files.into_iter().partition(|(path, _)| path.ends_with("signatures.json"));
    let patch = patch(&content)?;
    let is_delta = !patch.is_empty();
    let signatures = match signed.last() {
        Some((path, bytes)) => Some(serde_json::from_slice::<Signatures>(bytes).map_err(|_| Refused::NotJson(path.clone()))?),
        None => None,
    };
    let signatures = signatures.filter(|signatures| signatures.signatures.is_some() || !signatures.plugin.is_empty());
    // A delta is taken whoever sent it: its signature is not looked at.
    let mut listed = match (&signatures, is_delta) {
        (_, true) => None,
        (None, false) if verification.is_some_and(|verification| !verification.key_id.is_empty()) => return Err(Refused::Unsigned),
        (None, false) => None,
        (Some(signatures), false) => Some(verify(signatures, verification.ok_or(Refused::NoKeys)?)?),
    };
    let mut bundle = Bundle { manifest: Manifest::default(), raw_manifest: json!({}), modules: Vec::new(), data: json!({}), patch };
    for (path, bytes) in &content {
        if let Some(listed) = &mut listed {
            let name = path.strip_prefix('/').unwrap_or(path);
            let excluded = verification.is_some_and(|verification| verification.exclude.iter().any(|pattern| pattern == name));
            match listed.remove(name) {
                _ if excluded => {}
                None => return Err(Refused::Unlisted(name.to_owned())),
                Some(wanted) => {
                    let found = hash::digest(name, bytes, &wanted.algorithm)?;
                    if !found.eq_ignore_ascii_case(&wanted.hash) {
                        return Err(Refused::Digest(name.to_owned()));
                    }
                }
            }
        }
        take(&mut bundle, path, bytes)?;
    }
    if is_delta && (!bundle.modules.is_empty() || bundle.data != json!({})) {
        return Err(Refused::DeltaWithMore);
    }
    if is_delta && persist {
        return Err(Refused::DeltaPersisted);
    }
    if let Some(listed) = listed.filter(|listed| !listed.is_empty()) {
        return Err(Refused::Missing(listed.into_keys().collect()));
    }
    hold_to_roots(&mut bundle)?;
    Ok(bundle)
}

/// The regular files in their order. Directories and links are skipped; a size is believed before it is read.
fn unpack(archive: &[u8], limit: u64) -> Result<Vec<(String, Vec<u8>)>, Refused> {
    let broken = |error: std::io::Error| Refused::Archive(error.to_string());
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    let mut files = Vec::new();
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().size().map_err(broken)? > limit {
            return Err(Refused::TooLarge(path));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        files.push((path, bytes));
    }
    Ok(files)
}

fn patch(content: &[(String, Vec<u8>)]) -> Result<Vec<Value>, Refused> {
    let Some((path, bytes)) = content.iter().find(|(path, _)| base(path) == "patch.json") else { return Ok(Vec::new()) };
    let patch: Value = serde_json::from_slice(bytes).map_err(|_| Refused::NotJson(path.clone()))?;
    Ok(patch["data"].as_array().cloned().unwrap_or_default())
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Verifies the one signature and answers what it lists.
fn verify(signatures: &Signatures, verification: &Verification) -> Result<BTreeMap<String, Listed>, Refused> {
    if !signatures.plugin.is_empty() {
        return Err(Refused::UnknownVerifier(signatures.plugin.clone()));
    }
    let jws = match signatures.signatures.as_deref().unwrap_or_default() {
        [] => return Err(Refused::NoSignature),
        [one] => one,
        _ => return Err(Refused::ManySignatures),
    };
    let parts: Vec<&str> = jws.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return Err(Refused::MalformedSignature("not three parts")) };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::MalformedSignature("not base64url"));
    let header_read: Value = serde_json::from_slice(&decoded(header)?).map_err(|_| Refused::MalformedSignature("header"))?;
    let read: Payload = serde_json::from_slice(&decoded(payload)?).map_err(|_| Refused::MalformedSignature("payload"))?;
    // The configuration's choice beats what the signature says of itself.
    let kid = header_read["kid"].as_str().unwrap_or_default();
    let key_id = [verification.key_id.as_str(), kid, read.keyid.as_str()].into_iter().find(|id| !id.is_empty()).ok_or(Refused::NoKeyId)?;
    let key = verification.keys.get(key_id).ok_or_else(|| Refused::UnknownKey(key_id.to_owned()))?;
    if key.algorithm != "ES256" {
        return Err(Refused::UnknownSignatureAlgorithm(key.algorithm.clone()));
    }
    let signed = format!("{header}.{payload}");
    let point = point(&key.key).ok_or(Refused::MalformedSignature("the key is not PEM of P-256"))?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decoded(signature)?)
        .map_err(|_| Refused::BadSignature)?;
    let scope = if verification.scope.is_empty() { &key.scope } else { &verification.scope };
    if read.scope != *scope {
        return Err(Refused::ScopeMismatch);
    }
    Ok(read.files.into_iter().map(|listed| (listed.name.clone(), listed)).collect())
}

/// The point of a P-256 key in SPKI PEM: the last 65 bytes.
fn point(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    der.len().checked_sub(65).map(|from| der[from..].to_vec())
}

/// Puts a file where its name says.
fn take(bundle: &mut Bundle, path: &str, bytes: &[u8]) -> Result<(), Refused> {
    let not_json = |_| Refused::NotJson(path.to_owned());
    if path.ends_with(".rego") {
        let source = String::from_utf8_lossy(bytes).into_owned();
        bundle.modules.push((path.trim_start_matches('/').to_owned(), source));
    } else if base(path) == "data.json" {
        let value: Value = serde_json::from_slice(bytes).map_err(not_json)?;
        insert(&mut bundle.data, path, value)?;
    } else if path.ends_with(".manifest") {
        bundle.raw_manifest = serde_json::from_slice(bytes).map_err(not_json)?;
        bundle.manifest = serde_json::from_value(bundle.raw_manifest.clone()).map_err(not_json)?;
    }
    Ok(())
}

/// Data comes to where its folder is. Leading dots and slashes of the folder say nothing.
fn insert(data: &mut Value, path: &str, value: Value) -> Result<(), Refused> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let parts: Vec<&str> = folder.trim_start_matches(['/', '.']).split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() && !value.is_object() {
        return Err(Refused::RootData);
    }
    let mut at = data;
    for part in parts {
        let Value::Object(members) = at else { return Err(Refused::MergeConflict(folder.to_owned())) };
        at = members.entry(part).or_insert_with(|| json!({}));
    }
    merge(at, value).ok_or_else(|| Refused::MergeConflict(folder.to_owned()))
}

fn merge(held: &mut Value, new: Value) -> Option<()> {
    match (held, new) {
        (Value::Object(held), Value::Object(new)) => {
            for (name, value) in new {
                match held.get_mut(&name) {
                    Some(under) => merge(under, value)?,
                    None => drop(held.insert(name, value)),
                }
            }
            Some(())
        }
        (held, new) if *held == json!({}) => {
            *held = new;
            Some(())
        }
        _ => None,
    }
}

/// Whether `root` is `path` or above it, part by part.
pub(crate) fn contains(root: &str, path: &str) -> bool {
    root.is_empty() || path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether one of them is above the other.
pub(crate) fn overlap(a: &str, b: &str) -> bool {
    contains(a, b) || contains(b, a)
}

fn hold_to_roots(bundle: &mut Bundle) -> Result<(), Refused> {
    let roots: Vec<String> = match bundle.manifest.roots.take() {
        None => vec![String::new()],
        Some(roots) => roots.iter().map(|root| root.trim_matches('/').to_owned()).collect(),
    };
    for (at, a) in roots.iter().enumerate() {
        for b in &roots[at + 1..] {
            if overlap(a, b) {
                return Err(Refused::OverlappedRoots(a.clone(), b.clone()));
            }
        }
    }
    let permitted = |path: &str| roots.iter().any(|root| contains(root, path));
    for (path, source) in &bundle.modules {
        let package = package(source).ok_or_else(|| Refused::NoPackage(path.clone()))?;
        if !permitted(&package) {
            return Err(Refused::OutsideRoots(roots, package));
        }
    }
    for operation in &bundle.patch {
        let (op, path) = (operation["op"].as_str().unwrap_or_default(), operation["path"].as_str().unwrap_or_default());
        if !matches!(op, "upsert" | "replace" | "remove") {
            return Err(Refused::PatchOperation(op.to_owned()));
        }
        if !permitted(path.trim_matches('/')) {
            return Err(Refused::OutsideRoots(roots, path.to_owned()));
        }
    }
    if let Some(outside) = outside(&bundle.data, "", &roots) {
        return Err(Refused::OutsideRoots(roots, outside));
    }
    bundle.manifest.roots = Some(roots);
    Ok(())
}

/// The first path with data that no root contains.
fn outside(data: &Value, path: &str, roots: &[String]) -> Option<String> {
    if roots.iter().any(|root| contains(root, path)) {
        return None;
    }
    let above_a_root = roots.iter().any(|root| contains(path, root));
    match data {
        Value::Object(members) if above_a_root => members.iter().find_map(|(name, value)| {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            outside(value, &below, roots)
        }),
        _ => Some(path.to_owned()),
    }
}

/// The package of a module, as a path.
fn package(source: &str) -> Option<String> {
    let line = source.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(line.strip_prefix("package ")?.trim().replace('.', "/"))
}
