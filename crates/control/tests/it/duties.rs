//! Whatever people try, in whatever order: what must never be true of requests, votes and grants.

use crate::support::*;
use crate::world::*;
use control::governance::{self, Decided, RevokeGrant, Withdraw};
use control::{AdminRole, Error};
use proptest::prelude::*;
use std::collections::BTreeMap;
use store::{Agent, AuditEvent, Grant, Json, Request, Revocation, User, Vote};

/// People who ask and decide, all with every role that would let them. The last two are accounts of the first two.
const PEOPLE: [&str; 5] = ["usr_dev", "usr_kim", "usr_sam", "usr_dev2", "usr_kim2"];
const SCOPES: [&str; 3] = ["analytics.query", "logs.debug.write", "incidents.trigger"];

#[derive(Debug, Clone)]
enum Try {
    Ask { who: usize, scope: usize, agent: bool },
    Decide { who: usize, which: prop::sample::Index, approve: bool, stale: bool },
    Withdraw { who: usize, which: prop::sample::Index },
    Revoke { who: usize, which: prop::sample::Index },
    Redefine { scope: usize, digest: u8 },
    Wait { minutes: i64 },
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let index = any::<prop::sample::Index>;
    let one = prop_oneof![
        3 => (0..PEOPLE.len(), 0..SCOPES.len(), any::<bool>()).prop_map(|(who, scope, agent)| Try::Ask { who, scope, agent }),
        6 => (0..PEOPLE.len(), index(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(who, which, approve, stale)| Try::Decide { who, which, approve, stale }),
        1 => (0..PEOPLE.len(), index()).prop_map(|(who, which)| Try::Withdraw { who, which }),
        1 => (0..PEOPLE.len(), index()).prop_map(|(who, which)| Try::Revoke { who, which }),
        1 => (0..SCOPES.len(), 1..4_u8).prop_map(|(scope, digest)| Try::Redefine { scope, digest }),
        1 => (1..600_i64).prop_map(|minutes| Try::Wait { minutes }),
    ];
    prop::collection::vec(one, 1..30)
}

/// The human behind an account.
fn human(account: &str) -> &str {
    account.trim_end_matches('2')
}

async fn given(h: &Harness) {
    plant(h).await;
    for who in PEOPLE {
        let mut row: User = user(who, "guests");
        row.email = Some(format!("{}@acme.example", human(who)));
        row.issuer = format!("https://{who}.example");
        h.plant(row).await;
    }
    let agent = h.row::<Agent>(AGENT).await.expect("planted");
    h.plant(Agent { owners: Json(set(&["usr_dev", "usr_kim"])), ..agent }).await;
}

async fn attempt(h: &Harness, what: Try, shown: &mut BTreeMap<String, String>) -> Result<(), Error> {
    let cx = async |who: usize| h.person(PEOPLE[who], &[AdminRole::Owner]).await;
    match what {
        Try::Ask { who, scope, agent } => {
            let mut ask = ask();
            ask.scopes = set(&[SCOPES[scope]]);
            ask.agent = agent.then(|| AGENT.to_owned());
            let cx = cx(who).await;
            let id = h.control.run(&cx, ask).await?;
            let digest = governance::request(&h.control, &cx, &id).await?.view_digest;
            shown.insert(id, digest);
        }
        Try::Decide { who, which, approve, stale } => {
            let requests = h.rows::<Request>().await;
            if requests.is_empty() {
                return Ok(());
            }
            let (id, cx) = (&which.get(&requests).id, cx(who).await);
            let digest = match stale {
                true => shown[id].clone(),
                false => governance::request(&h.control, &cx, id).await?.view_digest,
            };
            let decided = h.control.run(&cx, decision(id, approve, &digest)).await?;
            assert_ne!(decided, Decided::Waiting);
        }
        Try::Withdraw { who, which } => {
            let requests = h.rows::<Request>().await;
            if !requests.is_empty() {
                h.control.run(&cx(who).await, Withdraw { request: which.get(&requests).id.clone() }).await?;
            }
        }
        Try::Revoke { who, which } => {
            let grants = h.rows::<Grant>().await;
            if !grants.is_empty() {
                h.control.run(&cx(who).await, RevokeGrant { grant: which.get(&grants).id.clone(), reason: "over".into() }).await?;
            }
        }
        Try::Redefine { scope, digest } => h.plant(tool(SCOPES[scope], &format!("d{digest}"))).await,
        Try::Wait { minutes } => h.advance_s(minutes * 60),
    }
    Ok(())
}

async fn holds(h: &Harness) {
    let agent = h.row::<Agent>(AGENT).await.expect("planted");
    let requests: BTreeMap<String, Request> = h.rows::<Request>().await.into_iter().map(|row| (row.id.clone(), row)).collect();
    let (votes, grants, events) = (h.rows::<Vote>().await, h.rows::<Grant>().await, h.rows::<AuditEvent>().await);
    for vote in &votes {
        let request = &requests[&vote.request_id];
        assert_ne!(human(&vote.user_id), human(&request.user_id), "decided for themselves");
        let owners: Vec<&str> = agent.owners.iter().map(|owner| human(owner)).collect();
        assert!(request.agent_id.is_none() || !owners.contains(&human(&vote.user_id)), "decided for their agent");
        assert!(vote.at_ms < request.expires_ms, "decided too late");
    }
    for grant in &grants {
        let request = &requests[&grant.request_id];
        assert_eq!((request.state.as_str(), request.grant_id.as_ref()), ("approved", Some(&grant.id)));
        assert_eq!(
            (&grant.scopes, &grant.client_id, &grant.agent_id, &grant.user_id),
            (&request.scopes, &request.client_id, &request.agent_id, &request.user_id)
        );
        assert!(grant.exp_s - grant.starts_s <= request.duration_s);
        assert_eq!(votes.iter().filter(|vote| vote.request_id == request.id && vote.approve == 1).count(), 1);
    }
    // No mutation without its event, and no event without its mutation.
    let count = |action: &str| events.iter().filter(|event| event.action == action && event.outcome == "ok").count();
    let state = |state: &str| requests.values().filter(|request| request.state == state).count();
    assert_eq!(count("request.create"), requests.len());
    assert_eq!((count("grant.create"), count("request.approve")), (grants.len(), grants.len()));
    assert_eq!(state("approved"), grants.len());
    assert_eq!((count("request.deny"), count("request.withdraw")), (state("denied"), state("withdrawn")));
    let revoked = grants.iter().filter(|grant| grant.revoked_ms.is_some()).count();
    assert_eq!((count("grant.revoke"), h.rows::<Revocation>().await.len()), (revoked, revoked));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_attempts_breaks_the_rules(tries in tries()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let h = Harness::sqlite().await;
            given(&h).await;
            let mut shown = BTreeMap::new();
            for what in tries {
                match attempt(&h, what.clone(), &mut shown).await {
                    Ok(()) | Err(Error::Invalid(_) | Error::Refused { .. } | Error::Changed(_) | Error::NotFound) => {}
                    Err(other) => panic!("{what:?}: {other:?}"),
                }
            }
            holds(&h).await;
        });
    }
}
