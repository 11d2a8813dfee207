//! Every role's key, while gateways follow.

use super::*;
use control::keys::{Place, RotateKeys, Rotated, Rotation};

fn rotate(roles: &[Role]) -> RotateKeys {
    RotateKeys { roles: roles.to_vec(), elsewhere: None, service: None, replaces: None, compromised: false }
}

async fn run(h: &Harness, rotation: RotateKeys) -> Result<Rotation> {
    h.control.run(&ada(h).await, rotation).await
}

on_each_database! {
    async fn every_role_that_lies_here_rotates_at_once(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let sleeper = gw.follow(&h, &gw.fresh()).await;
        let mut awake = sleeper.clone();
        for each in Role::ALL {
            let before = role(&h, each).await.keys[0].id.clone();
            h.advance_ms(10);
            let done = run(&h, rotate(&[each])).await.expect("rotates");
            assert!(matches!(done.rotated, Rotated::Done), "{done:?}");
            let after = role(&h, each).await;
            assert_eq!((after.keys.len(), &after.keys[0].place, after.signed_here), (1, &Place::Here, true));
            assert_eq!(done.keys, [(each, after.keys[0].id.clone())]);
            assert_ne!(after.keys[0].id, before);
            awake = gw.follow(&h, &awake.trusted).await;
            // It is in use: a revocation, a publish, another day.
            h.control.run(&ada(&h).await, Revoke(Target::Grant(format!("grt_{each}")), None)).await.expect("revokes");
            awake = gw.follow(&h, &awake.trusted).await;
            h.advance_s(24 * 3600);
            h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep");
            awake = gw.follow(&h, &awake.trusted).await;
        }
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("publishes");
        awake = gw.follow(&h, &awake.trusted).await;
        assert_eq!((awake.root_version, awake.policy.version, awake.revocation_seq), (5, 2, 6));
        // One that slept through all of it.
        let woken = gw.follow(&h, &sleeper.trusted).await;
        assert_eq!((woken.root_version, woken.timestamp), (5, awake.timestamp));
        // One private key a role; the others are destroyed, their public halves and their end are on record.
        let sealed = sealed(&h).await;
        assert!(Role::ALL.iter().all(|role| sealed[&format!("tuf-{role}")] == 1), "{sealed:?}");
        let ended = h.rows::<store::Key>().await.into_iter().filter(|row| row.ended_ms.is_some() && row.sealed.is_empty() && !row.public.is_empty());
        assert_eq!(ended.count(), 6);
        assert_eq!(h.actions().await.iter().filter(|action| *action == "key.rotate").count(), 6);
    }

    async fn several_rotate_in_one_root(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let all = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];
        let done = run(&h, RotateKeys { compromised: true, ..rotate(&all) }).await.expect("rotates");
        assert_eq!(done.keys.len(), 4);
        run(&h, rotate(&[Role::Assignment, Role::Revocations])).await.expect("rotates");
        assert_eq!(gw.follow(&h, &before.trusted).await.root_version, 2);
        assert_eq!(code(run(&h, rotate(&[Role::Root, Role::Assignment])).await), "invalid");
        assert_eq!(code(run(&h, rotate(&[])).await), "invalid");
    }

    async fn keys_rotate_before_anything_is_published(h: Harness) {
        configure(&h).await;
        for each in Role::ALL {
            h.advance_ms(10);
            let done = run(&h, rotate(&[each])).await.expect("rotates");
            assert_eq!(role(&h, each).await.keys[0].id, done.keys[0].1, "{each}");
        }
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        assert_eq!(gw.follow(&h, &gw.fresh()).await.root_version, 5);
    }

    async fn with_the_root_elsewhere_a_rotation_waits_for_its_people(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let anna = key();
        let moved = propose(&h, vec![KeyChange::Elsewhere { role: Role::Root, key: anna.public().clone() }]).await.expect("written down");
        submit(&h, vec![signed(&moved, &[&anna])]).await.expect("taken");
        let held = role(&h, Role::Timestamp).await.keys[0].id.clone();
        let waiting = run(&h, rotate(&[Role::Timestamp])).await.expect("written down");
        let Rotated::Proposed(proposal) = waiting.rotated else { panic!("{waiting:?}") };
        // Until then the old key goes on.
        assert_eq!(role(&h, Role::Timestamp).await.keys[0].id, held);
        h.advance_s(200);
        assert!(h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep"));
        submit(&h, vec![signed(&proposal, &[&anna])]).await.expect("taken");
        assert_eq!(role(&h, Role::Timestamp).await.keys[0].id, waiting.keys[0].1);
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!(after.root_version, 3);
        // Another proposal that was never submitted leaves no key behind.
        run(&h, rotate(&[Role::Snapshot])).await.expect("written down");
        assert_eq!(sealed(&h).await["tuf-snapshot"], 2);
        let renewal = propose(&h, vec![]).await.expect("written down");
        submit(&h, vec![signed(&renewal, &[&anna])]).await.expect("taken");
        assert_eq!(sealed(&h).await["tuf-snapshot"], 1);
        // The root's own key is replaced by one that its holder made.
        assert_eq!(code(run(&h, rotate(&[Role::Root])).await), "key_elsewhere");
        let next = key();
        let replaced = run(&h, RotateKeys { elsewhere: Some(next.public().clone()), ..rotate(&[Role::Root]) }).await.expect("written down");
        let Rotated::Proposed(proposal) = replaced.rotated else { panic!("{replaced:?}") };
        assert_eq!(code(submit(&h, vec![signed(&proposal, &[&next])]).await), "below_threshold");
        submit(&h, vec![signed(&proposal, &[&anna]), signed(&proposal, &[&next])]).await.expect("taken");
        assert_eq!(gw.follow(&h, &after.trusted).await.root_version, 5);
    }

    async fn with_the_policy_key_elsewhere_a_delegated_key_waits_for_it(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let policy = policy_key_elsewhere(&h).await;
        let waiting = run(&h, rotate(&[Role::Revocations])).await.expect("asked for");
        let Rotated::Awaits(number) = waiting.rotated else { panic!("{waiting:?}") };
        // Revocations go on under the old key.
        h.control.run(&ada(&h).await, Revoke(Target::Grant("grt_1".to_owned()), None)).await.expect("revokes");
        assert_eq!(code(run(&h, rotate(&[Role::Assignment])).await), "candidate_awaits");
        // Taken back, the key that waited is destroyed.
        h.control.run(&ada(&h).await, delivery::WithdrawCandidate { number }).await.expect("withdrawn");
        assert_eq!(sealed(&h).await["tuf-revocations"], 1);
        let waiting = run(&h, rotate(&[Role::Revocations])).await.expect("asked for");
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        assert_eq!(role(&h, Role::Revocations).await.keys[0].id, waiting.keys[0].1);
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!(list(&after).entries().len(), 1);
        h.control.run(&ada(&h).await, Revoke(Target::Grant("grt_2".to_owned()), None)).await.expect("revokes");
        assert_eq!(list(&gw.follow(&h, &after.trusted).await).entries().len(), 2);
        // The policy key itself.
        assert_eq!(code(run(&h, rotate(&[Role::Targets])).await), "key_elsewhere");
        let next = key();
        let replaced = run(&h, RotateKeys { elsewhere: Some(next.public().clone()), ..rotate(&[Role::Targets]) }).await.expect("written down");
        let Rotated::Proposed(proposal) = replaced.rotated else { panic!("{replaced:?}") };
        assert_eq!(code(submit(&h, vec![(*proposal).clone()]).await), "below_threshold");
        submit(&h, vec![signed(&proposal, &[&next])]).await.expect("the root lies here");
        assert_eq!(gw.follow(&h, &after.trusted).await.root_version, 3);
        let online = RotateKeys { elsewhere: Some(key().public().clone()), ..rotate(&[Role::Assignment]) };
        assert_eq!(code(run(&h, online).await), "online_role");
    }

    async fn of_two_who_rotate_at_once_both_are_done_one_after_the_other(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (cx, other) = (ada(&h).await, h.another(2).await);
        let (one, two) = tokio::join!(h.control.run(&cx, rotate(&[Role::Timestamp])), other.run(&cx, rotate(&[Role::Timestamp])));
        one.expect("rotates");
        two.expect("rotates");
        assert_eq!((listed(&h).await.root_version, sealed(&h).await["tuf-timestamp"]), (3, 1));
        let gw = enrol(&h, "gw-1").await;
        assert_eq!(gw.follow(&h, &gw.fresh()).await.root_version, 3);
    }

    async fn a_thief_of_the_online_keys_is_shut_out(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        // The thief has the files of now, and all keys of now; it burns versions.
        let stolen = stored(&h).await;
        let done = run(&h, RotateKeys { compromised: true, ..rotate(&[Role::Snapshot, Role::Timestamp]) }).await.expect("rotates");
        assert!(matches!(done.rotated, Rotated::Done));
        let after = gw.follow(&h, &before.trusted).await;
        let path = "metadata/timestamp.json";
        let theirs = BTreeMap::from([(path.to_owned(), stolen[path].clone())]);
        assert_eq!(gw.follow_with(&h, &after.trusted, &theirs).await.expect_err("signed by the old key").code(), "bad_signature");
    }
}
