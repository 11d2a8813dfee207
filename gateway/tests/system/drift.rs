//! Changed tools: noticed before anybody calls them, and still known after a restart.

use crate::world::World;
use http::StatusCode;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_tool_that_changed_is_denied_before_anybody_listed() {
    let world = World::started(|world| world.upstream.drifted.store(true, Ordering::Relaxed)).await;
    let first = world.call(&world.sam(), "logs.read").await;
    assert_eq!((first.status, first.reason()), (StatusCode::FORBIDDEN, "tool_drifted"));
    assert_eq!(world.upstream.calls(), 0, "nobody listed");
    let ack = world.acked("what it sees changed", |ack| ack["drifted"].as_array().is_some_and(|tools| tools.len() == 3)).await;
    assert_eq!(ack["drifted"][0]["resource"], world.resource());
    assert_eq!(world.metric("writ_gateway_tools_drifted").await, 3.0);
    assert_eq!(world.get("/healthz").await.body["tools_drifted"], 3);
}

#[tokio::test]
async fn an_older_server_is_asked_as_it_wants() {
    let world = World::started(|world| {
        world.upstream.drifted.store(true, Ordering::Relaxed);
        world.upstream.sessions_only.store(true, Ordering::Relaxed);
        world.upstream.events.store(true, Ordering::Relaxed);
    })
    .await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "tool_drifted");
    let seen = world.upstream.seen.lock().expect("lock").clone();
    let list = seen.iter().rev().find(|headers| headers.get("mcp-method").is_some_and(|method| method == "tools/list")).expect("a list");
    assert_eq!(list["mcp-protocol-version"], "2025-11-25");
    assert!(list.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn what_a_tool_was_like_is_known_after_a_restart_and_only_if_we_wrote_it() {
    let mut world = World::started(|world| world.upstream.drifted.store(true, Ordering::Relaxed)).await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "tool_drifted");
    world.stop_gateway().await;
    let path = world.dir.path().join("definitions.sealed");
    let kept = std::fs::read_to_string(&path).expect("kept");
    // The server cannot be asked any more, so only what is kept can tell.
    let policy = world.policy.clone();
    world.upstream.drifted.store(false, Ordering::Relaxed);
    world.upstream.sessions_only.store(true, Ordering::Relaxed);
    world.upstream.refuse_gateway.store(true, Ordering::Relaxed);
    world.cut_off();
    world.start_gateway(false).await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "tool_drifted");
    world.stop_gateway().await;
    let reviewed = policy.servers[&world.resource()].tools["logs.read"].digest.clone().expect("reviewed");
    let live = kept.split("\"logs.read\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a digest");
    std::fs::write(&path, kept.replace(live, &reviewed)).expect("written");
    world.start_gateway(false).await;
    // A forged file is no file: nothing is known, and nobody to ask. What is of high risk is denied, the rest goes on.
    let unknown = world.call(&world.sam(), "logs.debug.write").await;
    assert_eq!((unknown.status, unknown.reason()), (StatusCode::SERVICE_UNAVAILABLE, "definition_unknown"));
    assert!(unknown.headers.contains_key("retry-after"));
}
