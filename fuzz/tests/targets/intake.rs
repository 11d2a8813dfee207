//! `control` and `server`: what gateways send, what people type, where pages go on.

use control::Error;
use control::config::{check_schema, check_server, issuer, per_minute, public_key, redirect_uris};
use control::delivery::decisions::{Batch, LARGEST_BATCH, MOST_RECORDS};
use control::delivery::{Ack, Cosigned, Known};
use control::oauth::{form_target, matches};
use enforce::{Active, Ask, Enforcer, Freshness, MethodOwned, Record, Rule};
use flate2::Compression;
use flate2::write::GzEncoder;
use fuzz::samples::keys::token_key;
use fuzz::samples::policy::{RESOURCE, policy_set, revocations_text};
use fuzz::samples::tokens::tokens;
use fuzz::samples::{NOW, TENANT};
use fuzz::{Choices, Tree, edited, edited_text, target};
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Arc;
use store::Gateway;
use url::Url;
use writ::csrf::{carries, is_for_programs, same_origin};
use writ::delivery::unpack::unpacked;
use writ::signin::return_path::return_path;

fn records() -> String {
    let record = Record {
        at_ms: NOW * 1000,
        decision: Record::ALLOW.into(),
        reason: "allowed".into(),
        method: "tools/call".into(),
        tool: Some("logs.read".into()),
        resource: RESOURCE.into(),
        server: Some("incident".into()),
        scope: Some("logs.read".into()),
        rule: Some(Rule::Role("developer".into())),
        sub: "usr_dev".into(),
        sub_profile: policy::SubjectKind::User,
        client_id: "cli_ide".into(),
        agent: Some("agt_1".into()),
        inner_agents: vec!["agt_2".into()],
        jti: "tok_1".into(),
        sid: "ses_1".into(),
        grant_ids: vec!["grt_1".into()],
        policy_version: 3,
        revocation_seq: 2,
        request_id: "req_1".into(),
        trace_id: Some("0a".repeat(16)),
    };
    let denied = Record {
        decision: Record::DENY.into(),
        reason: "insufficient_scope".into(),
        rule: Some(Rule::Grant("grt_1".into())),
        agent: None,
        trace_id: None,
        ..record.clone()
    };
    [record, denied].map(|record| serde_json::to_string(&record).expect("serialises") + "\n").concat()
}

fn is_invalid(error: &Error) {
    let Error::Invalid(fields) = error else { panic!("{error:?}") };
    assert!(fields.iter().all(|field| !field.reason.is_empty()) && !fields.is_empty());
}

#[test]
fn decision_batches() {
    let (samples, before) = ([records(), records().repeat(3)], "0".repeat(64));
    assert!(samples.iter().all(|sample| Batch::read(1, &before, sample.as_bytes()).is_ok()));
    target!(2_000, |mut choices: Choices<'_>| {
        let body = edited(&mut choices, &samples);
        let prev = edited_text(&mut choices, &[&before]);
        match Batch::read(choices.number().cast_unsigned(), &prev, &body) {
            Ok(_) => {
                assert!(prev.len() == 64 && body.len() <= LARGEST_BATCH);
                let text = String::from_utf8(body).expect("UTF-8");
                assert!(text.lines().count() <= MOST_RECORDS);
                for line in text.lines() {
                    let tree = Tree::read(line.as_bytes()).expect("JSON");
                    let twice = |key: &str| tree.members().iter().filter(|(found, _)| found == key).count() > 1;
                    assert!(!["decision", "sub", "at_ms", "reason", "rule"].iter().any(|key| twice(key)), "{line}");
                }
            }
            Err(error) => is_invalid(&error),
        }
    });
}

#[test]
fn compressed_bodies() {
    const LIMIT: usize = 100_000;
    let packed = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).expect("memory");
        gzip.finish().expect("memory")
    };
    let samples = [packed(records().as_bytes()), packed(&[b'a'; LIMIT]), packed(&vec![0; 50_000_000])];
    target!(500, |mut choices: Choices<'_>| {
        match unpacked(&edited(&mut choices, &samples), LIMIT) {
            Ok(body) => assert!(body.len() <= LIMIT),
            Err(error) => is_invalid(&error),
        }
    });
}

#[test]
fn acknowledgements() {
    let samples = [json!({
        "policy_version": 3, "policy_sha256": "0a".repeat(32), "revocation_seq": 2, "timestamp": 9, "error": {"code": "expired", "message": "m"},
        "started_at": NOW, "version": "0.1.0", "labels": {"env": "test"}, "drifted": [{"resource": RESOURCE, "tool": "logs.read", "digest": "0a".repeat(32)}],
        "witnessed": {"key": "writ/acme/gw_1+00000000+AA==", "size": 7, "cosignature": null}, "refused": 8,
        "decided": [{"policy_version": 3, "allowed": 10, "denied": 2}, {"policy_version": 2, "allowed": 7, "denied": 0}],
    })
    .to_string()];
    assert!(serde_json::from_str::<Ack>(&samples[0]).is_ok());
    let before = new_gateway();
    target!(2_000, |mut choices: Choices<'_>| {
        let Ok(ack) = serde_json::from_str::<Ack>(&edited_text(&mut choices, &samples)) else { return };
        let known = Known { newest: choices.number(), revocation_seq: choices.number() };
        let after = ack.applied(&before, known, &Cosigned::Nothing, NOW * 1000);
        is_kept_short(&after);
        // Nothing that identifies it, and nothing of its log.
        let same = |row: &Gateway| {
            (row.id.clone(), row.name.clone(), row.public_key.clone(), row.batch_seq, row.batch_hash.clone(), row.witness_key.clone())
        };
        assert_eq!((same(&after), after.seen_ms), (same(&before), Some(NOW * 1000)));
        // Said twice it is kept as if it had been said once.
        assert_eq!(ack.applied(&after, known, &Cosigned::Nothing, NOW * 1000), after);
    });
}

fn new_gateway() -> Gateway {
    Gateway {
        id: "gw_1".into(),
        name: "gw-1".into(),
        public_key: String::new(),
        enrolled_ms: 0,
        seen_ms: None,
        policy_version: None,
        policy_sha256: None,
        revocation_seq: None,
        timestamp: None,
        error: None,
        error_text: None,
        software: None,
        batch_seq: 7,
        batch_hash: "0".repeat(64),
        gap_seq: None,
        gap_prev: None,
        drifted: None,
        labels: None,
        witness_key: None,
        witnessed_size: None,
        cosignature: None,
        witnessed_s: None,
        kind: "gateway".into(),
        refused: None,
        decided: None,
    }
}

/// Bounded, printable, and no number that a database would not take.
fn is_kept_short(row: &Gateway) {
    let printable = |text: &str, longest: usize| text.chars().count() <= longest && !text.chars().any(char::is_control);
    for (text, longest) in [(&row.policy_sha256, 64), (&row.error, 64), (&row.error_text, 500), (&row.software, 40)] {
        assert!(text.as_ref().is_none_or(|text| printable(text, longest)), "{text:?}");
    }
    let numbers = [row.policy_version, row.revocation_seq, row.timestamp, row.refused];
    assert!(numbers.into_iter().flatten().all(|number| number >= 0));
    let list = |text: &Option<String>| text.as_deref().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    for drifted in list(&row.drifted).iter().flat_map(|list| list.as_array().expect("a list")) {
        assert!(
            [("resource", 500), ("tool", 200), ("digest", 64)]
                .iter()
                .all(|(key, longest)| printable(drifted[key].as_str().expect("text"), *longest))
        );
    }
    assert!(list(&row.drifted).is_none_or(|list| list.as_array().is_some_and(|list| list.len() <= 50)));
    assert!(list(&row.decided).is_none_or(|list| list.as_array().is_some_and(|list| list.len() <= 4)));
    for (name, value) in list(&row.labels).iter().flat_map(|labels| labels.as_object().expect("a map")) {
        assert!(printable(name, 63) && printable(value.as_str().expect("text"), 63));
    }
    assert!(list(&row.labels).is_none_or(|labels| labels.as_object().is_some_and(|labels| labels.len() <= 32)));
}

#[test]
fn keys_that_people_paste() {
    let key = json!(token_key(5).public());
    let samples = [
        key.to_string(),
        json!({"keys": [key]}).to_string(),
        json!({"kty": "EC", "crv": "P-256", "d": "c2VjcmV0LXNlY3JldA", "x": "", "y": ""}).to_string(),
    ];
    assert!(public_key(&samples[0]).is_ok() && public_key(&samples[1]).is_ok());
    target!(3_000, |mut choices: Choices<'_>| {
        match public_key(&edited_text(&mut choices, &samples)) {
            Ok(read) => {
                assert!(read.is_p256());
                assert_eq!(public_key(&json!(read).to_string()).expect("reads its own"), read);
            }
            Err(error) => {
                is_invalid(&error);
                assert!(!error.to_string().contains("c2VjcmV0") && !format!("{error:?}").contains("c2VjcmV0"), "a secret is repeated");
            }
        }
    });
}

/// A schema that is taken in is one that every gateway can enforce, whatever it is and whatever is held against it.
#[test]
fn argument_schemas() {
    let set = policy_set(3);
    let tool = &set.servers[RESOURCE].tools["logs.read"];
    let samples = [
        tool.arguments.as_ref().expect("has one").text().to_owned(),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "array", "items": {"$ref": "#"}}]}, "b": {"type": "object", "additionalProperties": {"$ref": "#/$defs/a"}}}}).to_string(),
        json!({"$id": "https://example.com/s", "$anchor": "x", "$dynamicAnchor": "y", "properties": {"p": {"$dynamicRef": "#y"}, "q": {"if": {"const": 1}, "then": {"enum": [1, 2.5]}, "else": {"not": {}}}},
            "patternProperties": {"^(a+)+$": {"format": "date-time", "multipleOf": 0.1}}, "propertyNames": {"minLength": 1}, "unevaluatedProperties": false, "dependentSchemas": {"a": true}}).to_string(),
    ];
    let mut arguments = vec![
        json!({"service": "api", "limit": 10}),
        json!({"q": {"a": [[[1]]]}, "p": {"p": {"p": 1}}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!": "x"}),
        json!({}),
    ];
    // As deep as alternatives multiply: a schema that looks twice at each level would never be done.
    arguments.extend(["p", "q", "a"].map(|key| nested(60, |inner| json!({key: inner}))));
    arguments.push(json!({"p": nested(60, |inner| json!([inner])), "a": nested(60, |inner| json!([inner]))}));
    arguments.push(nested(30, |inner| json!({"p": [inner]})));
    arguments.push(nested(30, |inner| json!({"a": inner, "p": 1, "q": [1]})));
    let (token, digest) = (&tokens()[0], "0a".repeat(32));
    target!(800, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &samples);
        let schema = match check_schema(&text) {
            Ok(schema) => schema,
            Err(error) => return is_invalid(&error),
        };
        let mut set = set.clone();
        set.servers.get_mut(RESOURCE).and_then(|server| server.tools.get_mut("logs.read")).expect("there").arguments = Some(schema.into());
        let policy = serde_json::to_string(&set).expect("serialises");
        let fresh = Freshness { timestamp: 1, fresh_until: NOW + 60 };
        let active = Active::from_files(TENANT, &policy, &revocations_text(2), fresh).expect("what was taken in can be enforced");
        let enforcer = Enforcer::closed();
        enforcer.activate(Arc::new(active));
        for arguments in &arguments {
            let method = MethodOwned::CallTool("logs.read".into());
            let _answer = enforcer.authorize(&Ask {
                bearer: Some(token),
                resource: RESOURCE,
                method: &method,
                arguments: Some(arguments),
                live_tool_digest: Some(&digest),
                request_id: "req_1",
                trace_id: None,
                now_ms: NOW * 1000,
            });
        }
    });
}

fn nested(depth: usize, around: impl Fn(Value) -> Value) -> Value {
    (0..depth).fold(json!(1), |inner, _| around(inner))
}

#[test]
fn limits_that_people_type() {
    target!(4_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &["60", " 1 ", "4294967295"]);
        match per_minute("limit", &text) {
            Ok(Some(limit)) => assert!(limit >= 1 && per_minute("limit", &limit.to_string()).is_ok_and(|again| again == Some(limit))),
            Ok(None) => assert!(text.trim().is_empty()),
            Err(error) => is_invalid(&error),
        }
    });
}

/// What is taken in is what will be called, sent to or compared with: nothing in it is read as something else later.
#[test]
fn addresses_that_people_type() {
    let issuers = ["https://login.example.com/a/v2.0", " https://idp.example/ ", "http://127.0.0.1:7400"];
    let redirects = ["https://ide.example/cb?a=1", "http://127.0.0.1:33418/callback", "http://[::1]/cb", "http://localhost/"];
    let servers = [RESOURCE, "http://127.0.0.1:9000/mcp", "https://logs.example:8443/mcp?x=1"];
    let parsed = |text: &str| Url::parse(text).expect("a URL");
    let bare = |url: &Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    target!(4_000, |mut choices: Choices<'_>| {
        match issuer(&edited_text(&mut choices, &issuers)) {
            Ok(issuer) => {
                let (url, document) =
                    (parsed(issuer), parsed(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))));
                assert!(matches!(url.scheme(), "http" | "https") && bare(&url) && url.query().is_none() && url.has_host());
                assert_eq!((document.origin(), document.query()), (url.origin(), None));
                assert!(issuer.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            Err(error) => is_invalid(&error),
        }
        match redirect_uris(&[edited_text(&mut choices, &redirects)]) {
            Ok(uris) => {
                let url = parsed(&uris[0]);
                assert!(url.scheme() == "https" || url.scheme() == "http" && control::oauth::is_loopback(&uris[0]), "{uris:?}");
                assert!(bare(&url) && matches(&uris[0], &uris[0]) && form_target(&uris[0]).is_some(), "{uris:?} could never be used");
            }
            Err(error) => is_invalid(&error),
        }
        let (resource, upstream) = (edited_text(&mut choices, &servers), edited_text(&mut choices, &servers));
        match check_server("incident", &resource, &upstream, []) {
            Ok(()) => {
                assert!(parsed(&resource).as_str() == resource && parsed(&resource).query().is_none() && bare(&parsed(&resource)));
                assert!(bare(&parsed(&upstream)) && matches!(parsed(&upstream).scheme(), "http" | "https") && resource != upstream);
                assert!(!upstream.contains(|c: char| c.is_control() || c.is_whitespace()));
            }
            Err(error) => is_invalid(&error),
        }
    });
}

/// A form is believed when the browser says that it came from us, and when it carries the session's token.
#[test]
fn forms() {
    const OURS: &str = "https://writ.example";
    const TOKEN: &str = "q3J0-_aZ";
    let forms = [format!("csrf={TOKEN}&reason=a+b"), format!("reason=%26csrf%3D&csrf={TOKEN}"), format!("csrf=other&csrf={TOKEN}")];
    let paths = ["/t/acme/token", "/t/acme/revoke", "/t/acme/delivery/ack", "/t/acme/opa/logs", "/t/acme/roles/token", "/t/acme/take-back"];
    target!(4_000, |mut choices: Choices<'_>| {
        let form = edited(&mut choices, &forms);
        assert!(!carries(&form, ""));
        let first = String::from_utf8_lossy(&form).split('&').find_map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (url::form_urlencoded::parse(name.as_bytes()).next()?.0 == "csrf").then(|| value.to_owned())
        });
        let plain = |value: &str| !value.contains(['%', '+', '\u{fffd}']);
        if let Some(first) = first.filter(|first| plain(first)) {
            assert_eq!(carries(&form, TOKEN), first == TOKEN, "{first:?}");
        }
        let mut headers = http::HeaderMap::new();
        for (name, samples) in [
            ("sec-fetch-site", &["same-origin", "none", "cross-site", "same-site"][..]),
            ("origin", &[OURS, "null", "http://writ.example"]),
        ] {
            if let Ok(value) = http::HeaderValue::from_bytes(&edited(&mut choices, samples)) {
                headers.insert(name, value);
            }
        }
        let said = headers.get("sec-fetch-site").map(|said| said.as_bytes());
        let ours = same_origin(&headers, OURS);
        assert!(!ours || matches!(said, Some(b"same-origin" | b"none")) || headers["origin"] == OURS);
        assert!(ours || !matches!(said, Some(b"same-origin" | b"none")));
        let path = edited_text(&mut choices, &paths);
        if is_for_programs(&path) {
            let below = path.strip_prefix("/t/").and_then(|rest| rest.split_once('/')).expect("a tenant's").1;
            assert!(matches!(below, "token" | "revoke") || below.starts_with("delivery/") || below.starts_with("opa/"), "{path}");
        }
    });
}

/// As a browser reads it, it stays on this site, in this tenant.
#[test]
fn where_people_go_after_signing_in() {
    let samples = [
        "/t/acme/requests?show=mine",
        "/t/acme/authorize/abc?again=1",
        "//evil.example/t/acme/",
        "/t/acme/../umbrella/home",
        "/t/acme/%2e%2e/umbrella",
        "https://evil.example/t/acme/home",
        "/t/acme/\\..\\umbrella",
        "/t/acme/signin/go",
    ];
    target!(4_000, |mut choices: Choices<'_>| {
        let asked = edited_text(&mut choices, &samples);
        let path = return_path(TENANT, &asked);
        assert!(path.starts_with("/t/acme/") && path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?}");
        let here = Url::parse("https://writ.example/t/acme/signin/callback").expect("a URL");
        let there = here.join(&path).expect("a path");
        assert_eq!(there.origin(), here.origin(), "{asked:?}");
        assert!(there.path().starts_with("/t/acme/") && !there.path().starts_with("/t/acme/signin"), "{asked:?} leads to {there}");
        assert_eq!(return_path(TENANT, &path), path);
    });
}
