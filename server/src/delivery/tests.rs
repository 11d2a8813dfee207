//! The endpoints as a gateway meets them, through the whole router.

use crate::app::App;
use crate::site::Site;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bundle::ceremony::SignatureFile;
use control::delivery::{CreateEnrolment, Publish, RemoveGateway};
use control::keys::{KeyChange, ProposeRoot, SubmitRoot};
use control::tenancy::CreateTenant;
use control::{Chance, Clock, Control, Ctx, MasterKey, Parts, Vault};
use outbound::http::{Guarded, Limits, Reach};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use store::{Settings, Store};
use tempfile::TempDir;
use token::{Assertion, AssertionClaims, SigningKey};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const NOW_S: i64 = 1_795_424_400;
const BASE: &str = "http://127.0.0.1:7400/t/acme/delivery";

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        NOW_S * 1000
    }
}

pub(crate) struct Plane {
    pub(crate) control: Control,
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) ending: CancellationToken,
    pub(crate) host: Ctx,
    _folder: TempDir,
}

impl Plane {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Settings::Sqlite(folder.path().join("writ.db"))).await.expect("opens");
        let parts = Parts {
            clock: Arc::new(Still),
            chance: Chance::new(StdRng::seed_from_u64(1)),
            vault: Vault::new(&MasterKey::new([7; 32])).expect("a vault"),
            public_url: "http://127.0.0.1:7400".to_owned(),
            key_service: None,
        };
        let control = Control::new(store, parts);
        let (host, ()) = control.create_tenant("acme", CreateTenant { name: "Acme".to_owned() }).await.expect("a tenant");
        let outbound = Guarded::new(Reach { allow_loopback: false, allow_private: false }, Limits::default()).expect("a client");
        let ending = CancellationToken::new();
        let app = App::new(control.clone(), outbound, Site::load(None).expect("no site"), ending.clone());
        Self { control, router: crate::serve::service(app.clone()), app, ending, host, _folder: folder }
    }

    pub(crate) async fn publish(&self) {
        let draft = control::delivery::draft(&self.control, &self.host).await.expect("a draft").draft;
        self.control.run(&self.host, Publish { note: String::new(), expected_draft: draft }).await.expect("publishes");
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn enrol(&self, name: &str) -> Gw {
        let token = self.control.run(&self.host, CreateEnrolment { name: name.to_owned() }).await.expect("a token");
        let (key, _) = SigningKey::generate().expect("randomness");
        let body = json!({ "token": token, "name": name, "public_key": key.public() }).to_string();
        let (status, answer) = self.send(Request::post(format!("{BASE}/enroll")).body(Body::from(body)).expect("a request")).await;
        assert_eq!((status, &answer["tenant"], &answer["name"]), (StatusCode::OK, &json!("acme"), &json!(name)));
        assert_eq!(token.rsplit_once('.').map(|(_, root)| root), answer["root_sha256"].as_str());
        Gw { id: answer["gateway_id"].as_str().expect("an id").to_owned(), key }
    }
}

pub(crate) struct Gw {
    id: String,
    key: SigningKey,
}

impl Gw {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn assertion(&self) -> String {
        let (id, aud) = (self.id.clone(), BASE.to_owned());
        let claims = AssertionClaims {
            iss: id.clone(),
            sub: id,
            aud,
            iat: NOW_S,
            exp: NOW_S + 60,
            jti: "asr_1".to_owned(),
            client_id: None,
            agent: None,
            scope: None,
            ..AssertionClaims::default()
        };
        Assertion::Gateway.sign(&self.key, &self.id, &claims).expect("signs")
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
        let request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.assertion()));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(body.into()).expect("a request")
    }

    pub(crate) fn get(&self, path: &str) -> Request<Body> {
        self.request("GET", path, &[], Body::empty())
    }
}

#[tokio::test]
async fn a_gateway_enrols_fetches_acknowledges_and_reports() {
    let plane = Plane::new().await;
    let gw = plane.enrol("gw-1").await;
    assert_eq!(plane.send(gw.get("/tuf/metadata/1.root.json")).await.0, StatusCode::OK);
    let (status, problem) = plane.send(gw.get("/tuf/metadata/timestamp.json")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    plane.publish().await;
    assert_eq!(plane.send(gw.get("/tuf/metadata/timestamp.json")).await.0, StatusCode::OK);
    let ack = json!({ "policy_version": 1, "policy_sha256": "ab", "revocation_seq": 0, "timestamp": 1, "error": null, "started_at": 1, "version": "0.1.0" });
    assert_eq!(plane.send(gw.request("POST", "/ack", &[], ack.to_string())).await.0, StatusCode::NO_CONTENT);
    let zero = "0".repeat(64);
    let first = [("x-writ-batch-seq", "1"), ("x-writ-prev", zero.as_str())];
    assert_eq!(plane.send(gw.request("POST", "/decisions", &first, "")).await.0, StatusCode::NO_CONTENT);
    let third = [("x-writ-batch-seq", "3"), ("x-writ-prev", zero.as_str())];
    let (status, problem) = plane.send(gw.request("POST", "/decisions", &third, "")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("gap")));
}

#[tokio::test]
async fn a_watcher_hears_of_a_publish_and_is_let_go_at_the_end() {
    let plane = Plane::new().await;
    let gw = plane.enrol("gw-1").await;
    // Waits before there is anything, and is sent all it needs to begin with.
    let (request, router) = (gw.get("/watch?timestamp=0"), plane.router.clone());
    let watching = tokio::spawn(router.oneshot(request));
    plane.publish().await;
    let response = watching.await.expect("runs").expect("answers");
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    let files = told["files"].as_object().expect("files");
    assert_eq!(told["timestamp"], json!(1));
    for wanted in ["metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.assignment.json", "metadata/1.revocations.json"] {
        assert!(files.contains_key(wanted), "{wanted} of {:?}", files.keys());
    }
    assert!(
        files.keys().any(|path| path.starts_with("targets/revocations/"))
            && files.keys().any(|path| path.starts_with("targets/assignment/"))
    );
    // What is pushed is what is stored.
    let (_, stored) = plane.send(gw.get("/tuf/metadata/timestamp.json")).await;
    assert_eq!(serde_json::from_str::<Value>(files["metadata/timestamp.json"].as_str().expect("text")).expect("JSON"), stored);
    // One who has it all waits, until the process ends.
    let watching = tokio::spawn(plane.router.clone().oneshot(gw.get("/watch?timestamp=1")));
    plane.ending.cancel();
    let response = watching.await.expect("runs").expect("answers");
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    let mut told: Value = serde_json::from_slice(&body).expect("JSON");
    let wait_ms = told["wait_ms"].take();
    assert_eq!(told, json!({ "timestamp": 1, "files": {}, "wait_ms": null }));
    assert!(wait_ms.as_u64().is_some_and(|ms| ms <= 1), "the only watcher need not stay away for longer: {wait_ms}");
}

#[tokio::test]
async fn strangers_are_answered_as_programs_and_learn_nothing() {
    let plane = Plane::new().await;
    let gw = plane.enrol("gw-1").await;
    let stranger = Gw { id: gw.id.clone(), key: SigningKey::generate().expect("randomness").0 };
    for (method, path) in [("GET", "/watch?timestamp=0"), ("GET", "/tuf/metadata/1.root.json"), ("POST", "/ack"), ("POST", "/decisions")] {
        let bare = Request::builder().method(method).uri(format!("{BASE}{path}")).body(Body::empty()).expect("a request");
        for request in [bare, stranger.request(method, path, &[], Body::empty())] {
            let (status, problem) = plane.send(request).await;
            assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unknown_gateway")), "{method} {path}");
        }
    }
    let enroll = |body: String| Request::post(format!("{BASE}/enroll")).body(Body::from(body)).expect("a request");
    let key = gw.key.public();
    let unknown = json!({ "token": "wge_x.y", "name": "gw-1", "public_key": key }).to_string();
    for (body, status) in [
        (unknown, StatusCode::UNAUTHORIZED),
        ("{".to_owned(), StatusCode::BAD_REQUEST),
        (" ".repeat(64 << 10), StatusCode::BAD_REQUEST),
        (json!({ "token": "t", "name": "Not A Name", "public_key": key }).to_string(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(plane.send(enroll(body)).await.0, status);
    }
    assert_eq!(plane.send(gw.get("/watch")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(plane.send(gw.get("/watch?timestamp=-1")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(plane.send(gw.request("POST", "/ack", &[], "[]")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(plane.send(gw.request("POST", "/decisions", &[], "")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_removed_gateway_is_a_stranger_from_its_next_request_on() {
    let plane = Plane::new().await;
    let (gone, stays) = (plane.enrol("gw-1").await, plane.enrol("gw-2").await);
    plane.publish().await;
    let zero = "0".repeat(64);
    let batch = [("x-writ-batch-seq", "1"), ("x-writ-prev", zero.as_str())];
    let ack = json!({ "policy_version": 1, "policy_sha256": "ab", "revocation_seq": 0, "timestamp": 1, "error": null, "started_at": 1, "version": "0.1.0" });
    let ack = ack.to_string();
    let requests = |gw: &Gw| {
        [
            gw.get("/tuf/metadata/timestamp.json"),
            gw.get("/watch?timestamp=0"),
            gw.request("POST", "/ack", &[], ack.clone()),
            gw.request("POST", "/decisions", &batch, ""),
        ]
    };
    // The same assertion was believed a moment ago: that it was, is remembered, and does not count.
    for request in requests(&gone) {
        let (status, said) = plane.send(request).await;
        assert!(status.is_success(), "{status}: {said}");
    }
    plane.control.run(&plane.host, RemoveGateway { id: gone.id.clone() }).await.expect("removed");
    for request in requests(&gone) {
        let (status, problem) = plane.send(request).await;
        assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unknown_gateway")));
    }
    for request in requests(&stays) {
        let (status, said) = plane.send(request).await;
        assert!(status.is_success(), "{status}: {said}");
    }
}

#[tokio::test]
async fn decisions_come_compressed_and_are_unpacked_within_a_bound() {
    let plane = Plane::new().await;
    let gw = plane.enrol("gw-1").await;
    let zero = "0".repeat(64);
    let packed = |text: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(text).expect("packs");
        gzip.finish().expect("packs")
    };
    let first = [("x-writ-batch-seq", "1"), ("x-writ-prev", zero.as_str()), ("content-encoding", "gzip")];
    // A gigabyte of nothing would be as small; so much is enough to be too much.
    let bomb = packed(&vec![b' '; control::delivery::decisions::LARGEST_BATCH + 1]);
    assert!(bomb.len() < 4_096);
    for bad in [bomb, b"not gzip".to_vec(), packed(b"{}\n")[..12].to_vec()] {
        let (status, problem) = plane.send(gw.request("POST", "/decisions", &first, bad)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid")));
    }
    let other = [("x-writ-batch-seq", "1"), ("x-writ-prev", zero.as_str()), ("content-encoding", "br")];
    assert_eq!(plane.send(gw.request("POST", "/decisions", &other, "")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(plane.send(gw.request("POST", "/decisions", &first, packed(b""))).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_signature_authenticates_itself_and_nothing_else_is_taken() {
    let plane = Plane::new().await;
    let policy = bundle::Key::generate().expect("randomness");
    let changes = vec![KeyChange::Elsewhere { role: bundle::Role::Targets, key: policy.public().clone() }];
    let proposal = plane.control.run(&plane.host, ProposeRoot { changes }).await.expect("written down");
    plane
        .control
        .run(&plane.host, SubmitRoot { copies: vec![proposal] })
        .await
        .expect("nothing was signed before, so nothing has to be now");
    plane.publish().await;
    let candidate = control::delivery::export_candidate(&plane.control, &plane.host, None).await.expect("awaits");
    let root = control::keys::keys(&plane.control, &plane.host).await.expect("listed").root_sha256;
    let examined = candidate.examine(&root).expect("holds");
    let mut good = candidate.sign(&examined, &policy).expect("signs");
    good.for_opas = opa::countersign(&candidate, &examined, &policy).expect("signs");
    let send = |number: u64, body: String| {
        plane.send(Request::post(format!("{BASE}/candidates/{number}/signature")).body(Body::from(body)).expect("a request"))
    };
    let number = good.candidate;
    let other = |change: &dyn Fn(&mut SignatureFile)| {
        let mut file = good.clone();
        change(&mut file);
        file.to_json()
    };
    for (body, status, code) in [
        ("{".to_owned(), StatusCode::BAD_REQUEST, "invalid"),
        ("{}".to_owned(), StatusCode::BAD_REQUEST, "invalid"),
        (" ".repeat(64 << 10), StatusCode::BAD_REQUEST, "invalid"),
        (other(&|file| file.tenant = "beta".to_owned()), StatusCode::BAD_REQUEST, "invalid"),
        (other(&|file| file.candidate += 1), StatusCode::BAD_REQUEST, "invalid"),
        (other(&|file| file.sig = "00".to_owned()), StatusCode::UNAUTHORIZED, "wrong_signature"),
        (other(&|file| file.keyid = "0".repeat(64)), StatusCode::UNAUTHORIZED, "wrong_signature"),
    ] {
        let (answered, problem) = send(number, body).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{problem}");
    }
    assert_eq!(send(number + 1, other(&|file| file.candidate += 1)).await.0, StatusCode::NOT_FOUND);
    let (status, answer) = send(number, good.to_json()).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "candidate": number, "awaits": 0 })));
    let (status, problem) = send(number, good.to_json()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("candidate_ended")));
    // It is live: the gateway gets it.
    let gw = plane.enrol("gw-1").await;
    assert_eq!(plane.send(gw.get("/tuf/metadata/timestamp.json")).await.0, StatusCode::OK);
}
