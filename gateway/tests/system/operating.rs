//! What operators see and rely on.

use crate::control::NOW;
use crate::world::{PATIENCE, Reply, World};
use futures::StreamExt as _;
use gateway::config::{Decisions, WhenUnavailable};
use http::StatusCode;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use token::ActClaim;

#[tokio::test]
async fn metrics_count_what_happened_and_name_nobody() {
    let mut world = World::start().await;
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    world.call(&sam, "logs.read").await;
    world.call(&dev, "logs.debug.write").await;
    world.post(None, &[], "{}").await;
    for (line, value) in [
        ("writ_gateway_calls_total{decision=\"allow\",reason=\"allowed\"}", 1.0),
        ("writ_gateway_calls_total{decision=\"deny\",reason=\"scope_not_held\"}", 1.0),
        ("writ_gateway_calls_total{decision=\"deny\",reason=\"token_missing\"}", 1.0),
        ("writ_gateway_overhead_seconds_count", 1.0),
        ("writ_gateway_policy_version", 1.0),
        ("writ_gateway_stale_seconds", 0.0),
        ("writ_gateway_decision_log_available", 1.0),
        ("writ_gateway_closed", 0.0),
    ] {
        assert_eq!(world.metric(line).await, value, "{line}");
    }
    let text = world.reply(world.http.get(format!("{}/metrics", world.ops_url))).await.text;
    assert!(!text.contains("usr_") && !text.contains("cli_") && text.ends_with("# EOF\n"), "{text}");
    assert_eq!(world.get("/metrics").await.status, StatusCode::NOT_FOUND, "not for clients");
    world.now.store(NOW + 90, Ordering::Relaxed);
    world.cut_off();
    assert_eq!(world.metric("writ_gateway_stale_seconds").await, 30.0);
    for base in [world.url(""), world.ops_url.clone()] {
        let ready = world.reply(world.http.get(format!("{base}/readyz"))).await;
        assert_eq!((ready.status, &ready.body["stopping"]), (StatusCode::OK, &json!(false)));
    }
    world.stop_gateway().await;
}

/// A call that the MCP server has begun to work on, and a standing stream, when the gateway is told to stop.
async fn told_to_stop(world: &World, release: bool) -> Reply {
    let sam = world.sam();
    world.upstream.holding.send_replace(true);
    let stream = world.http.get(world.resource()).bearer_auth(&sam).header("accept", "text/event-stream").send();
    let mut stream = stream.await.expect("opens").bytes_stream();
    assert!(stream.next().await.expect("a chunk").is_ok());
    let rest = async {
        while world.upstream.holding.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        world.tell_to_stop();
        assert!(tokio::time::timeout(PATIENCE, stream.next()).await.expect("a standing stream ends at once").is_none());
        if release {
            world.upstream.holding.send_replace(false);
        }
    };
    let call = world.call(&sam, "logs.debug.write");
    futures::join!(call, rest).0
}

#[tokio::test]
async fn a_call_is_answered_before_the_gateway_stops() {
    let mut world = World::start().await;
    assert_eq!(told_to_stop(&world, true).await.status, StatusCode::OK);
    world.stop_gateway().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_told_that_the_gateway_stops() {
    let mut world = World::started(|world| world.settings.limits.stop = Duration::ZERO).await;
    let cut = told_to_stop(&world, false).await;
    assert_eq!((cut.status, cut.reason()), (StatusCode::SERVICE_UNAVAILABLE, "gateway_stopping"));
    world.stop_gateway().await;
}

#[tokio::test]
async fn a_record_names_the_whole_chain_and_the_trace() {
    let world = World::started(|world| {
        world
            .policy
            .agent_classes
            .insert("other".into(), policy::Class { ceiling: policy::Ceiling::Only(std::collections::BTreeSet::new()) });
    })
    .await;
    let act =
        |id: &str, class: &str, inner| Some(ActClaim { sub: id.into(), sub_profile: "ai_agent".into(), class: class.into(), act: inner });
    let mut claims = world.claims("usr_sam", "sre");
    claims.act =
        act("agt_outer", "assistant", act("agt_middle", "assistant", act("agt_inner", "assistant", None).map(Box::new)).map(Box::new));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = [("traceparent", parent), ("tracestate", "vendor=1")];
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read"}}"#;
    assert_eq!(world.post(Some(&world.token(&claims)), &traced, body).await.status, StatusCode::OK);
    let (seen, _) = world.upstream.last();
    assert_eq!((&seen["traceparent"], &seen["tracestate"]), (&parent.parse().expect("a value"), &"vendor=1".parse().expect("a value")));
    let record = world.decided("the call", |line| line["tool"] == "logs.read").await;
    assert_eq!((&record["agent"], &record["inner_agents"]), (&json!("agt_outer"), &json!(["agt_middle", "agt_inner"])));
    assert_eq!(record["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    // An inner agent can be a reason to deny, and the record of that names it as well.
    claims.act = act("agt_outer", "assistant", act("agt_inner", "other", None).map(Box::new));
    assert_eq!(world.post(Some(&world.token(&claims)), &[("traceparent", "garbage")], body).await.reason(), "agent_ceiling");
    let record = world.decided("the denial", |line| line["reason"] == "agent_ceiling").await;
    assert_eq!((&record["inner_agents"], record.get("trace_id")), (&json!(["agt_inner"]), None));
}

#[tokio::test]
async fn decisions_survive_a_control_plane_that_is_away_and_a_restart() {
    let mut world = World::start().await;
    world.control.deaf.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        world.call(&world.sam(), "logs.read").await;
    }
    world.stop_gateway().await;
    assert_eq!(world.control.decisions.borrow().len(), 0);
    world.start_gateway(false).await;
    world.call(&world.sam(), "logs.debug.write").await;
    world.control.deaf.store(false, Ordering::Relaxed);
    world.decided("the newest", |line| line["tool"] == "logs.debug.write").await;
    let all = world.control.decisions.borrow().clone();
    assert_eq!(all.iter().filter(|line| line["tool"] == "logs.read").count(), 3, "each once, in order: {all:?}");
    world
        .until("nothing is left on disk", || {
            let left = std::fs::read_dir(world.dir.path().join("decisions")).expect("a folder");
            left.filter_map(Result::ok).all(|entry| entry.path().extension().is_none_or(|ending| ending != "ndjson"))
        })
        .await;
}

#[tokio::test]
async fn a_full_log_is_loud_and_denies_what_is_risky_or_everything() {
    for (when_unavailable, low) in
        [(WhenUnavailable::DenyHighRisk, StatusCode::OK), (WhenUnavailable::DenyAll, StatusCode::SERVICE_UNAVAILABLE)]
    {
        let world = World::started(|world| world.settings.decisions = Decisions { disk_bytes: 100, when_unavailable }).await;
        let sam = world.sam();
        assert_eq!(world.call(&sam, "logs.read").await.status, low);
        let high = world.call(&sam, "logs.debug.write").await;
        assert_eq!((high.status, high.reason()), (StatusCode::SERVICE_UNAVAILABLE, "decision_log_unavailable"));
        let health = world.get("/healthz").await.body;
        assert_eq!((&health["decision_log"], &health["decisions_lost"]), (&json!("unavailable"), &json!(2)));
        assert_eq!(world.metric("writ_gateway_decisions_lost").await, 2.0);
        assert_eq!(world.metric("writ_gateway_decision_log_available").await, 0.0);
    }
}
