//! `opa` and `server`: what the Open Policy Agent reports and asks for, and signatures of its bundles that were made elsewhere.

use bundle::Signer as _;
use fuzz::samples::NOW;
use fuzz::samples::keys::metadata_key;
use fuzz::samples::policy::policy_set;
use fuzz::{Choices, Tree, bounded, edited, edited_text, target};
use http::{HeaderMap, HeaderValue};
use opa::decision_log::{Events, LARGEST_UNPACKED, Logged, MOST_EVENTS};
use opa::signature::fixed;
use opa::status::Report;
use opa::{PolicyTerms, Revision, policy_bundle};
use serde_json::json;
use std::time::Duration;
use writ::delivery::opa::prefer::{hold, known, wait};

fn event() -> serde_json::Value {
    json!({
        "labels": {"id": "8f0e", "version": "1.20.2"}, "decision_id": "4ca636c1-55e4-417a-b1d8-4aceb67960d1", "trace_id": "5d41402abc4b2a76b9719d911017c592",
        "bundles": {"writ-policy": {"revision": format!("policy-12-{}-1795424400", "0f".repeat(32))}, "writ-revocations": {"revision": "revocations-3-1795424400"}},
        "path": "writ/decision", "timestamp": "2026-11-23T09:00:00.123456Z",
        "input": {"method": "tools/call", "tool": "logs.read", "resource": "http://gw/mcp/incident", "token": {
            "sub": "usr_a", "sub_profile": "user", "client_id": "cli_a", "jti": "jti_a", "sid": "ses_a",
            "act": {"sub": "agt_a", "act": {"sub": "agt_b"}}, "grants": [{"id": "grt_a"}]}},
        "result": {"allow": true, "reason": "allowed", "scope": "logs.read", "supply": {"kind": "grant", "id": "grt_a"}, "obligations": []},
    })
}

fn is_printable(text: &str) -> bool {
    text.chars().count() <= 512 && !text.chars().any(char::is_control)
}

fn is_kept_short(logged: &Logged) {
    let names = [
        &logged.decision_id,
        &logged.reason,
        &logged.method,
        &logged.resource,
        &logged.subject,
        &logged.client,
        &logged.jti,
        &logged.session,
    ];
    let more = [&logged.trace_id, &logged.tool, &logged.scope, &logged.agent];
    assert!(
        names
            .into_iter()
            .chain(more.into_iter().flatten())
            .chain(&logged.inner_agents)
            .chain(&logged.grant_ids)
            .all(|name| is_printable(name))
    );
    assert!(!logged.decision_id.is_empty() && logged.inner_agents.len() <= 16 && logged.grant_ids.len() <= 64);
}

#[test]
fn decision_logs() {
    let own = json!({"path": "envoy/authz", "decision_id": "2", "timestamp": "2026-11-23T09:00:00Z", "result": {"writ": {"input": event()["input"], "decision": event()["result"]}}});
    let samples = [json!([event()]).to_string(), json!([own, event(), {"path": "other"}]).to_string()];
    target!(3_000, |mut choices: Choices<'_>| {
        let body = edited(&mut choices, &samples);
        match Events::read(&body) {
            Ok(events) => {
                assert!(events.decisions.len() + events.foreign + events.unreadable <= MOST_EVENTS);
                events.decisions.iter().for_each(is_kept_short);
                // Read by somebody who takes any of several keys, an event that is ours is not passed over.
                if let Some(Tree::List(all)) = Tree::read(&body) {
                    assert_eq!(all.len(), events.decisions.len() + events.foreign + events.unreadable);
                    assert!(all.iter().filter(|event| could_be_ours(event)).count() <= events.decisions.len() + events.unreadable);
                }
            }
            Err(why) => assert!(!why.contains("usr_a") && !why.contains("logs.read"), "{why}"),
        }
    });
}

fn could_be_ours(event: &Tree) -> bool {
    let asked =
        |(key, value): &(String, Tree)| key == "path" && matches!(value, Tree::Text(path) if path.trim_matches('/') == "writ/decision");
    let says = |(key, value): &(String, Tree)| key == "writ" && matches!(value, Tree::Map(_));
    event.members().iter().any(|member| asked(member) || member.0 == "result" && member.1.members().iter().any(says))
}

/// The largest body that is unpacked at all, of what takes the most memory when it is taken apart.
#[test]
fn the_largest_body_takes_little_memory() {
    for piece in ["0,", "{},", "[[],[],[]],", "{\"path\":\"writ/decision\",\"input\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},"] {
        let mut body = format!("[{}", piece.repeat(LARGEST_UNPACKED / piece.len() - 2));
        body.pop();
        body.push(']');
        bounded(|| assert!(Events::read(body.as_bytes()).is_err(), "{piece}"));
        let one = format!("[{{\"path\":\"writ/decision\",\"input\":{body}}}]");
        bounded(|| assert_eq!(Events::read(one.as_bytes()).expect("an array").unreadable, 1, "{piece}"));
    }
}

#[test]
fn status_reports() {
    let samples = [json!({"labels": {"id": "8f0e", "version": "1.20.2"}, "metrics": {"prometheus": {}}, "bundles": {
        "writ-policy": {"name": "writ-policy", "active_revision": format!("policy-12-{}-1795424400", "0f".repeat(32)), "code": "bundle_error", "message": "scope mismatch", "http_code": "", "errors": [{"message": "x"}]},
        "writ-revocations": {"active_revision": "revocations-3-1795424400"}, "another": {"active_revision": "x"},
    }})
    .to_string()];
    target!(3_000, |mut choices: Choices<'_>| {
        match Report::read(&edited(&mut choices, &samples)) {
            Ok(report) => {
                assert!(is_printable(&report.software) && report.software.starts_with("OPA") && report.lanes.len() <= 2);
                for standing in report.lanes.values() {
                    assert!(standing.refused.as_deref().is_none_or(is_printable));
                    if let Some(revision) = &standing.active {
                        assert_eq!(Revision::parse(&revision.to_string()).as_ref(), Some(revision));
                    }
                }
            }
            Err(why) => assert!(!why.contains("scope mismatch") && !why.contains("8f0e"), "{why}"),
        }
    });
}

#[test]
fn what_an_opa_asks_for() {
    let digest = "0f".repeat(32);
    let tags = [format!("\"{digest}\""), format!("W/\"{digest}\", \"other\""), "*".to_owned()];
    target!(4_000, |mut choices: Choices<'_>| {
        let mut headers = HeaderMap::new();
        for _ in 0..=choices.below(2) {
            if let Ok(value) = HeaderValue::from_bytes(&edited(&mut choices, &tags)) {
                headers.append("if-none-match", value);
            }
            if let Ok(value) = HeaderValue::from_bytes(&edited(&mut choices, &["modes=snapshot,delta;wait=30", "wait=7, modes=snapshot"])) {
                headers.append("prefer", value);
            }
        }
        let held = known(&headers);
        assert!(held.is_empty() || held.len() == 64 && held.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(wanted) = wait(&headers) {
            let held = hold(wanted, choices.byte());
            assert!(held > Duration::ZERO && held <= wanted && held <= Duration::from_secs(55));
        }
    });
}

#[test]
fn signatures_made_elsewhere() {
    let key = metadata_key(13);
    let terms = PolicyTerms { native_sha256: "0a".repeat(32), signed: NOW, expires: NOW + 60 };
    let unsigned = policy_bundle(&policy_set(3), &terms).expect("it can be carried");
    let der = key.sign(&unsigned.signing_input(key.public())).expect("signs");
    let samples = [der.clone(), metadata_key(14).sign(b"other").expect("signs")];
    assert!(unsigned.complete(key.public(), &der).is_ok());
    target!(1_500, |mut choices: Choices<'_>| {
        let offered = edited(&mut choices, &samples);
        if let Some(numbers) = fixed(&offered) {
            // Two numbers have one spelling.
            assert!(offered.len() <= 72 && numbers.chunks(32).all(|number| number.iter().any(|byte| *byte != 0)));
        }
        if unsigned.complete(key.public(), &offered).is_ok() {
            assert_eq!(offered, der);
        }
        let revision =
            edited_text(&mut choices, &[format!("policy-12-{}-1795424400", "0f".repeat(32)), "revocations-3-1795424400".to_owned()]);
        assert!(Revision::parse(&revision).is_none_or(|read| read.to_string() == revision));
    });
}
