//! A control plane: what `bundle`'s repository builder makes, served as the delivery endpoints serve it.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bundle::{Assignment, Files, KeySet, Repository, Stamp};
use http::{HeaderMap, StatusCode};
use policy::{Entry, PolicySet, RevocationKey, Revocations, Target};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use token::{Assertion, PublicJwk};
use tokio::sync::watch;

pub const GATEWAY: &str = "gw_test";
pub const NOW: i64 = 1_800_000_000;

pub struct Published {
    pub keys: KeySet,
    repository: Repository,
    files: Files,
    version: u64,
    policy: u64,
    seq: u64,
    entries: Vec<Entry>,
}

pub struct ControlPlane {
    pub now: Arc<AtomicI64>,
    pub published: Mutex<Published>,
    /// Timestamp version: wakes watchers.
    timestamp: watch::Sender<u64>,
    /// Acknowledgements, newest last.
    pub acks: watch::Sender<Vec<Value>>,
    /// Decision lines, in order, checked for their chain.
    pub decisions: watch::Sender<Vec<Value>>,
    last_batch: Mutex<(u64, String)>,
    gateway_key: Mutex<Option<PublicJwk>>,
    /// Pushes nothing: watchers only hear of news when they ask.
    pub mute: AtomicBool,
    /// Takes no decisions.
    pub deaf: AtomicBool,
    pub secret: String,
    pub base: Mutex<String>,
    /// The audit log that it shows to be witnessed.
    pub log: Mutex<Option<super::witnessing::Log>>,
}

/// Under which the list hashes whom it concerns.
pub fn revocation_key() -> RevocationKey {
    RevocationKey::of([7; 32])
}

impl ControlPlane {
    /// A tenant that has published nothing yet.
    pub fn new(now: Arc<AtomicI64>) -> Arc<Self> {
        let keys = KeySet::generate().expect("randomness");
        let (repository, files) = Repository::create("acme", &keys.root_keys(), &[&keys.root], NOW + 1_000_000).expect("signs");
        let published = Published { keys, repository, files, version: 0, policy: 0, seq: 0, entries: Vec::new() };
        Arc::new(Self {
            now,
            published: Mutex::new(published),
            timestamp: watch::channel(0).0,
            acks: watch::channel(Vec::new()).0,
            decisions: watch::channel(Vec::new()).0,
            last_batch: Mutex::new((0, "0".repeat(64))),
            gateway_key: Mutex::new(None),
            mute: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            secret: format!("wge_{}", "s".repeat(43)),
            base: Mutex::default(),
            log: Mutex::default(),
        })
    }

    pub fn enrolment_token(&self) -> String {
        format!("{}.{}", self.secret, self.published.lock().expect("lock").repository.root_sha256())
    }

    /// All files, as an export has them.
    pub fn files(&self) -> bundle::Files {
        self.published.lock().expect("lock").files.clone()
    }

    /// The fingerprint of the first root.
    pub fn root_sha256(&self) -> String {
        self.published.lock().expect("lock").repository.root_sha256().to_owned()
    }

    /// Publishes a policy under the next version.
    pub fn publish(&self, mut policy: PolicySet) {
        let mut published = self.published.lock().expect("lock");
        let p = &mut *published;
        p.policy += 1;
        policy.version = p.policy;
        let text = serde_json::to_string(&policy).expect("serialises");
        let stamp = p.stamp();
        p.files.extend(p.repository.publish(&[&p.keys.targets], &p.keys.delegates(), p.policy, &text, 1, stamp).expect("publishes"));
        let (stamp, rings) = (p.stamp(), Assignment::single_ring(p.policy));
        p.files.extend(p.repository.assign(&[&p.keys.assignment], &rings, stamp).expect("assigns"));
        p.sign_list();
        self.seal(p);
    }

    /// Takes something away, at the next sequence.
    pub fn revoke(&self, target: Target) -> u64 {
        let mut published = self.published.lock().expect("lock");
        let p = &mut *published;
        p.seq += 1;
        p.entries.push(Entry::new(&revocation_key(), format!("rev_{}", p.seq), p.seq, &target, None));
        p.sign_list();
        self.seal(p);
        p.seq
    }

    /// Replaces root and every online key, then signs all anew.
    pub fn rotate(&self) {
        let mut published = self.published.lock().expect("lock");
        let p = &mut *published;
        let old = std::mem::replace(&mut p.keys, KeySet::generate().expect("randomness"));
        p.keys.targets = old.targets;
        p.keys.assignment = old.assignment;
        p.keys.revocations = old.revocations;
        p.files.extend(p.repository.rotate(&p.keys.root_keys(), &[&old.root, &p.keys.root], NOW + 1_000_000).expect("rotates"));
        self.seal(p);
    }

    /// Spoils the newest timestamp: its signature no longer fits.
    pub fn spoil(&self) {
        let mut published = self.published.lock().expect("lock");
        let p = &mut *published;
        self.seal_quietly(p);
        let path = "metadata/timestamp.json".to_owned();
        let text = String::from_utf8(p.files[&path].clone()).expect("text").replace("\"acme\"", "\"evil\"");
        p.files.insert(path, text.into_bytes());
        self.timestamp.send_replace(p.version);
    }

    fn seal(&self, p: &mut Published) {
        self.seal_quietly(p);
        self.timestamp.send_replace(p.version);
    }

    fn seal_quietly(&self, p: &mut Published) {
        let stamp = p.stamp();
        p.files.extend(p.repository.snapshot(&[&p.keys.snapshot], stamp).expect("snapshot"));
        let stamp = Stamp { version: p.version + 1, expires: self.now.load(Ordering::Relaxed) + 60 };
        p.version += 1;
        p.files.extend(p.repository.timestamp(&[&p.keys.timestamp], stamp).expect("timestamp"));
    }

    fn known(&self, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let refuse = || Box::new((StatusCode::UNAUTHORIZED, "no").into_response());
        let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ")).ok_or_else(refuse)?;
        let key = self.gateway_key.lock().expect("lock").clone().ok_or_else(refuse)?;
        let audience = format!("{}/delivery", self.base.lock().expect("lock"));
        let claims = Assertion::Gateway.verify(token, &key, &audience, self.now.load(Ordering::Relaxed)).map_err(|_| refuse())?;
        if claims.sub == GATEWAY { Ok(()) } else { Err(refuse()) }
    }

    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/t/acme/delivery/enroll", post(enroll))
            .route("/t/acme/delivery/watch", get(watch_files))
            .route("/t/acme/delivery/tuf/{*path}", get(file))
            .route("/t/acme/delivery/ack", post(ack))
            .route("/t/acme/delivery/decisions", post(decisions))
            .with_state(Arc::clone(self))
    }
}

impl Published {
    fn stamp(&mut self) -> Stamp {
        self.version += 1;
        Stamp { version: self.version, expires: NOW + 1_000_000 }
    }

    fn sign_list(&mut self) {
        let list = serde_json::to_string(&Revocations::new("acme".into(), self.seq, self.entries.clone())).expect("serialises");
        let stamp = self.stamp();
        self.files.extend(self.repository.revoke(&[&self.keys.revocations], &list, self.seq, stamp).expect("revokes"));
    }
}

type Plane = State<Arc<ControlPlane>>;

async fn enroll(State(plane): Plane, Json(body): Json<Value>) -> Response {
    let root = plane.published.lock().expect("lock").repository.root_sha256().to_owned();
    if body["token"] != json!(format!("{}.{root}", plane.secret)) {
        return (StatusCode::CONFLICT, Json(json!({"title": "unknown token"}))).into_response();
    }
    *plane.gateway_key.lock().expect("lock") = serde_json::from_value(body["public_key"].clone()).ok();
    Json(json!({"gateway_id": GATEWAY, "name": body["name"], "tenant": "acme", "root_sha256": root})).into_response()
}

async fn watch_files(State(plane): Plane, headers: HeaderMap, Query(query): Query<BTreeMap<String, u64>>) -> Response {
    if let Err(refused) = plane.known(&headers) {
        return *refused;
    }
    let mut news = plane.timestamp.subscribe();
    let known = query["timestamp"];
    let timestamp = *news.wait_for(|version| *version > known).await.expect("the plane lives");
    if plane.mute.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    let small = |path: &&String| {
        path.ends_with("timestamp.json") || path.ends_with(".snapshot.json") || path.contains("revocations") || path.contains("assignment")
    };
    let published = plane.published.lock().expect("lock");
    let files: BTreeMap<_, _> =
        published.files.iter().filter(|(path, _)| small(path)).map(|(path, bytes)| (path, String::from_utf8_lossy(bytes))).collect();
    Json(json!({"timestamp": timestamp, "files": files})).into_response()
}

async fn file(State(plane): Plane, headers: HeaderMap, Path(path): Path<String>) -> Response {
    if let Err(refused) = plane.known(&headers) {
        return *refused;
    }
    match plane.published.lock().expect("lock").files.get(&path) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn ack(State(plane): Plane, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Err(refused) = plane.known(&headers) {
        return *refused;
    }
    let witnessed = body["witnessed"]["size"].as_u64().unwrap_or_default();
    plane.acks.send_modify(|acks| acks.push(body));
    match plane.log.lock().expect("lock").as_ref() {
        Some(log) => Json(log.shown(witnessed)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn decisions(State(plane): Plane, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = plane.known(&headers) {
        return *refused;
    }
    if plane.deaf.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    let seq: u64 = header("x-writ-batch-seq").parse().expect("a number");
    let mut last = plane.last_batch.lock().expect("lock");
    assert_eq!((seq, header("x-writ-prev")), (last.0 + 1, last.1.clone()), "the chain of batches");
    assert_eq!(headers["content-encoding"], "gzip");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut bytes).expect("gzip");
    let body = bytes;
    *last = (seq, hex::encode(Sha256::digest(&body)));
    let lines: Vec<Value> =
        std::str::from_utf8(&body).expect("text").lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    plane.decisions.send_modify(|all| all.extend(lines));
    StatusCode::NO_CONTENT.into_response()
}
