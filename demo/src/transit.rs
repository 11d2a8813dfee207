//! A stand-in for the Transit engine of HashiCorp Vault or OpenBao, for demos and tests: real ECDSA P-256 keys, in memory, on loopback
//! only.
//!
//! It speaks the few calls that Writ needs as <https://developer.hashicorp.com/vault/api-docs/secret/transit> documents them: make a key,
//! rotate it, read its public halves, sign with one of its versions. It is no Vault: there is one token, nothing is kept, nothing is
//! sealed.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The engine. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Transit(Arc<Mutex<Engine>>);

struct Engine {
    token: String,
    namespace: Option<String>,
    /// By mount and name; each a list of versions, from 1.
    keys: HashMap<String, Vec<EcdsaKeyPair>>,
    signed: usize,
}

/// What `sign` is asked with.
#[derive(Deserialize)]
struct Sign {
    input: String,
    key_version: Option<u64>,
    #[serde(default)]
    hash_algorithm: String,
    #[serde(default)]
    marshaling_algorithm: String,
    #[serde(default)]
    prehashed: bool,
}

impl Transit {
    /// An empty engine that takes this token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Arc::new(Mutex::new(Engine { token: token.into(), namespace: None, keys: HashMap::new(), signed: 0 })))
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes another token, and no longer the one before.
    pub fn takes(&self, token: &str) {
        token.clone_into(&mut self.engine().token);
    }

    /// Answers in this namespace only.
    pub fn within(&self, namespace: &str) {
        self.engine().namespace = Some(namespace.to_owned());
    }

    /// Makes a key, such as `transit/acme-timestamp`, or a next version of it; answers its version.
    pub fn make(&self, path: &str) -> usize {
        let mut engine = self.engine();
        let versions = engine.keys.entry(path.to_owned()).or_default();
        versions.extend(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING));
        versions.len()
    }

    /// How many signatures it has made.
    pub fn signed(&self) -> usize {
        self.engine().signed
    }

    /// Its routes, for a server on loopback.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

/// Serves until the task ends.
///
/// # Errors
/// When the listener fails, or is not on loopback.
pub async fn serve(listener: TcpListener, transit: Transit) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(io::Error::other(format!("the stand-in protects its keys from nobody and listens on loopback only, not on {address}")));
    }
    axum::serve(listener, transit.router()).await
}

fn errors(status: StatusCode, said: &[&str]) -> Response {
    (status, Json(json!({ "errors": said }))).into_response()
}

async fn answer(
    State(transit): State<Transit>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    {
        let engine = transit.engine();
        if header("x-vault-token").as_ref() != Some(&engine.token) || header("x-vault-namespace") != engine.namespace {
            return errors(StatusCode::FORBIDDEN, &["permission denied"]);
        }
    }
    let path: Vec<&str> = uri.path().trim_start_matches("/v1/").split('/').collect();
    match (method, &path[..]) {
        (Method::GET, [mount @ .., "keys", name]) => transit.read(&key_path(mount, name)),
        (Method::POST, [mount @ .., "keys", name, "rotate"] | [mount @ .., "keys", name]) => {
            transit.make(&key_path(mount, name));
            transit.read(&key_path(mount, name))
        }
        (Method::POST, [mount @ .., "sign", name]) => match serde_json::from_str::<Sign>(&body) {
            Ok(asked) => transit.sign(&key_path(mount, name), &asked),
            Err(error) => errors(StatusCode::BAD_REQUEST, &[&error.to_string()]),
        },
        _ => errors(StatusCode::NOT_FOUND, &["no handler for route"]),
    }
}

fn key_path(mount: &[&str], name: &str) -> String {
    format!("{}/{name}", mount.join("/"))
}

impl Transit {
    fn read(&self, path: &str) -> Response {
        let engine = self.engine();
        let Some(versions) = engine.keys.get(path) else { return errors(StatusCode::NOT_FOUND, &[]) };
        let keys: serde_json::Map<String, Value> = versions
            .iter()
            .zip(1u64..)
            .map(|(key, version)| {
                (version.to_string(), json!({ "creation_time": "2026-01-01T00:00:00Z", "name": "P-256", "public_key": pem(key) }))
            })
            .collect();
        let data =
            json!({ "type": "ecdsa-p256", "latest_version": versions.len(), "keys": keys, "supports_signing": true, "exportable": false });
        Json(json!({ "request_id": "0", "data": data })).into_response()
    }

    fn sign(&self, path: &str, asked: &Sign) -> Response {
        let mut engine = self.engine();
        let Some(versions) = engine.keys.get(path) else { return errors(StatusCode::BAD_REQUEST, &["signing key not found"]) };
        let newest = u64::try_from(versions.len()).unwrap_or_default();
        let version = asked.key_version.unwrap_or(newest);
        let key = usize::try_from(version).ok().and_then(|version| versions.get(version.checked_sub(1)?));
        let Some(key) = key else { return errors(StatusCode::BAD_REQUEST, &["requested version for signing is not available"]) };
        let Ok(message) = STANDARD.decode(&asked.input) else {
            return errors(StatusCode::BAD_REQUEST, &["unable to decode input as base64"]);
        };
        if asked.prehashed || asked.hash_algorithm != "sha2-256" || asked.marshaling_algorithm != "asn1" {
            return errors(StatusCode::BAD_REQUEST, &["this stand-in signs with sha2-256 and asn1 only"]);
        }
        let Ok(signature) = key.sign(&SystemRandom::new(), &message) else {
            return errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error"]);
        };
        engine.signed += 1;
        let signature = format!("vault:v{version}:{}", STANDARD.encode(signature.as_ref()));
        Json(json!({ "request_id": "0", "data": { "signature": signature, "key_version": version } })).into_response()
    }
}

/// SubjectPublicKeyInfo in PEM, as the engine shows it.
fn pem(key: &EcdsaKeyPair) -> String {
    let der: Vec<u8> = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).map(|der| der.as_ref().to_vec()).unwrap_or_default();
    let encoded = STANDARD.encode(der);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}
