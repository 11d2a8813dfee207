//! What a client meets.

use crate::control::GATEWAY;
use crate::upstream::definition;
use crate::world::World;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use token::{Assertion, PublicJwk};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;

#[tokio::test]
async fn from_a_challenge_to_a_recorded_call() {
    let world = World::start().await;

    let stranger = world.post(None, &[], INITIALIZE).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let metadata = world.url("/.well-known/oauth-protected-resource/mcp/incident");
    assert_eq!(stranger.challenge(), format!("Bearer resource_metadata=\"{metadata}\", scope=\"logs.read\""));
    let path = metadata.strip_prefix(&world.url("")).expect("ours").to_owned();
    let document = world.get(&path).await;
    assert_eq!(document.body["resource"], json!(world.resource()));
    assert_eq!(document.body["authorization_servers"], json!([crate::world::ISSUER]));
    assert_eq!(document.body["scopes_supported"], json!(["logs.read"]));
    assert_eq!(world.get("/.well-known/oauth-protected-resource").await.body, document.body, "the only server there is");

    let sam = world.sam();
    let begun = world.post(Some(&sam), &[], INITIALIZE).await;
    assert_eq!(begun.status, StatusCode::OK);
    assert!(!begun.headers.contains_key("set-cookie"), "upstream cookies stay there");
    let session = begun.headers["mcp-session-id"].to_str().expect("text").to_owned();
    let extra = [("mcp-session-id", session.as_str()), ("cookie", "a=b"), ("x-forwarded-for", "1.2.3.4")];
    let body = r#"{"jsonrpc":"2.0", "id":"seven","method":"tools/call","params":{"name":"logs.read","arguments":{"q":"x"}}}"#;
    let done = world.post(Some(&sam), &extra, body).await;
    assert_eq!((done.status, &done.body["id"]), (StatusCode::OK, &json!("seven")));

    let (seen, bytes) = world.upstream.last();
    assert_eq!(bytes, body.as_bytes(), "what was judged is what is forwarded");
    assert_eq!(seen["mcp-session-id"], session.as_str());
    assert!(!seen.contains_key("cookie") && !seen.contains_key("x-forwarded-for"));
    let credential = seen["authorization"].to_str().expect("text").strip_prefix("Bearer ").expect("a bearer");
    assert_ne!(credential, sam);
    let keys = world.get("/.well-known/jwks.json").await.body;
    let key: PublicJwk = serde_json::from_value(keys["keys"][0].clone()).expect("a key");
    let audience = world.policy.servers[&world.resource()].upstream.clone();
    let claims = Assertion::Upstream.verify(credential, &key, &audience, world.now.load(Ordering::Relaxed)).expect("verifies");
    assert_eq!(
        (claims.sub.as_str(), claims.client_id.as_deref(), claims.scope.as_deref()),
        ("usr_sam", Some("cli_ide"), Some("logs.read"))
    );
    assert_eq!((claims.iss.as_str(), key.kid.as_str()), (GATEWAY, GATEWAY));
    assert_eq!((claims.decision.as_deref(), claims.policy_version), (done.headers["x-request-id"].to_str().ok(), Some(1)));

    let record = world.decided("the call", |line| line["method"] == "tools/call").await;
    assert_eq!(record["decision"], "allow");
    assert_eq!(record["rule"], json!({"role": "sre"}));
    assert_eq!((&record["sub"], &record["server"], &record["tool"]), (&json!("usr_sam"), &json!("incident"), &json!("logs.read")));
    assert_eq!(done.headers["x-request-id"].to_str().ok(), record["request_id"].as_str());
}

#[tokio::test]
async fn lists_show_what_the_caller_could_use() {
    let world = World::start().await;
    let names = |list: &Value| {
        list["result"]["tools"]
            .as_array()
            .expect("tools")
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    let list = world.list(&sam).await;
    assert_eq!(names(&list.body), ["logs.read", "logs.debug.write", "incidents.trigger"]);
    assert_eq!(list.body["result"]["nextCursor"], "2");
    assert_eq!(list.body["result"]["tools"][0]["title"], "T");
    assert_eq!(names(&world.list(&dev).await.body), ["logs.read"]);

    world.upstream.events.store(true, Ordering::Relaxed);
    let events = world.list(&dev).await;
    assert!(events.text.starts_with(": hi\r\n\r\nevent: message\nid: 1\ndata: {"), "{}", events.text);
    let data = events.text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    assert_eq!(names(&serde_json::from_str(data).expect("JSON")), ["logs.read"]);
}

/// Clients read a list with whatever success it comes.
#[tokio::test]
async fn a_list_is_filtered_whatever_success_it_comes_with() {
    let world = World::start().await;
    let dev = world.token(&world.claims("usr_dev", "developer"));
    let list =
        json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [definition("logs.read", false), definition("incidents.trigger", false)]}});
    for status in [203, 206, 202] {
        world.upstream.answer_next(status, &[("content-type", "application/json")], &list.to_string());
        let listed = world.list(&dev).await;
        let tools = listed.body["result"]["tools"].as_array().expect("tools");
        assert_eq!((listed.status.as_u16(), tools.len(), &tools[0]["name"]), (status, 1, &json!("logs.read")));
    }
    // What is no list is not passed on as one.
    world.upstream.answer_next(202, &[], "");
    assert_eq!(world.list(&dev).await.status, StatusCode::BAD_GATEWAY);
}

/// Nobody knows how long an error in place of a list is: it is passed on as it comes, and never gathered.
#[tokio::test]
async fn an_error_without_end_in_place_of_a_list_passes_as_it_comes() {
    let world = World::start().await;
    world.upstream.endless_errors.store(true, Ordering::Relaxed);
    let request = world.http.post(world.resource()).bearer_auth(world.sam()).header("content-type", "application/json");
    let request = request.header("accept", "application/json, text/event-stream");
    let answered = request.body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).send();
    let mut response = tokio::time::timeout(std::time::Duration::from_secs(20), answered).await.expect("in time").expect("an answer");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.chunk().await.expect("bytes").as_deref(), Some(&b"no: "[..]));
}

#[tokio::test]
async fn a_changed_definition_denies_the_tool() {
    let world = World::start().await;
    let sam = world.sam();
    assert_eq!(world.call(&sam, "logs.read").await.status, StatusCode::OK);
    world.upstream.drifted.store(true, Ordering::Relaxed);
    world.list(&sam).await;
    let denied = world.call(&sam, "logs.read").await;
    assert_eq!((denied.status, denied.reason()), (StatusCode::FORBIDDEN, "tool_drifted"));
    assert_eq!(denied.body["error"]["code"], -32001);
    assert_eq!(denied.challenge(), "");
    assert!(denied.body["error"]["data"]["request_id"].as_str().is_some_and(|id| id.starts_with("req_")));
    world.upstream.drifted.store(false, Ordering::Relaxed);
    world.list(&sam).await;
    assert_eq!(world.call(&sam, "logs.read").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_is_good_for_nobody_else() {
    let world = World::start().await;
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    let session = world.post(Some(&sam), &[], INITIALIZE).await.headers["mcp-session-id"].to_str().expect("text").to_owned();
    let extra = [("mcp-session-id", session.as_str())];
    let before = world.upstream.calls();
    let stolen = world.post(Some(&dev), &extra, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!((stolen.status, stolen.reason()), (StatusCode::NOT_FOUND, "unknown_session"));
    assert_eq!(world.upstream.calls(), before, "nothing was forwarded");
    world.decided("the refusal", |line| line["reason"] == "unknown_session" && line["decision"] == "deny").await;
    let delete = |token: &str| world.http.delete(world.resource()).header("mcp-session-id", &session).bearer_auth(token);
    assert_eq!(world.reply(delete(&dev)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.reply(delete(&sam)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.reply(delete(&sam)).await.status, StatusCode::NOT_FOUND, "ended");
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_not_forwarded() {
    let world = World::start().await;
    let sam = world.sam();
    let before = world.upstream.calls();
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","name":"incidents.trigger"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","Name":"incidents.trigger"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#,
    ] {
        let reply = world.post(Some(&sam), &[], body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"incidents.trigger"}}"#;
    for lie in [("mcp-method", "ping"), ("mcp-name", "logs.read")] {
        let reply = world.post(Some(&sam), &[lie], body).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32020)), "{lie:?}");
    }
    let plain = world.http.post(world.resource()).bearer_auth(&sam).header("content-type", "text/plain").body("{}");
    assert_eq!(world.reply(plain).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let rebound = world.http.post(world.resource()).bearer_auth(&sam).header("host", "evil.example").body("{}");
    assert_eq!(world.reply(rebound).await.reason(), "foreign_host");
    let large = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#, "x".repeat(1 << 20));
    assert_eq!(world.post(Some(&sam), &[], &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.upstream.calls(), before, "nothing was forwarded");
}

#[tokio::test]
async fn refusals_say_what_would_help() {
    let world = World::start().await;
    let dev = world.claims("usr_dev", "developer");
    let denied = world.call(&world.token(&dev), "logs.debug.write").await;
    assert_eq!((denied.status, denied.reason()), (StatusCode::FORBIDDEN, "scope_not_held"));
    assert!(
        denied.challenge().starts_with("Bearer error=\"insufficient_scope\", scope=\"logs.debug.write\", resource_metadata=\""),
        "{}",
        denied.challenge()
    );

    let mut late = dev.clone();
    late.exp = late.iat;
    let expired = world.call(&world.token(&late), "logs.read").await;
    assert_eq!((expired.status, expired.reason()), (StatusCode::UNAUTHORIZED, "token_expired"));
    assert!(expired.challenge().starts_with("Bearer error=\"invalid_token\", "), "{}", expired.challenge());

    let mut elsewhere = dev.clone();
    elsewhere.aud = "http://127.0.0.1:1/mcp/other".into();
    assert_eq!(world.call(&world.token(&elsewhere), "logs.read").await.reason(), "wrong_audience");
    assert_eq!(world.call("not.a.token", "logs.read").await.reason(), "token_malformed");
    let unknown = world
        .post(Some(&world.token(&dev)), &[], r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}"#)
        .await;
    assert_eq!((unknown.status, unknown.reason()), (StatusCode::FORBIDDEN, "unknown_method"));
    let record = world.decided("the denial", |line| line["reason"] == "scope_not_held").await;
    assert_eq!((&record["decision"], &record["scope"], &record["rule"]), (&json!("deny"), &json!("logs.debug.write"), &Value::Null));
}
