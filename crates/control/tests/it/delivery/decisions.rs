//! Batches of decisions: a chain, bounded, each record an event.

use super::*;
use control::delivery::decisions::{self, AcceptGap};
use serde_json::json;

on_each_database! {
    async fn decisions_are_a_chain(h: Harness) {
        configure(&h).await;
        let gw = enrol(&h, "gw-1").await;
        h.plant(grant("grt_1", "usr_dev")).await;
        let take = |seq: u64, prev: String, body: String| { let (h, gw) = (&h, &gw); async move {
            decisions::take(&h.control, &gw.cx(h).await, decisions::Batch::read(seq, &prev, body.as_bytes())?).await
        } };
        let (zero, first) = ("0".repeat(64), format!("{}\n{}\n", record("allow", json!({ "grant": "grt_1" })), record("deny", json!(null))));
        take(1, zero.clone(), first.clone()).await.expect("taken");
        take(1, zero.clone(), first.clone()).await.expect("the answer was lost: again");
        let calls = calls(&h).await;
        assert_eq!(calls.len(), 2);
        for call in &calls {
            assert_eq!((call.actor_kind.as_str(), call.actor_id.as_str(), call.client_id.as_deref()), ("user", "usr_dev", Some("cli_ide")));
            assert_eq!((call.agent_id.as_deref(), call.object.as_deref()), (Some("agt_1"), Some("incident/logs.read")));
            // Also the denial: the token carried the grant for this very scope.
            assert_eq!(call.story.as_deref(), Some("req_1"));
        }
        let body: serde_json::Value = serde_json::from_str(&calls[0].body).expect("JSON");
        let details = &body["details"];
        assert_eq!((&details["inner_agents"], &details["trace_id"]), (&json!(["agt_2"]), &json!("0af7651916cd43dd8448eb211c80319c")));
        let used = h.row::<store::Grant>("grt_1").await.expect("there").first_used_ms;
        assert_eq!(used, Some(START_MS));
        // The story tells the first use before the call that it is.
        let mut told: Vec<_> = h.rows::<store::AuditEvent>().await.into_iter().filter(|event| event.story.as_deref() == Some("req_1")).collect();
        told.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
        let told: Vec<&str> = told.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(told, ["grant.first_used", "mcp.call", "mcp.call"]);
        let prev = control::sha256_hex(&first);
        let second = format!("{}\n", record("allow", json!({ "grant": "grt_1" })));
        assert_eq!(code(take(3, prev.clone(), second.clone()).await), "gap");
        assert_eq!(code(take(3, prev.clone(), second.clone()).await), "gap");
        assert_eq!(code(take(2, zero.clone(), second.clone()).await), "gap");
        assert_eq!(code(take(1, zero.clone(), second.clone()).await), "gap", "another batch 1");
        take(2, prev, second.clone()).await.expect("follows");
        let events = h.actions().await;
        let count = |wanted: &str| events.iter().filter(|action| *action == wanted).count();
        assert_eq!((count("decisions.gap"), count("grant.first_used"), count("mcp.call")), (3, 1, 3));
        // A person looks into a gap and lets the gateway go on.
        let far = "ef".repeat(32);
        assert_eq!(code(take(9, far.clone(), second.clone()).await), "gap");
        let accept = || AcceptGap { gateway: gw.id.clone(), reason: "disk was lost".to_owned() };
        h.control.run(&ada(&h).await, accept()).await.expect("accepted");
        take(9, far, second).await.expect("goes on");
        assert_eq!(code(h.control.run(&ada(&h).await, accept()).await), "no_gap");
    }

    async fn a_batch_is_bounded_and_a_foreign_grant_is_not_used(h: Harness) {
        configure(&h).await;
        let gw = enrol(&h, "gw-1").await;
        h.plant(grant("grt_2", "usr_other")).await;
        let zero = "0".repeat(64);
        let line = format!("{}\n", record("allow", json!({ "grant": "grt_2" })));
        assert_eq!(code(decisions::Batch::read(1, &zero, line.repeat(2_001).as_bytes())), "invalid");
        assert_eq!(code(decisions::Batch::read(1, &zero, " ".repeat(decisions::LARGEST_BATCH + 1).as_bytes())), "invalid");
        assert_eq!(code(decisions::Batch::read(0, &zero, b"")), "invalid");
        assert_eq!(code(decisions::Batch::read(1, "zero", b"")), "invalid");
        assert_eq!(code(decisions::Batch::read(1, &zero, b"{}\n")), "invalid");
        let batch = decisions::Batch::read(1, &zero, line.repeat(1_000).as_bytes()).expect("read");
        decisions::take(&h.control, &gw.cx(&h).await, batch).await.expect("taken");
        assert_eq!(h.row::<store::Grant>("grt_2").await.expect("there").first_used_ms, None);
        let calls = calls(&h).await;
        assert!(calls.len() == 1_000 && calls.iter().all(|call| call.story.is_none()));
    }
}

pub(super) fn grant(id: &str, user: &str) -> store::Grant {
    store::Grant {
        id: id.to_owned(),
        request_id: "req_1".to_owned(),
        user_id: user.to_owned(),
        client_id: "cli_ide".to_owned(),
        agent_id: None,
        resource: RESOURCE.to_owned(),
        scopes: Json(set(&["logs.read"])),
        starts_s: 0,
        exp_s: i64::MAX,
        revoked_ms: None,
        first_used_ms: None,
    }
}

/// A line as the gateway writes it. Its clock is ahead.
fn record(decision: &str, rule: serde_json::Value) -> String {
    json!({
        "at_ms": START_MS + 5, "decision": decision, "reason": "allowed", "method": "tools/call", "tool": "logs.read", "resource": RESOURCE,
        "server": "incident", "scope": "logs.read", "rule": rule, "sub": "usr_dev", "sub_profile": "user", "client_id": "cli_ide", "agent": "agt_1",
        "jti": "jti_1", "sid": "ses_1", "grant_ids": ["grt_1"], "policy_version": 1, "revocation_seq": 0, "request_id": "req_gw",
        "inner_agents": ["agt_2"], "trace_id": "0af7651916cd43dd8448eb211c80319c",
    })
    .to_string()
}

pub(super) async fn calls(h: &Harness) -> Vec<store::AuditEvent> {
    h.rows::<store::AuditEvent>().await.into_iter().filter(|event| event.action == "mcp.call").collect()
}
