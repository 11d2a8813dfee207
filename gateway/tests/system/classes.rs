//! Classes of mistakes that gateways and authorization layers were found to make, each as a test. The names say the class.

use crate::upstream::subject_of;
use crate::world::World;
use http::StatusCode;
use policy::{Risk, ScopeSet, Target};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read"}}"#;

#[tokio::test]
async fn audience_confusion_a_token_for_one_server_is_good_at_no_other() {
    let world = World::started(|world| {
        let mut other = world.policy.servers[&world.resource()].clone();
        other.name = "other".into();
        world.policy.servers.insert(world.url("/mcp/other"), other);
    })
    .await;
    let resources = [world.resource(), world.url("/mcp/other")];
    for audience in &resources {
        let mut claims = world.claims("usr_sam", "sre");
        claims.aud.clone_from(audience);
        let token = world.token(&claims);
        for called in &resources {
            let request = world.http.post(called).bearer_auth(&token).header("content-type", "application/json").body(CALL);
            let reply = world.reply(request).await;
            match called == audience {
                true => assert_eq!(reply.status, StatusCode::OK),
                false => assert_eq!((reply.status, reply.reason()), (StatusCode::UNAUTHORIZED, "wrong_audience")),
            }
        }
    }
}

#[tokio::test]
async fn passthrough_the_caller_s_token_goes_nowhere() {
    let world = World::start().await;
    let sam = world.sam();
    world.call(&sam, "logs.read").await;
    world.list(&sam).await;
    world.http.get(world.resource()).bearer_auth(&sam).send().await.expect("opens");
    world.http.delete(world.resource()).bearer_auth(&sam).send().await.expect("answers");
    for canary in [sam.as_str(), sam.rsplit('.').next().expect("a signature")] {
        for (headers, body) in world.upstream.seen.lock().expect("lock").iter().zip(world.upstream.bodies.lock().expect("lock").iter()) {
            assert!(!format!("{headers:?}").contains(canary) && !String::from_utf8_lossy(body).contains(canary));
        }
    }
    world.decided("the call", |line| line["tool"] == "logs.read").await;
    assert!(!world.control.decisions.borrow().iter().any(|line| line.to_string().contains(&sam)));
}

#[tokio::test]
async fn header_override_and_spoofing_what_names_upstream_user_or_proxy_is_not_passed_on() {
    let world = World::start().await;
    let spoofs = [
        "x-upstream-authorization",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-real-ip",
        "x-user",
        "x-user-id",
        "x-auth-request-email",
        "x-original-url",
        "x-rewrite-url",
        "x-api-key",
        "proxy-authorization",
        "cookie",
        "writ-assertion",
        "mcp-authorization",
        "mcp-user",
        "te",
        "via",
        "x-http-method-override",
    ];
    let headers: Vec<_> = spoofs.iter().map(|name| (*name, "spoofed")).collect();
    assert_eq!(world.post(Some(&world.sam()), &headers, CALL).await.status, StatusCode::OK);
    let (seen, _) = world.upstream.last();
    for name in spoofs {
        assert!(!seen.contains_key(name), "{name}");
    }
    assert_eq!(subject_of(&seen).as_deref(), Some("usr_sam"), "who calls is said by the assertion alone");
}

#[tokio::test]
async fn host_poisoning_and_dns_rebinding_what_we_are_called_is_not_what_we_are() {
    let world = World::start().await;
    for (name, value) in
        [("host", "evil.example"), ("host", "127.0.0.1@evil.example"), ("origin", "https://evil.example"), ("origin", "null")]
    {
        let reply = world.reply(world.http.post(world.resource()).bearer_auth(world.sam()).header(name, value).body(CALL)).await;
        assert_eq!((reply.status, reply.reason()), (StatusCode::FORBIDDEN, "foreign_host"), "{name}: {value}");
    }
    // Another name of this host is let in, and the challenge still names the configured address.
    let port = world.address().rsplit(':').next().expect("a port").to_owned();
    let elsewhere =
        world.http.post(world.resource()).header("host", format!("localhost:{port}")).header("x-forwarded-host", "evil.example");
    let reply = world.reply(elsewhere).await;
    assert!(reply.challenge().contains(&world.url("/.well-known/oauth-protected-resource")), "{}", reply.challenge());
}

#[tokio::test]
async fn cache_keys_a_decision_remembers_neither_caller_nor_policy_of_another() {
    let world = World::start().await;
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    for _ in 0..3 {
        assert_eq!(world.call(&sam, "logs.debug.write").await.status, StatusCode::OK);
        assert_eq!(world.call(&dev, "logs.debug.write").await.reason(), "scope_not_held");
    }
    let mut policy = world.policy.clone();
    policy.scopes.get_mut("logs.debug.write").expect("a scope").risk = Risk::Critical;
    policy.roles.insert("developer".into(), policy.roles["sre"].clone());
    policy.roles.insert("sre".into(), ScopeSet::default());
    world.control.publish(policy);
    world.acked("the policy", |ack| ack["policy_version"] == 2).await;
    assert_eq!(world.call(&sam, "logs.debug.write").await.reason(), "scope_not_held");
    assert_eq!(world.call(&dev, "logs.debug.write").await.status, StatusCode::OK);
    let seq = world.control.revoke(Target::User("usr_dev".into()));
    world.acked("the list", |ack| ack["revocation_seq"] == seq).await;
    assert_eq!(world.call(&dev, "logs.debug.write").await.reason(), "user_blocked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cross_client_leak_everybody_gets_the_answer_to_their_own_call() {
    let world = Arc::new(World::started(|world| world.upstream.echoes.store(true, Ordering::Relaxed)).await);
    let callers: Vec<_> = (0..24)
        .map(|caller| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let sub = format!("usr_{}", "a".repeat(caller + 1));
                let token = world.token(&world.claims(&sub, "sre"));
                for round in 0..15 {
                    let canary = format!("canary-{caller}-{round}");
                    let body = json!({"jsonrpc": "2.0", "id": canary, "method": "tools/call", "params": {"name": "logs.read", "arguments": {"q": canary}}});
                    let reply = world.post(Some(&token), &[], &body.to_string()).await;
                    assert_eq!(reply.body["id"], json!(canary));
                    assert_eq!(reply.body["result"]["content"][0]["text"], json!(format!("for {sub}: \"{canary}\"")));
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("nobody saw another's answer");
    }
}

#[tokio::test]
async fn truncation_and_encoding_what_is_not_read_whole_is_not_forwarded() {
    let world = World::start().await;
    let sam = world.sam();
    let before = world.upstream.calls();
    for encoding in ["gzip", "br", "deflate", "identity, gzip", "GZIP"] {
        let reply = world.post(Some(&sam), &[("content-encoding", encoding)], CALL).await;
        assert_eq!((reply.status, reply.reason()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded"), "{encoding}");
        assert_eq!(reply.headers["accept-encoding"], "identity");
    }
    // The tool stands after the bound: a reader that gives up there would see another call.
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"arguments":{{"x":"{}"}},"name":"incidents.trigger"}}}}"#,
        "x".repeat(1 << 20)
    );
    assert_eq!(world.post(Some(&sam), &[], &long).await.reason(), "too_large");
    assert_eq!(world.upstream.calls(), before, "nothing was forwarded");
    assert_eq!(world.post(Some(&sam), &[("content-encoding", "identity")], CALL).await.status, StatusCode::OK);
}

#[tokio::test]
async fn request_smuggling_there_is_one_length_or_none() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let (sam, path) = (world.sam(), "/mcp/incident");
    let before = world.upstream.calls();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {sam}\r\ncontent-type: application/json\r\n", world.address());
    let hidden = format!("POST {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    for lengths in [
        format!("content-length: {}\r\ncontent-length: 4\r\n\r\n{CALL}", CALL.len()),
        format!("transfer-encoding: xchunked\r\ncontent-length: 4\r\n\r\n{hidden}"),
        "content-length: +4\r\n\r\nnull".to_owned(),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
    ] {
        let mut raw = world.raw().await;
        raw.write_all(format!("{head}{lengths}").as_bytes()).await.expect("sent");
        raw.shutdown().await.expect("half closed");
        let mut answer = String::new();
        // It may also just hang up.
        let _hung_up = raw.read_to_string(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
    }
    assert_eq!(world.upstream.calls(), before, "nothing was forwarded");
}

#[tokio::test]
async fn algorithm_and_type_confusion_only_our_access_tokens_are_tokens() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let world = World::start().await;
    let good = world.sam();
    let (claims, signature) = good.split_once('.').and_then(|(_, rest)| rest.split_once('.')).expect("a JWS");
    let kid = world.issuer.kid();
    let forged = |header: serde_json::Value| format!("{}.{claims}.{signature}", BASE64.encode(header.to_string()));
    let mut other_kind = BTreeMap::new();
    other_kind.insert("typ", "JWT");
    for (header, reason) in [
        (json!({"typ": "at+jwt", "alg": "none", "kid": kid}), "token_malformed"),
        (json!({"typ": "at+jwt", "alg": "HS256", "kid": kid}), "token_wrong_algorithm"),
        (json!({"typ": "at+jwt", "alg": "RS256", "kid": kid}), "token_wrong_algorithm"),
        (json!({"typ": "JWT", "alg": "ES256", "kid": kid}), "token_wrong_type"),
        (json!({"typ": "writ-upstream+jwt", "alg": "ES256", "kid": kid}), "token_wrong_type"),
        (json!({"typ": "at+jwt", "alg": "ES256", "kid": "other"}), "token_unknown_key"),
        (json!({"typ": "at+jwt", "alg": "ES256", "kid": kid, "jku": "https://evil.example/jwks"}), "token_bad_signature"),
    ] {
        let reply = world.call(&forged(header.clone()), "logs.read").await;
        assert_eq!((reply.status, reply.reason()), (StatusCode::UNAUTHORIZED, reason), "{header}");
    }
    // The gateway's own assertion, caught upstream and turned round.
    world.call(&good, "logs.read").await;
    let caught = world.upstream.last().0["authorization"].to_str().expect("text").trim_start_matches("Bearer ").to_owned();
    assert_eq!(world.call(&caught, "logs.read").await.reason(), "token_wrong_type");
}

#[tokio::test]
async fn token_in_the_address_is_no_token() {
    let world = World::start().await;
    let url = format!("{}?access_token={}", world.resource(), world.sam());
    let reply = world.reply(world.http.post(url).header("content-type", "application/json").body(CALL)).await;
    assert_eq!((reply.status, reply.reason()), (StatusCode::UNAUTHORIZED, "token_missing"));
}
