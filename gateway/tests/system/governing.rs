//! What the control plane changes, and that it bites.

use crate::control::NOW;
use crate::world::World;
use futures::StreamExt;
use http::StatusCode;
use policy::Target;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn a_revocation_ends_streams_before_it_is_acknowledged() {
    let world = World::start().await;
    let (sam, dev) = (world.sam(), world.token(&world.claims("usr_dev", "developer")));
    let open = |token: &str| world.http.get(world.resource()).bearer_auth(token).header("accept", "text/event-stream").send();
    let mut sams = open(&sam).await.expect("opens").bytes_stream();
    let mut devs = open(&dev).await.expect("opens").bytes_stream();
    assert_eq!(sams.next().await.expect("a chunk").expect("bytes"), ": hello\n\n");
    assert_eq!(devs.next().await.expect("a chunk").expect("bytes"), ": hello\n\n");
    // A call that is under way, too.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"incidents.trigger"}}"#;
    let long = world.http.post(world.resource()).bearer_auth(&sam).header("content-type", "application/json").body(body).send();
    let mut long = long.await.expect("begins").bytes_stream();
    assert!(long.next().await.expect("a chunk").expect("bytes").starts_with(b"event: message"));

    let seq = world.control.revoke(Target::User("usr_sam".into()));
    world.acked("the revocation", |ack| ack["revocation_seq"] == seq).await;
    let patience = Duration::from_secs(20);
    assert!(tokio::time::timeout(patience, sams.next()).await.expect("ends").is_none());
    assert!(tokio::time::timeout(patience, long.next()).await.expect("ends").is_none());
    let denied = world.call(&sam, "logs.read").await;
    assert_eq!((denied.status, denied.reason()), (StatusCode::FORBIDDEN, "user_blocked"));
    assert_eq!(world.call(&dev, "logs.read").await.status, StatusCode::OK);
    assert!(futures::poll!(devs.next()).is_pending(), "others stay connected");
}

#[tokio::test]
async fn a_call_outlives_its_token_and_no_revocation() {
    let world = World::start().await;
    let mut claims = world.claims("usr_sam", "sre");
    claims.exp = NOW + 30;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"incidents.trigger"}}"#;
    let long = world.http.post(world.resource()).bearer_auth(world.token(&claims)).header("content-type", "application/json").body(body);
    let mut long = long.send().await.expect("begins").bytes_stream();
    assert!(long.next().await.expect("a chunk").expect("bytes").starts_with(b"event: message"));

    world.now.store(NOW + 31, Ordering::Relaxed);
    let seq = world.control.revoke(Target::User("usr_dev".into()));
    world.acked("a revocation of another", |ack| ack["revocation_seq"] == seq).await;
    assert!(futures::poll!(long.next()).is_pending(), "it began in time");
    let seq = world.control.revoke(Target::User("usr_sam".into()));
    world.acked("the revocation", |ack| ack["revocation_seq"] == seq).await;
    assert!(tokio::time::timeout(Duration::from_secs(20), long.next()).await.expect("ends").is_none());
}

#[tokio::test]
async fn a_token_ahead_of_the_list_makes_the_gateway_catch_up() {
    let world = World::start().await;
    world.control.mute.store(true, Ordering::Relaxed);
    let ahead = world.control.revoke(Target::Session("ses_another".into()));
    let mut claims = world.claims("usr_sam", "sre");
    claims.seq = ahead;
    assert_eq!(world.call(&world.token(&claims), "logs.read").await.status, StatusCode::OK);
    world.acked("the list", |ack| ack["revocation_seq"] == ahead).await;
    // A sequence that nobody has signed yet: try again in a moment.
    claims.seq = ahead + 1;
    claims.jti = "other".into();
    let behind = world.call(&world.token(&claims), "logs.read").await;
    assert_eq!((behind.status, behind.reason()), (StatusCode::SERVICE_UNAVAILABLE, "behind_revocations"));
    assert!(behind.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_scope_taken_from_a_role_bites_on_tokens_already_issued() {
    let world = World::start().await;
    let sam = world.sam();
    assert_eq!(world.call(&sam, "logs.debug.write").await.status, StatusCode::OK);
    let mut policy = world.policy.clone();
    *policy.roles.get_mut("sre").expect("a role") = ["logs.read", "incidents.trigger"].into();
    world.control.publish(policy);
    world.acked("the policy", |ack| ack["policy_version"] == 2).await;
    assert_eq!(world.call(&sam, "logs.debug.write").await.reason(), "scope_not_held");
}

#[tokio::test]
async fn rate_limits_and_argument_schemas_are_discharged() {
    let world = World::start().await;
    let mut policy = world.policy.clone();
    let tools = &mut policy.servers.get_mut(&world.resource()).expect("a server").tools;
    tools.get_mut("logs.read").expect("a tool").limit = Some(policy::RateLimit { per_minute: 2 });
    tools.get_mut("logs.debug.write").expect("a tool").arguments =
        Some(serde_json::json!({"type": "object", "required": ["service"], "properties": {"service": {"enum": ["pay"]}}}).into());
    world.control.publish(policy);
    world.acked("the policy", |ack| ack["policy_version"] == 2).await;
    let sam = world.sam();
    for _ in 0..2 {
        assert_eq!(world.call(&sam, "logs.read").await.status, StatusCode::OK);
    }
    let limited = world.call(&sam, "logs.read").await;
    assert_eq!((limited.status, limited.reason()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert_eq!(limited.headers["retry-after"], "30");
    let refused = world.call(&sam, "logs.debug.write").await;
    assert_eq!((refused.status, refused.reason()), (StatusCode::FORBIDDEN, "arguments_refused"));
    let good = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.debug.write","arguments":{"service":"pay"}}}"#;
    assert_eq!(world.post(Some(&sam), &[], good).await.status, StatusCode::OK);
}
