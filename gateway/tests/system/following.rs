//! Following the control plane through everything that goes wrong.

use crate::control::NOW;
use crate::world::World;
use gateway::clock::Random;
use http::StatusCode;
use policy::Target;
use rand::SeedableRng;
use std::sync::atomic::Ordering;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn what_does_not_verify_is_refused_and_the_last_good_state_stays() {
    let world = World::start().await;
    world.control.spoil();
    let nack = world.acked("the refusal", |ack| ack["error"]["code"] == "bad_signature").await;
    assert_eq!(nack["policy_version"], 1);
    assert!(nack["refused"].as_u64() > nack["timestamp"].as_u64(), "it says which timestamp it refused: {nack}");
    assert_eq!(world.call(&world.sam(), "logs.read").await.status, StatusCode::OK);
    assert_eq!(world.get("/healthz").await.body["error"]["code"], "bad_signature");
    let seq = world.control.revoke(Target::Tenant);
    let ack = world.acked("what came after", |ack| ack["revocation_seq"] == seq).await;
    assert!(ack["error"].is_null() || ack["error"]["code"] == "bad_signature", "{ack}");
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "tenant_blocked");
}

#[tokio::test]
async fn before_the_first_publish_it_is_closed_and_then_takes_it_up_by_itself() {
    let mut world = World::without_gateway().await;
    world.start_gateway(true).await;
    let ack = world.acked("that nothing is published", |ack| ack["error"]["code"] == "nothing_published").await;
    assert!(ack["policy_version"].is_null());
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "gateway_closed");
    world.control.publish(world.policy.clone());
    world.acked("the first policy", |ack| ack["policy_version"] == 1 && ack["error"].is_null()).await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_policy_that_cannot_be_enforced_is_refused_with_its_reason() {
    let world = World::start().await;
    let mut policy = world.policy.clone();
    let tool = policy.servers.get_mut(&world.resource()).and_then(|server| server.tools.get_mut("logs.read")).expect("a tool");
    tool.arguments = Some(serde_json::json!({"type": "no such type"}).into());
    world.control.publish(policy);
    let nack = world.acked("the refusal", |ack| ack["error"]["code"] == "schema_unusable").await;
    assert_eq!(nack["policy_version"], 1);
    assert!(nack["refused"].as_u64() > nack["timestamp"].as_u64(), "{nack}");
    world.control.publish(world.policy.clone());
    let mended = world.acked("the repaired one", |ack| ack["policy_version"] == 3 && ack["error"].is_null()).await;
    assert!(mended["refused"].is_null(), "{mended}");
}

#[tokio::test]
async fn how_calls_were_decided_is_told_by_policy_version() {
    let world = World::start().await;
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    for (token, tool) in [(&sam, "logs.read"), (&sam, "logs.debug.write"), (&dev, "logs.debug.write")] {
        world.call(token, tool).await;
    }
    // Nobody to name, nothing to count.
    world.post(None, &[], r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    let counts =
        |version: u64, allowed: u64, denied: u64| serde_json::json!({"policy_version": version, "allowed": allowed, "denied": denied});
    world.acked_at_last("the counts", |ack| ack["decided"] == serde_json::json!([counts(1, 2, 1)])).await;
    world.control.publish(world.policy.clone());
    world.acked("the next policy", |ack| ack["policy_version"] == 2).await;
    world.call(&dev, "logs.debug.write").await;
    world.acked_at_last("both counts", |ack| ack["decided"] == serde_json::json!([counts(2, 0, 1), counts(1, 2, 1)])).await;
}

#[tokio::test]
async fn new_keys_are_followed_through_the_root() {
    let world = World::start().await;
    world.control.rotate();
    let seq = world.control.revoke(Target::Client("cli_other".into()));
    world.acked("the list under new keys", |ack| ack["revocation_seq"] == seq).await;
}

#[tokio::test]
async fn it_serves_from_disk_without_a_control_plane_and_gets_stricter_with_time() {
    let mut world = World::start().await;
    let seq = world.control.revoke(Target::Client("cli_other".into()));
    world.acked("the list", |ack| ack["revocation_seq"] == seq).await;
    world.call(&world.sam(), "logs.read").await;
    world.decided("the call", |line| line["tool"] == "logs.read").await;
    world.stop_gateway().await;
    world.cut_off();

    world.now.store(NOW + 600, Ordering::Relaxed);
    world.start_gateway(false).await;
    let sam = world.sam();
    assert_eq!(world.call(&sam, "logs.debug.write").await.status, StatusCode::OK);
    let health = world.get("/healthz").await.body;
    assert_eq!((&health["status"], &health["policy_version"], &health["revocation_seq"]), (&"stale".into(), &1.into(), &seq.into()));
    assert_eq!((&health["stale_for_s"], &health["last_contact_s"]), (&540.into(), &0.into()));

    world.now.store(NOW + 5 * 3600, Ordering::Relaxed);
    let sam = world.sam();
    assert_eq!(world.call(&sam, "logs.debug.write").await.reason(), "stale_high_risk");
    assert_eq!(world.call(&sam, "logs.read").await.status, StatusCode::OK);
    world.now.store(NOW + 25 * 3600, Ordering::Relaxed);
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "stale_all");
}

#[tokio::test]
async fn a_damaged_state_is_not_enforced() {
    let mut world = World::start().await;
    world.stop_gateway().await;
    world.cut_off();
    let path = world.dir.path().join("trusted.json");
    let text = std::fs::read_to_string(&path).expect("kept");
    std::fs::write(&path, text.replace("usr_", "usr-").replacen("logs.read", "logs.reap", 1)).expect("written");
    world.start_gateway(false).await;
    let closed = world.call(&world.sam(), "logs.read").await;
    assert_eq!((closed.status, closed.reason()), (StatusCode::SERVICE_UNAVAILABLE, "gateway_closed"));
    let health = world.get("/healthz").await;
    assert_eq!((health.status, &health.body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &"closed".into()));
}

async fn start_error(world: &World, enrol_token: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let random = Random::new(rand::rngs::StdRng::seed_from_u64(1));
    let run = gateway::runtime::run(world.config(enrol_token), world.clock(), random, listener, CancellationToken::new());
    run.await.expect_err("does not start").to_string()
}

#[tokio::test]
async fn enrolment_errors_name_their_remedy() {
    let world = World::without_gateway().await;
    assert!(start_error(&world, None).await.contains("--enrol-token-file"));
    assert!(start_error(&world, Some("wge_short".into())).await.contains("copy the whole of it"));
    let used = format!("wge_{}.{}", "x".repeat(43), "0".repeat(64));
    let error = start_error(&world, Some(used)).await;
    assert!(error.contains("409") && error.contains("make a new one") && !error.contains("xxx"), "{error}");
}
