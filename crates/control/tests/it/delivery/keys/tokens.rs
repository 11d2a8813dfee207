//! The key of access tokens.

use super::*;
use control::keys::{Carried, OtherState, RotateTokenKey, settle_keys};
use control::oauth::jwks;

async fn rotate(h: &Harness, compromised: bool) -> Result<control::keys::KeyRotation> {
    h.control.run(&ada(h).await, RotateTokenKey { compromised }).await
}

async fn settle(h: &Harness) -> bool {
    settle_keys(&h.control, &h.acme()).await.expect("upkeep")
}

fn kids(jwks: &serde_json::Value) -> BTreeSet<String> {
    jwks["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// The key ids that a gateway believes.
fn believed(activated: &Activated) -> BTreeSet<String> {
    let policy: PolicySet = serde_json::from_str(activated.policy.text()).expect("a policy");
    kids(&policy.issuers[0].jwks)
}

async fn served(h: &Harness) -> BTreeSet<String> {
    kids(&jwks(&h.control, &ada(h).await).await.expect("keys"))
}

/// The key that signs now.
async fn signs(h: &Harness) -> String {
    let found: Vec<String> = listed(h).await.token.into_iter().filter(|key| key.state == OtherState::Signs).map(|key| key.id).collect();
    assert_eq!(found.len(), 1);
    found[0].clone()
}

on_each_database! {
    async fn nobody_notices_an_ordinary_rotation(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        gw.ack(&h, &before).await;
        let old = signs(&h).await;
        // Something unfinished is in the draft: it stays there.
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        let done = rotate(&h, false).await.expect("rotates");
        assert_eq!(done.carried, Carried::Live(2));
        assert_eq!(code(rotate(&h, false).await), "rotation_under_way");
        let new = done.key;
        assert_eq!((signs(&h).await, served(&h).await), (old.clone(), BTreeSet::from([old.clone(), new.clone()])));
        let waits = listed(&h).await.token[0].state.clone();
        assert_eq!(waits, OtherState::Waits(vec!["gw-1".to_owned()]));
        assert!(!settle(&h).await, "the gateway does not know the new key yet");
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!(believed(&after), BTreeSet::from([old.clone(), new.clone()]));
        let policy: PolicySet = serde_json::from_str(after.policy.text()).expect("a policy");
        assert!(!policy.roles.contains_key("sre"), "the draft was published along");
        gw.ack(&h, &after).await;
        h.advance_s(5);
        assert!(settle(&h).await && !settle(&h).await);
        assert_eq!(signs(&h).await, new);
        // The old private half is gone; its tokens live on.
        assert_eq!(sealed(&h).await["token"], 1);
        assert!(served(&h).await.contains(&old));
        h.advance_s(3661);
        let draft = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft").draft;
        assert!(settle(&h).await);
        assert_eq!(served(&h).await, BTreeSet::from([new.clone()]));
        let shown = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft");
        assert!(shown.draft > draft && shown.changes.iter().any(|change| change.about == policy::About::Issuers), "{:?}", shown.changes);
        publish(&h).await.expect("publishes");
        assert_eq!(believed(&gw.follow(&h, &after.trusted).await), BTreeSet::from([new]));
        let events = h.actions().await;
        for action in ["key.rotate", "key.switch", "key.retire"] {
            assert_eq!(events.iter().filter(|done| *done == action).count(), 1, "{action}");
        }
    }

    async fn a_gateway_that_is_gone_holds_nothing_up(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        gw.ack(&h, &gw.follow(&h, &gw.fresh()).await).await;
        let new = rotate(&h, false).await.expect("rotates").key;
        h.advance_s(23 * 3600);
        assert!(!settle(&h).await, "it was heard of within a day");
        h.advance_s(2 * 3600);
        assert!(settle(&h).await);
        assert_eq!(signs(&h).await, new);
    }

    async fn a_stolen_key_is_cut_off_at_once_and_from_every_version(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("publishes");
        // Even in the middle of an ordinary rotation.
        rotate(&h, false).await.expect("rotates");
        let done = rotate(&h, true).await.expect("rotates");
        assert_eq!(done.carried, Carried::Live(4));
        assert_eq!((signs(&h).await, served(&h).await), (done.key.clone(), BTreeSet::from([done.key.clone()])));
        assert_eq!(sealed(&h).await["token"], 1);
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!(believed(&after), BTreeSet::from([done.key]));
        // No ring can go back to a version that believes the thief.
        let list = stored(&h).await.into_iter().find(|(path, _)| path.ends_with("4.targets.json")).expect("stored").1;
        assert!(list.contains("policy/4.json") && !list.contains("policy/3.json") && list.contains("\"x-writ-min-version\":4"), "{list}");
        let event = h.rows::<store::AuditEvent>().await.into_iter().filter(|event| event.action == "key.rotate").max_by_key(|event| event.id.clone());
        assert!(event.expect("an event").body.contains("\"compromised\":true"));
    }

    async fn with_the_policy_key_elsewhere_it_waits_for_the_signature(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        gw.ack(&h, &before).await;
        let (policy, old) = (policy_key_elsewhere(&h).await, signs(&h).await);
        // What somebody asked to have published names the keys of then: an ordinary rotation goes with the next publish.
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("asked for");
        let done = rotate(&h, false).await.expect("rotates");
        assert_eq!(done.carried, Carried::NextPublish);
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        gw.ack(&h, &gw.follow(&h, &before.trusted).await).await;
        assert!(!settle(&h).await, "that policy does not name the new key");
        publish(&h).await.expect("asked for");
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        let after = gw.follow(&h, &before.trusted).await;
        gw.ack(&h, &after).await;
        assert!(settle(&h).await);
        assert_eq!(signs(&h).await, done.key);
        assert!(believed(&after).contains(&old));
        // A theft pushes aside what waits, and nothing pushes aside what ends a theft.
        h.control.run(&ada(&h).await, SetRole("ops", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("asked for");
        let stolen = rotate(&h, true).await.expect("rotates");
        let Carried::Awaits(number) = stolen.carried else { panic!("{stolen:?}") };
        assert_eq!(code(publish(&h).await), "candidate_awaits");
        let file = countersigned(&h, &policy).await;
        assert_eq!(file.candidate, number);
        bring(&h, &file).await.expect("complete");
        let policy_of = |activated: &Activated| serde_json::from_str::<PolicySet>(activated.policy.text()).expect("a policy");
        let ended = gw.follow(&h, &after.trusted).await;
        assert_eq!(believed(&ended), BTreeSet::from([stolen.key]));
        assert!(!policy_of(&ended).roles.contains_key("ops"));
    }

    async fn before_the_first_publish_nobody_has_to_know(h: Harness) {
        let old = signs(&h).await;
        let done = rotate(&h, false).await.expect("rotates");
        assert_eq!((done.carried, signs(&h).await), (Carried::Unneeded, done.key));
        assert!(served(&h).await.contains(&old));
        h.advance_s(3661);
        assert!(settle(&h).await);
        assert_eq!(served(&h).await.len(), 1);
    }
}
