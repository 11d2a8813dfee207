//! Each revision of MCP, as its specification has it, and what passes through untouched.

use crate::world::World;
use bytes::Bytes;
use futures::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","arguments":{"q":"x"}}}"#;
const STATELESS: [(&str, &str); 3] = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "logs.read")];

#[tokio::test]
async fn in_the_stateless_revision_each_request_stands_alone() {
    let world = World::start().await;
    let sam = world.sam();
    let traced = [&STATELESS[..], &[("mcp-session-id", "made-up"), ("last-event-id", "7")]].concat();
    assert_eq!(world.post(Some(&sam), &traced, CALL).await.status, StatusCode::OK, "a session means nothing here");
    let (seen, _) = world.upstream.last();
    assert!(seen["mcp-method"] == "tools/call" && seen["mcp-name"] == "logs.read");
    assert!(!seen.contains_key("mcp-session-id") && !seen.contains_key("last-event-id"));

    let before = world.upstream.calls();
    for missing in 1..STATELESS.len() {
        let headers: Vec<_> = STATELESS.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, pair)| *pair).collect();
        let refused = world.post(Some(&sam), &headers, CALL).await;
        assert_eq!((refused.status, &refused.body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32020)), "{headers:?}");
    }
    let unknown = world
        .post(
            Some(&sam),
            &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/destroy")],
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/destroy"}"#,
        )
        .await;
    assert_eq!(
        (unknown.status, &unknown.body["error"]["code"], unknown.reason()),
        (StatusCode::NOT_FOUND, &json!(-32601), "unknown_method")
    );
    for method in [reqwest::Method::GET, reqwest::Method::DELETE] {
        let request = world.http.request(method, world.resource()).bearer_auth(&sam).header("mcp-protocol-version", "2026-07-28");
        let reply = world.reply(request).await;
        assert_eq!((reply.status, &reply.headers["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().expect("a value")));
    }
    let future = world.post(Some(&sam), &[("mcp-protocol-version", "2031-01-01")], CALL).await;
    assert_eq!((future.status, &future.body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32022)));
    assert_eq!(future.body["error"]["data"]["supported"][0], "2026-07-28");
    assert_eq!(world.upstream.calls(), before, "nothing was forwarded");
}

#[tokio::test]
async fn arguments_in_headers_say_what_the_body_says() {
    let world = World::started(|world| world.upstream.annotated.store(true, Ordering::Relaxed)).await;
    let sam = world.sam();
    let call = |region: Option<&'static str>| {
        let mut headers = STATELESS.to_vec();
        headers.extend(region.map(|region| ("mcp-param-region", region)));
        headers.push(("mcp-param-undeclared", "lie"));
        headers
    };
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","arguments":{"region":"eu-1"}}}"#;
    assert_eq!(world.post(Some(&sam), &call(Some("eu-1")), body).await.status, StatusCode::OK);
    let (seen, _) = world.upstream.last();
    assert_eq!(seen["mcp-param-region"], "eu-1");
    assert!(!seen.contains_key("mcp-param-undeclared"), "the tool declares no such header");
    for lie in [Some("us-1"), None] {
        let refused = world.post(Some(&sam), &call(lie), body).await;
        assert_eq!((refused.status, &refused.body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32020)), "{lie:?}");
    }
}

#[tokio::test]
async fn a_stream_is_taken_up_where_it_broke_and_ends_with_its_client() {
    let world = World::start().await;
    for revision in ["2025-06-18", "2025-11-25"] {
        let open = world
            .http
            .get(world.resource())
            .bearer_auth(world.sam())
            .header("mcp-protocol-version", revision)
            .header("last-event-id", "41");
        let response = open.send().await.expect("opens");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut stream = response.bytes_stream();
        assert_eq!(stream.next().await.expect("a chunk").expect("bytes"), ": 41\n\n");
        let before = world.upstream.let_go.load(Ordering::Relaxed);
        drop(stream);
        world.until("the server is let go", || world.upstream.let_go.load(Ordering::Relaxed) > before).await;
    }
}

#[tokio::test]
async fn answers_pass_as_they_are_and_lists_in_batches_are_filtered() {
    let world = World::start().await;
    let dev = world.token(&world.claims("usr_dev", "developer"));
    let odd = "{ \"jsonrpc\" : \"2.0\",\t\"id\":1, \"result\": {\"x\": 1e3} }";
    world.upstream.answer_next(
        200,
        &[("content-type", "application/json"), ("server", "secret/1"), ("set-cookie", "a=b"), ("mcp-session-id", "s")],
        odd,
    );
    let passed = world.post(Some(&dev), &[], CALL).await;
    assert_eq!(passed.text, odd);
    assert!(!passed.headers.contains_key("server") && !passed.headers.contains_key("set-cookie"));
    let batch = json!([
        {"jsonrpc": "2.0", "method": "notifications/message", "params": {}},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [crate::upstream::definition("incidents.trigger", false), crate::upstream::definition("logs.read", false)]}},
    ]);
    // The key of the list as it is, and with a letter in it escaped.
    let hidden = batch.to_string().replace("\"tools\"", "\"\\u0074ools\"");
    for (kind, text) in [
        ("application/json", batch.to_string()),
        ("text/event-stream", format!("data: {batch}\n\n")),
        ("text/event-stream", format!("data: {hidden}\n\n")),
    ] {
        world.upstream.answer_next(200, &[("content-type", kind)], &text);
        let text = world.list(&dev).await.text;
        let answer: Value = serde_json::from_str(text.trim_start_matches("data: ")).expect("JSON");
        assert_eq!((answer.as_array().map(Vec::len), &answer[1]["result"]["tools"][0]["name"]), (Some(2), &json!("logs.read")), "{text}");
        assert_eq!(answer[1]["result"]["tools"].as_array().map(Vec::len), Some(1));
    }
    for (status, headers, reason) in [
        (200, vec![("content-type", "application/json"), ("content-encoding", "gzip")], "upstream_encoded"),
        (401, vec![("www-authenticate", "Bearer realm=\"upstream\"")], "upstream_refused"),
        (307, vec![("location", "http://127.0.0.1:9/steal")], "upstream_refused"),
    ] {
        world.upstream.answer_next(status, &headers, "{}");
        let refused = world.post(Some(&dev), &[], CALL).await;
        assert_eq!((refused.status, refused.reason()), (StatusCode::BAD_GATEWAY, reason));
        assert_eq!(refused.challenge(), "");
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_slows_the_server_and_fills_nothing() {
    let world = World::start().await;
    let pulled = world.upstream.flood.subscribe();
    let mut request = world.http.get(world.resource()).bearer_auth(world.sam()).header("last-event-id", "flood");
    request = request.timeout(std::time::Duration::from_secs(60));
    let mut stream = request.send().await.expect("opens").bytes_stream();
    let first = stream.next().await.expect("a chunk").expect("bytes");
    assert!(!first.is_empty());
    // The server is asked for more only as buffers of bounded size empty: what it could give is a hundred times as much.
    let still = world.still(&pulled).await;
    assert!(still < crate::upstream::FLOOD / 4, "{still} of {} pieces were taken before the client read", crate::upstream::FLOOD);
    let mut read = first.len();
    while let Some(chunk) = stream.next().await {
        read += chunk.map(|bytes: Bytes| bytes.len()).expect("bytes");
    }
    assert_eq!(read, crate::upstream::FLOOD * crate::upstream::PIECE, "and nothing is lost");
}
