//! What one client takes up is bounded, whatever it does: over real sockets.

use crate::world::World;
use http::StatusCode;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// All that comes until the gateway hangs up.
async fn rest(mut raw: TcpStream) -> String {
    let mut all = Vec::new();
    let patience = Duration::from_secs(20);
    // Being cut off shows as an error as well.
    let _cut_off = tokio::time::timeout(patience, raw.read_to_end(&mut all)).await.expect("it hangs up");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let world = World::started(|world| world.settings.limits.head = Duration::from_millis(300)).await;
    let mut raw = world.raw().await;
    raw.write_all(b"POST /mcp/incident HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.expect("sent");
    let answer = rest(raw).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let world = World::started(|world| world.settings.limits.body = Duration::from_millis(300)).await;
    let mut raw = world.raw().await;
    let head = format!(
        "POST /mcp/incident HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 50\r\nconnection: close\r\n\r\n{{",
        world.sam()
    );
    raw.write_all(head.as_bytes()).await.expect("sent");
    let answer = rest(raw).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too_slow"), "{answer}");
    assert_eq!(world.metric("writ_gateway_limits_hit_total{limit=\"body_seconds\"}").await, 1.0);
}

#[tokio::test]
async fn chunks_without_end_are_counted() {
    let world = World::started(|world| world.settings.limits.body_bytes = 4_096).await;
    let mut raw = world.raw().await;
    let head = format!(
        "POST /mcp/incident HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        world.sam()
    );
    raw.write_all(head.as_bytes()).await.expect("sent");
    for _ in 0..8 {
        // It may hang up in the middle.
        let _sent = raw.write_all(format!("400\r\n{}\r\n", " ".repeat(1_024)).as_bytes()).await;
    }
    let answer = rest(raw).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("at most 4 KiB"), "{answer}");
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let world = World::started(|world| world.settings.limits.head_bytes = 8_192).await;
    let mut raw = world.raw().await;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-huge: {}\r\n\r\n", "x".repeat(40_000));
    // It need not read all of it.
    let _sent = raw.write_all(head.as_bytes()).await;
    let answer = rest(raw).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let mut raw = world.raw().await;
    let many: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let _sent = raw.write_all(format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{many}\r\n").as_bytes()).await;
    let answer = rest(raw).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_cut_off() {
    let world = World::started(|world| world.settings.limits.write = Duration::from_millis(300)).await;
    let mut raw = world.raw().await;
    let head =
        format!("GET /mcp/incident HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nlast-event-id: flood\r\n\r\n", world.sam());
    raw.write_all(head.as_bytes()).await.expect("sent");
    let pulled = world.upstream.flood.subscribe();
    let taken = world.still(&pulled).await;
    assert!(taken < crate::upstream::FLOOD / 4, "{taken} pieces were taken for somebody who reads nothing");
    // Cut off, so its place is free, although it never hung up.
    while world.metric("writ_gateway_under_way").await > 0.0 {
        tokio::task::yield_now().await;
    }
    drop(raw);
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let world = World::started(|world| world.settings.limits.connections_per_peer = 4).await;
    let head = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut raw = world.raw().await;
        raw.write_all(head).await.expect("sent");
        let mut first = [0; 12];
        if raw.read_exact(&mut first).await.is_ok() {
            held.push(raw);
        }
    }
    let mut refused = 0;
    for _ in 0..8 {
        let mut raw = world.raw().await;
        let _sent = raw.write_all(head).await;
        refused += usize::from(rest_or_open(raw).await.is_empty());
    }
    assert!(held.len() <= 4 && refused >= 8 - (4 - held.len()), "{} held, {refused} refused", held.len());
    assert!(world.metric("writ_gateway_limits_hit_total{limit=\"connections_per_peer\"}").await >= refused as f64);
    drop(held);
}

/// The first bytes of an answer; nothing if the gateway hangs up.
async fn rest_or_open(mut raw: TcpStream) -> Vec<u8> {
    let mut first = vec![0; 12];
    let read = tokio::time::timeout(Duration::from_secs(20), raw.read_exact(&mut first)).await.expect("an answer or an end");
    read.map(|_| first).unwrap_or_default()
}

#[tokio::test]
async fn one_caller_has_so_much_under_way_and_the_log_says_who_was_denied() {
    let world = World::started(|world| {
        world.settings.limits.requests_per_caller = 1;
        world.settings.limits.streams_per_caller = 1;
    })
    .await;
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"incidents.trigger"}}"#;
    let long = world
        .http
        .post(world.resource())
        .bearer_auth(&sam)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .expect("begins");
    let stream = world.http.get(world.resource()).bearer_auth(&sam).send().await.expect("opens");
    let denied = world.call(&sam, "logs.read").await;
    assert_eq!(
        (denied.status, denied.reason(), &denied.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_at_once", &"1".parse().expect("a value"))
    );
    let second = world.reply(world.http.get(world.resource()).bearer_auth(&sam)).await;
    assert_eq!((second.status, second.reason()), (StatusCode::TOO_MANY_REQUESTS, "too_many_at_once"));
    assert_eq!(world.call(&dev, "logs.read").await.status, StatusCode::OK, "others are not touched");
    let record = world.decided("the denial", |line| line["reason"] == "too_many_at_once" && line["tool"] == "logs.read").await;
    assert_eq!((&record["decision"], &record["sub"]), (&"deny".into(), &"usr_sam".into()));
    drop((long, stream));
    while world.call(&sam, "logs.read").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
}
