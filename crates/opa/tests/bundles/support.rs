//! Bundles, keys, and archives that nobody should have written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle::{Key, Signer as _, sha256_hex};
use flate2::{Compression, write::GzEncoder};
use opa::{Archive, Lane, PolicyTerms, RevocationTerms, Unsigned, policy_bundle, revocations_bundle, signature};
use opa_peer::load::{SIZE_LIMIT, VerifyingKey, load};
use opa_peer::{Bundle, Refused, Verification};
use policy::{PolicySet, Revocations};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use situations::{NOW, every_kind};
use std::io::Write as _;

pub const TERMS: RevocationTerms = RevocationTerms { floor: 1, signed: NOW, fresh_until: NOW + 600, expires: NOW + 87_000 };

pub fn policy() -> PolicySet {
    every_kind::policy().new_tree(&mut TestRunner::deterministic()).expect("a policy").current()
}

pub fn unsigned_policy() -> Unsigned {
    policy_bundle(&policy(), &PolicyTerms { native_sha256: "0f".repeat(32), signed: NOW, expires: NOW + 1000 }).expect("a bundle")
}

pub fn unsigned_revocations() -> Unsigned {
    revocations_bundle(&Revocations::new("acme".into(), 3, Vec::new()), &TERMS).expect("a bundle")
}

pub fn signed_policy(key: &Key) -> Archive {
    unsigned_policy().sign(key).expect("signs")
}

/// As our printed configuration has it: one key, one scope.
pub fn pinned(key: &Key, scope: &str) -> Verification {
    let verifying = VerifyingKey { key: key.public().to_pem(), algorithm: "ES256".into(), scope: String::new() };
    let id = key.public().id().to_owned();
    Verification { keys: [(id.clone(), verifying)].into(), key_id: id, scope: scope.to_owned(), exclude: Vec::new() }
}

pub fn opened(archive: &[u8], verification: &Verification) -> Result<Bundle, Refused> {
    load(archive, Some(verification), true, SIZE_LIMIT)
}

/// The files of an archive, in order.
pub fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("bytes");
        (name, bytes)
    };
    tar.entries().expect("a tar").map(read).collect()
}

/// An archive of these files, whatever they are called.
pub fn packed(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        // Set as bytes: the library would mend names that an attacker would not.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, bytes.as_slice()).expect("appends");
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&tar.into_inner().expect("a tar")).expect("packs");
    gzip.finish().expect("packs")
}

/// A JWS of this payload under `kid`.
pub fn jws(key: &Key, kid: &str, payload: &Value) -> String {
    let header = json!({ "alg": "ES256", "kid": kid }).to_string();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload.to_string()));
    let der = key.sign(input.as_bytes()).expect("signs");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature::fixed(&der).expect("a signature")))
}

/// A payload that lists these files by their bytes. Good for files in canonical form and for those that are no documents.
pub fn listing(files: &[(String, Vec<u8>)], scope: &str) -> Value {
    let listed: Vec<Value> = files
        .iter()
        .map(|(name, bytes)| json!({ "name": name.strip_prefix('/').unwrap_or(name), "hash": sha256_hex(bytes), "algorithm": "SHA-256" }))
        .collect();
    json!({ "files": listed, "scope": scope })
}

/// The files with a signature over exactly them.
pub fn resigned(key: &Key, files: &[(String, Vec<u8>)], scope: &str) -> Vec<u8> {
    let mut all: Vec<_> = files.iter().filter(|(name, _)| !name.ends_with("signatures.json")).cloned().collect();
    let signed = json!({ "signatures": [jws(key, key.public().id(), &listing(&all, scope))] });
    all.push((".signatures.json".to_owned(), signed.to_string().into_bytes()));
    packed(&all)
}

pub fn named(name: &str, text: &str) -> (String, Vec<u8>) {
    (name.to_owned(), text.as_bytes().to_vec())
}

pub const POLICY: &str = Lane::Policy.bundle_name();
pub const REVOCATIONS: &str = Lane::Revocations.bundle_name();
