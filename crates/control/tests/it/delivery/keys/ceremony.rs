//! A next root: proposed, signed by several, submitted.

use super::*;
use control::keys::Place;

on_each_database! {
    async fn a_root_of_two_in_three_with_the_policy_key_elsewhere(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let [anna, ben, policy] = [key(), key(), key()];
        let changes = vec![
            KeyChange::Add { role: Role::Root, key: anna.public().clone() },
            KeyChange::Add { role: Role::Root, key: ben.public().clone() },
            KeyChange::Threshold { role: Role::Root, threshold: 2 },
            KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() },
        ];
        let proposal = propose(&h, changes).await.expect("written down");
        let judged = proposal.examine(Some(&gw.root)).expect("holds");
        assert!(judged.changes.contains(&"For root, 2 of 3 keys must sign instead of 1 of 1 keys".to_owned()), "{:?}", judged.changes);
        // Nothing has changed by writing it down.
        assert_eq!((role(&h, Role::Root).await.keys.len(), role(&h, Role::Targets).await.signed_here), (1, true));

        // The key in the database is one of the root before and one of two of the next; the policy key has to sign, too.
        assert_eq!(code(submit(&h, vec![signed(&proposal, &[&policy])]).await), "below_threshold");
        assert_eq!(code(submit(&h, vec![signed(&proposal, &[&anna])]).await), "below_threshold");
        assert_eq!(code(submit(&h, vec![]).await), "invalid");
        let copies = vec![proposal.clone(), signed(&proposal, &[&anna]), signed(&proposal, &[&policy])];
        assert_eq!(submit(&h, copies.clone()).await.expect("complete"), 2);
        assert_eq!(code(submit(&h, copies).await), "outdated");

        let root = role(&h, Role::Root).await;
        assert_eq!((root.threshold, root.keys.len(), root.signed_here, root.version), (2, 3, false, Some(2)));
        assert_eq!(root.keys.iter().filter(|key| key.place == Place::Here).count(), 1);
        assert!(root.keys.iter().all(|key| key.since_ms.is_some()));
        let targets = role(&h, Role::Targets).await;
        assert_eq!((targets.signed_here, targets.keys[0].id.as_str(), &targets.keys[0].place), (false, policy.public().id(), &Place::Elsewhere));
        // The old policy key is destroyed, its public half stays on record.
        let old: Vec<store::Key> = h.rows::<store::Key>().await.into_iter().filter(|row| row.purpose == "tuf-targets" && row.active == 0).collect();
        assert_eq!((old.len(), old[0].sealed.as_str(), old[0].ended_ms), (1, "", Some(h.now_ms())));
        assert!(old[0].public.starts_with("-----BEGIN PUBLIC KEY-----"));
        // A gateway that was away for it follows, and everything online goes on.
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!((after.root_version, after.policy.version), (2, 1));
        h.advance_s(200);
        assert!(h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep"));
        gw.follow(&h, &after.trusted).await;
        let events = h.actions().await;
        assert!(events.contains(&"root.propose".to_owned()) && events.contains(&"root.submit".to_owned()), "{events:?}");
    }

    async fn what_was_proposed_for_another_state_is_not_taken(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (anna, policy) = (key(), key());
        let add = |key: &Key| vec![KeyChange::Add { role: Role::Root, key: key.public().clone() }];
        let (first, second) = (propose(&h, add(&anna)).await.expect("one"), propose(&h, add(&key())).await.expect("another"));
        assert_eq!(code(submit(&h, vec![first.clone(), second.clone()]).await), "other_document");
        submit(&h, vec![signed(&first, &[&anna])]).await.expect("taken");
        assert_eq!(code(submit(&h, vec![second]).await), "outdated");
        // The list of policies that would be signed along with the root is not that of now.
        let moved = vec![KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() }];
        let proposal = propose(&h, moved).await.expect("written down");
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("publishes");
        assert_eq!(code(submit(&h, vec![signed(&proposal, &[&policy])]).await), "outdated");
        assert_eq!(role(&h, Role::Targets).await.version, Some(2));
        assert!(role(&h, Role::Targets).await.signed_here);
        // Another tenant's proposal is nothing here.
        h.tenant("beta").await;
        let beta = h.cx_in("beta", control::Actor::Host).await;
        let foreign = h.control.run(&beta, ProposeRoot { changes: vec![] }).await.expect("written down");
        assert_eq!(code(submit(&h, vec![foreign]).await), "other_tenant");
        // Words that are not true.
        let renewal = propose(&h, vec![]).await.expect("written down");
        let lied = renewal.to_json().replace("The root stays as it is, for another while", "Nothing happens");
        assert_eq!(code(submit(&h, vec![Proposal::read(lied.as_bytes()).expect("reads")]).await), "unfit");
        assert_eq!(submit(&h, vec![renewal]).await.expect("the same root for another year"), 3);
    }

    async fn of_two_who_submit_at_once_one_is_told(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let policy = key();
        let moved = vec![KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() }];
        let proposal = propose(&h, moved).await.expect("written down");
        let (cx, other) = (ada(&h).await, h.another(2).await);
        let submit = || SubmitRoot { copies: vec![signed(&proposal, &[&policy])] };
        let (one, two) = tokio::join!(h.control.run(&cx, submit()), other.run(&cx, submit()));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(won.expect("one is first"), 2);
        assert_eq!(code(lost), "outdated");
        assert_eq!(h.actions().await.iter().filter(|action| *action == "root.submit").count(), 1);
    }

    async fn a_root_that_nobody_could_follow_is_not_written_down(h: Harness) {
        let (one, held) = (key(), role(&h, Role::Root).await.keys[0].id.clone());
        let public = || one.public().clone();
        let refused = async |changes: Vec<KeyChange>| code(propose(&h, changes).await);
        assert_eq!(refused(vec![KeyChange::Threshold { role: Role::Root, threshold: 2 }]).await, "bad_threshold");
        assert_eq!(refused(vec![KeyChange::Threshold { role: Role::Root, threshold: 0 }]).await, "bad_threshold");
        assert_eq!(refused(vec![KeyChange::Remove { role: Role::Root, key: held.clone() }]).await, "bad_threshold");
        assert_eq!(refused(vec![KeyChange::Remove { role: Role::Root, key: held[..4].to_owned() }]).await, "unknown_key");
        assert_eq!(refused(vec![KeyChange::Remove { role: Role::Targets, key: held.clone() }]).await, "unknown_key");
        assert_eq!(refused(vec![KeyChange::Elsewhere { role: Role::Timestamp, key: public() }]).await, "online_role");
        assert_eq!(refused(vec![KeyChange::Add { role: Role::Snapshot, key: public() }]).await, "online_role");
        assert_eq!(refused(vec![KeyChange::Add { role: Role::Assignment, key: public() }]).await, "not_in_the_root");
        let twice = vec![KeyChange::Add { role: Role::Root, key: public() }, KeyChange::Add { role: Role::Root, key: public() }];
        assert_eq!(refused(twice).await, "known_key");
        let shared = vec![KeyChange::Add { role: Role::Root, key: public() }, KeyChange::Add { role: Role::Targets, key: public() }];
        assert_eq!(refused(shared).await, "shared_key");
        // A beginning of eight digits is enough to name a key, and one that is replaced leaves.
        let replaced = vec![KeyChange::Add { role: Role::Root, key: public() }, KeyChange::Remove { role: Role::Root, key: held[..8].to_owned() }];
        let proposal = propose(&h, replaced).await.expect("written down");
        submit(&h, vec![signed(&proposal, &[&one])]).await.expect("taken");
        assert_eq!(role(&h, Role::Root).await.keys.iter().map(|key| key.id.clone()).collect::<BTreeSet<_>>(), ids(&[one.public()]));
        assert!(!sealed(&h).await.contains_key("tuf-root"));
        // And back.
        let back = propose(&h, vec![KeyChange::Here { role: Role::Root }]).await.expect("written down");
        assert_eq!(code(submit(&h, vec![back.clone()]).await), "below_threshold");
        submit(&h, vec![signed(&back, &[&one])]).await.expect("taken");
        assert!(role(&h, Role::Root).await.signed_here);
        assert_eq!(sealed(&h).await["tuf-root"], 1);
    }

    async fn the_policy_key_comes_back(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let policy = policy_key_elsewhere(&h).await;
        // A candidate waits when the key comes back: it was prepared for the list before.
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        assert_eq!(publish(&h).await.expect("asked for"), 2);
        let signature = countersigned(&h, &policy).await;
        let back = propose(&h, vec![KeyChange::Here { role: Role::Targets }]).await.expect("written down");
        assert!(back.list().is_none(), "what lies here signs by itself");
        submit(&h, vec![back]).await.expect("taken");
        assert!(role(&h, Role::Targets).await.signed_here);
        assert_eq!(code(bring(&h, &signature).await), "wrong_signature");
        assert!(h.actions().await.contains(&"candidate.outdate".to_owned()));
        // Numbers that somebody may have signed are not used again.
        assert_eq!(publish(&h).await.expect("publishes"), 3);
        assert!(role(&h, Role::Targets).await.version > Some(signature.candidate));
        assert_eq!(gw.follow(&h, &before.trusted).await.policy.version, 3);
    }

    async fn only_owners_touch_keys(h: Harness) {
        for (user, roles) in [("usr_kim", [AdminRole::IamAdmin]), ("usr_olga", [AdminRole::Auditor])] {
            let cx = h.person(user, &roles).await;
            assert_eq!(code(h.control.run(&cx, ProposeRoot { changes: vec![] }).await), "forbidden");
            assert_eq!(code(h.control.run(&cx, SubmitRoot { copies: vec![] }).await), "forbidden");
            assert_eq!(code(h.control.run(&cx, control::keys::RotateTokenKey { compromised: true }).await), "forbidden");
            assert!(keys(&h.control, &cx).await.is_ok(), "who reads the configuration reads this");
        }
        let approver = h.person("usr_sam", &[AdminRole::Approver]).await;
        assert_eq!(code(keys(&h.control, &approver).await), "forbidden");
    }
}
