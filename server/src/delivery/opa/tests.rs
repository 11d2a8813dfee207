//! The bundle service as an OPA meets it, through the whole router.

use crate::delivery::tests::Plane;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use control::config::ImportRoleFile;
use control::delivery::opa::{EnrolOpa, OpaEnrolled};
use control::governance::InvalidateToken;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write as _;
use tokio::task::JoinHandle;
use tower::ServiceExt;

const BASE: &str = "http://127.0.0.1:7400/t/acme/opa";
const POLICY: &str = "/bundles/policy";
const REVOCATIONS: &str = "/bundles/revocations";
const BUNDLES: &str = "application/vnd.openpolicyagent.bundles";

struct Opa<'p> {
    plane: &'p Plane,
    enrolled: OpaEnrolled,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn etag(&self) -> String {
        self.header(header::ETAG).to_owned()
    }
}

async fn enrol<'p>(plane: &'p Plane, name: &str) -> Opa<'p> {
    let enrolled = plane.control.run(&plane.host, EnrolOpa { name: name.to_owned() }).await.expect("enrolled");
    Opa { plane, enrolled }
}

impl Opa<'_> {
    /// As an OPA asks: with a tag, even if it is empty, and the modes that it always lists.
    fn asks(&self, path: &str, etag: &str, wait: Option<u64>) -> Request<Body> {
        let prefer = wait.map_or_else(|| "modes=snapshot,delta".to_owned(), |wait| format!("modes=snapshot,delta;wait={wait}"));
        Request::get(format!("{BASE}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.enrolled.token))
            .header(header::IF_NONE_MATCH, etag)
            .header("prefer", prefer)
            .body(Body::empty())
            .expect("a request")
    }

    async fn get(&self, path: &str, etag: &str, wait: Option<u64>) -> Answer {
        send(self.plane, self.asks(path, etag, wait)).await
    }

    fn held(&self, path: &str, etag: &str) -> JoinHandle<Answer> {
        let (router, request) = (self.plane.router.clone(), self.asks(path, etag, Some(600)));
        tokio::spawn(async move { read(router.oneshot(request).await.expect("answers")).await })
    }

    async fn post(&self, path: &str, body: impl Into<Body>, encoding: Option<&str>) -> Answer {
        let request = Request::post(format!("{BASE}{path}")).header(header::AUTHORIZATION, format!("Bearer {}", self.enrolled.token));
        let request = encoding.into_iter().fold(request, |request, encoding| request.header(header::CONTENT_ENCODING, encoding));
        send(self.plane, request.body(body.into()).expect("a request")).await
    }

    /// Says that it runs this revision of the policy, and why no other.
    async fn reports(&self, revision: &str, refused: Option<&str>) {
        let mut policy = json!({ "name": "writ-policy", "active_revision": revision });
        if let Some(why) = refused {
            (policy["code"], policy["message"]) = (json!("bundle_error"), json!(why));
        }
        let answer = self.post("/status", json!({ "bundles": { "writ-policy": policy } }).to_string(), None).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

async fn send(plane: &Plane, request: Request<Body>) -> Answer {
    read(plane.router.clone().oneshot(request).await.expect("answers")).await
}

async fn read(response: axum::response::Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: to_bytes(response.into_body(), 8 << 20).await.expect("a body") }
}

/// Changes something and publishes it.
async fn publish_another(plane: &Plane, role: &str) {
    let yaml = format!("roles:\n  {role}: [logs.read]\n");
    plane.control.run(&plane.host, ImportRoleFile { yaml, digest: None }).await.expect("imported");
    plane.publish().await;
}

async fn revoke(plane: &Plane, jti: &str) {
    let invalidate = InvalidateToken { jti: jti.to_owned(), reason: "for the test".to_owned() };
    plane.control.run(&plane.host, invalidate).await.expect("revoked");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).expect("packs");
    packed.finish().expect("packs")
}

#[tokio::test]
async fn what_an_opa_compares_to_the_letter_is_there_to_the_letter() {
    let plane = Plane::new().await;
    let opa = enrol(&plane, "opa-1").await;
    for path in [POLICY, REVOCATIONS] {
        assert_eq!(opa.get(path, "", None).await.status, StatusCode::NOT_FOUND, "before the first publish");
    }
    plane.publish().await;
    for path in [POLICY, REVOCATIONS] {
        let first = opa.get(path, "", Some(30)).await;
        assert_eq!((first.status, first.header(header::CONTENT_TYPE)), (StatusCode::OK, BUNDLES));
        assert_eq!(first.etag(), format!("\"{}\"", control::sha256_hex(&first.body)), "the tag is the digest of the archive");
        assert_eq!(first.body[..2], [0x1f, 0x8b], "gzip, as it is");
        // Go would unpack what says to be packed, and an OPA would fail on what is left.
        assert!(!first.headers.contains_key(header::CONTENT_ENCODING) && !first.headers.contains_key(header::TRANSFER_ENCODING));
        let again = opa.get(path, &first.etag(), None).await;
        assert_eq!((again.status, again.header(header::CONTENT_TYPE), again.etag()), (StatusCode::NOT_MODIFIED, BUNDLES, first.etag()));
        assert!(again.body.is_empty());
        // A tag that was never ours, and a second OPA: the same bytes.
        let other = enrol(&plane, &format!("opa{}", path.len())).await;
        for etag in ["", "\"another\"", "W/\"x\"", "*"] {
            let answer = other.get(path, etag, None).await;
            assert_eq!((answer.status, &answer.body), (StatusCode::OK, &first.body), "{etag}");
        }
    }
}

#[tokio::test]
async fn who_waits_is_answered_by_the_first_publish_and_by_every_change() {
    let plane = Plane::new().await;
    let opa = enrol(&plane, "opa-1").await;
    let first = opa.held(POLICY, "");
    plane.publish().await;
    let policy = first.await.expect("runs");
    assert_eq!(policy.status, StatusCode::OK);
    let revocations = opa.get(REVOCATIONS, "", Some(600)).await;

    let (held_policy, held_revocations) = (opa.held(POLICY, &policy.etag()), opa.held(REVOCATIONS, &revocations.etag()));
    revoke(&plane, "jti_1").await;
    let news = held_revocations.await.expect("runs");
    assert_eq!(news.status, StatusCode::OK);
    assert_ne!(news.etag(), revocations.etag());
    assert!(!held_policy.is_finished(), "the policy is as it was");
    publish_another(&plane, "developer").await;
    let news = held_policy.await.expect("runs");
    assert_eq!(news.status, StatusCode::OK);
    assert_ne!(news.etag(), policy.etag());

    // At the end of the process everybody is let go, with what they have.
    let held = opa.held(POLICY, &news.etag());
    plane.ending.cancel();
    let answer = held.await.expect("runs");
    assert_eq!((answer.status, answer.etag()), (StatusCode::NOT_MODIFIED, news.etag()));
}

#[tokio::test]
async fn many_who_wait_are_all_answered_with_the_same_bytes() {
    let plane = Plane::new().await;
    plane.publish().await;
    let opa = enrol(&plane, "opa-1").await;
    let etag = opa.get(REVOCATIONS, "", None).await.etag();
    let held: Vec<_> = (0..200).map(|_| opa.held(REVOCATIONS, &etag)).collect();
    revoke(&plane, "jti_1").await;
    let mut bodies = Vec::new();
    for answer in held {
        let answer = answer.await.expect("runs");
        assert_eq!(answer.status, StatusCode::OK);
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn a_bundle_that_an_opa_refuses_is_held_back_from_it_until_there_is_another() {
    let plane = Plane::new().await;
    plane.publish().await;
    let (opa, other) = (enrol(&plane, "opa-1").await, enrol(&plane, "opa-2").await);
    let good = opa.get(POLICY, "", None).await.etag();
    publish_another(&plane, "developer").await;
    let bad = opa.get(POLICY, &good, Some(600)).await;
    assert_eq!(bad.status, StatusCode::OK);
    opa.reports("", Some("scope mismatch")).await;
    // It asks again with the tag of what it has, and is told that there is nothing newer for it.
    let again = opa.get(POLICY, &good, None).await;
    assert_eq!((again.status, again.etag()), (StatusCode::NOT_MODIFIED, good.clone()));
    assert_eq!(other.get(POLICY, &good, None).await.etag(), bad.etag(), "others are offered it");
    // One that has nothing gets it nevertheless: there is nothing better.
    assert_eq!(opa.get(POLICY, "", None).await.status, StatusCode::OK);
    let held = opa.held(POLICY, &good);
    publish_another(&plane, "sre").await;
    let mended = held.await.expect("runs");
    assert_eq!(mended.status, StatusCode::OK);
    assert!(![good.clone(), bad.etag()].contains(&mended.etag()));
}

#[tokio::test]
async fn reports_and_decisions_are_bounded_and_what_is_wrong_is_said() {
    let plane = Plane::new().await;
    plane.publish().await;
    let opa = enrol(&plane, "opa-1").await;
    let report = json!({ "labels": { "version": "1.20.2" }, "bundles": {} }).to_string();
    for path in ["/status", "/status/eu-1"] {
        assert_eq!(opa.post(path, report.clone(), None).await.status, StatusCode::OK, "{path}");
        assert_eq!(opa.post(path, gzip(report.as_bytes()), Some("gzip")).await.status, StatusCode::OK, "{path}");
    }
    let event = json!([{
        "decision_id": "d1", "path": "writ/decision", "timestamp": "2026-11-23T09:00:00Z",
        "input": { "method": "tools/call", "tool": "t", "resource": "r", "token": { "sub": "usr_1", "client_id": "cli_1" } },
        "result": { "allow": false, "reason": "unknown_resource" },
    }])
    .to_string();
    for path in ["/logs", "/logs/eu-1"] {
        assert_eq!(opa.post(path, gzip(event.as_bytes()), Some("gzip")).await.status, StatusCode::OK, "{path}");
    }
    let large = vec![b' '; (1 << 20) + 1];
    let bomb = gzip(&vec![b' '; 17 << 20]);
    assert!(bomb.len() < 1 << 20);
    for (path, body, encoding, wrong) in [
        ("/logs", bomb, Some("gzip"), "MiB"),
        ("/logs", large.clone(), None, "bytes"),
        ("/logs", event.clone().into_bytes(), Some("gzip"), "gzip"),
        ("/logs", gzip(event.as_bytes()), None, "array"),
        ("/logs", gzip(b"{}"), Some("gzip"), "array"),
        ("/logs", gzip(event.as_bytes()), Some("br"), "content-encoding"),
        ("/status", large, None, "bytes"),
        ("/status", b"[]".to_vec(), None, "status"),
    ] {
        let answer = opa.post(path, body, encoding).await;
        let problem: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid")), "{wrong}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(wrong)), "{problem}");
    }
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let plane = Plane::new().await;
    plane.publish().await;
    let opa = enrol(&plane, "opa-1").await;
    let asks = [("GET", POLICY), ("GET", REVOCATIONS), ("POST", "/status"), ("POST", "/status/x"), ("POST", "/logs"), ("POST", "/logs/x")];
    for (method, path) in asks {
        for authorization in ["", "Bearer", "Bearer wot_x", "Basic d290Og==", &opa.enrolled.token] {
            let request = Request::builder().method(method).uri(format!("{BASE}{path}")).header(header::AUTHORIZATION, authorization);
            let answer = send(&plane, request.body(Body::empty()).expect("a request")).await;
            let problem: Value = serde_json::from_slice(&answer.body).expect("JSON");
            assert_eq!((answer.status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unknown_gateway")), "{method} {path}");
        }
        // A good token at another tenant's door, or at a gateway's.
        for base in ["http://127.0.0.1:7400/t/nobody/opa", "http://127.0.0.1:7400/t/acme/delivery"] {
            let token = format!("Bearer {}", opa.enrolled.token);
            let request = Request::builder().method(method).uri(format!("{base}{path}")).header(header::AUTHORIZATION, token);
            let status = send(&plane, request.body(Body::empty()).expect("a request")).await.status;
            assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND), "{method} {base}{path}: {status}");
        }
    }
    let watch = Request::get("http://127.0.0.1:7400/t/acme/delivery/watch?timestamp=0");
    let watch = watch.header(header::AUTHORIZATION, format!("Bearer {}", opa.enrolled.token)).body(Body::empty()).expect("a request");
    assert_eq!(send(&plane, watch).await.status, StatusCode::UNAUTHORIZED);
}
