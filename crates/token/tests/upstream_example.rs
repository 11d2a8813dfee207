//! The examples of docs/upstreams.md: what a gateway sends is accepted, and nothing else.

#[path = "../../../docs/examples/verify_assertion.rs"]
mod example;

use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use token::{Assertion, AssertionClaims, SigningKey};

const NOW: i64 = 1_800_000_000;
const AUDIENCE: &str = "https://internal.example/mcp";

struct Case {
    what: &'static str,
    good: bool,
    token: String,
    audience: &'static str,
    now: i64,
}

fn cases(key: &SigningKey) -> Vec<Case> {
    let (thief, _) = SigningKey::generate().expect("randomness");
    let claims = AssertionClaims {
        iss: "gw_1".into(),
        sub: "usr_sam".into(),
        aud: AUDIENCE.into(),
        iat: NOW,
        exp: NOW + Assertion::LIFE,
        jti: "asr_1".into(),
        client_id: Some("cli_ide".into()),
        agent: Some("agt_1".into()),
        scope: Some("logs.read".into()),
        decision: Some("req_1".into()),
        policy_version: Some(7),
    };
    let sign = |kind: Assertion, key: &SigningKey, claims: &AssertionClaims| kind.sign(key, "gw_1", claims).expect("signs");
    let good = sign(Assertion::Upstream, key, &claims);
    let long = AssertionClaims { exp: NOW + 3_600, ..claims.clone() };
    let case = |what, good, token: &str, audience, now| Case { what, good, token: token.to_owned(), audience, now };
    vec![
        case("as sent", true, &good, AUDIENCE, NOW + 5),
        case("a clock a little ahead", true, &good, AUDIENCE, NOW - 30),
        case("another server's", false, &good, "https://other.example/mcp", NOW),
        case("kept for later", false, &good, AUDIENCE, NOW + 3_600),
        case("from the future", false, &good, AUDIENCE, NOW - 3_600),
        case("another kind", false, &sign(Assertion::Gateway, key, &claims), AUDIENCE, NOW),
        case("a thief's", false, &sign(Assertion::Upstream, &thief, &claims), AUDIENCE, NOW),
        case("lives too long", false, &sign(Assertion::Upstream, key, &long), AUDIENCE, NOW),
        case("cut short", false, &good[..good.len() - 4], AUDIENCE, NOW),
        case("nothing", false, "", AUDIENCE, NOW),
    ]
}

fn keys(key: &SigningKey) -> Value {
    let mut jwk = json!(key.public());
    jwk["kid"] = json!("gw_1");
    json!({ "keys": [jwk] })
}

#[test]
fn the_rust_example_accepts_the_gateway_and_nobody_else() {
    let (key, _) = SigningKey::generate().expect("randomness");
    let set: JwkSet = serde_json::from_value(keys(&key)).expect("a key set");
    for case in cases(&key) {
        let caller = example::verify(&case.token, &set, case.audience, case.now);
        assert_eq!(caller.is_some(), case.good, "{}", case.what);
        if let Some(caller) = caller {
            let said = (caller.sub.as_str(), caller.client_id.as_deref(), caller.agent.as_deref(), caller.decision.as_deref());
            assert_eq!(said, ("usr_sam", Some("cli_ide"), Some("agt_1"), Some("req_1")));
            assert_eq!(caller.scope.as_deref(), Some("logs.read"));
        }
    }
}

/// Where Python has `cryptography`, which the example needs; elsewhere the test says so and ends.
#[test]
fn the_python_example_accepts_the_gateway_and_nobody_else() {
    let has = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        eprintln!("not run: python3 with the package `cryptography` is not here");
        return;
    }
    let (key, _) = SigningKey::generate().expect("randomness");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/verify_assertion.py");
    for case in cases(&key) {
        let mut python = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let asked = json!({ "token": case.token, "keys": keys(&key), "audience": case.audience, "now": case.now });
        python.stdin.take().expect("a pipe").write_all(asked.to_string().as_bytes()).expect("asked");
        let done = python.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.success(), case.good, "{}: {said}", case.what);
        assert!(case.good || said.starts_with("refused: "), "{}: {said}", case.what);
        if case.good {
            let claims: Value = serde_json::from_slice(&done.stdout).expect("JSON");
            assert_eq!((&claims["sub"], &claims["policy_version"]), (&json!("usr_sam"), &json!(7)));
        }
    }
}
