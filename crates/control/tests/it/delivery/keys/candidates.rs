//! What awaits the policy key elsewhere.

use super::*;
use control::delivery::{WithdrawCandidate, candidate, offer_renewal};
use control::keys::RaiseFloor;

async fn edit(h: &Harness, scopes: &'static [&'static str]) {
    h.control.run(&ada(h).await, SetRole("sre", scopes)).await.expect("edited");
}

async fn state(h: &Harness, number: u64) -> String {
    h.row::<store::Candidate>(&number.to_string()).await.expect("a candidate").state
}

on_each_database! {
    async fn a_draft_is_offered_signed_elsewhere_and_live(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let policy = policy_key_elsewhere(&h).await;
        edit(&h, &["logs.read"]).await;
        let draft = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft");
        let asked = h.control.run(&ada(&h).await, Publish { note: "sre reads".into(), expected_draft: draft.draft }).await.expect("asked for");
        let Publication::Awaits { version: 2, candidate: number } = asked else { panic!("{asked:?}") };
        // Nothing is live that was not signed; the draft still differs.
        let shown = candidate(&h.control, &ada(&h).await).await.expect("answers").expect("awaits");
        assert_eq!((shown.number, shown.policy_version, shown.note.as_str(), shown.signed(), shown.threshold), (number, Some(2), "sre reads", 0, 1));
        assert_eq!(shown.access.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Role sre gains logs.read"]);
        assert_eq!(gw.follow(&h, &before.trusted).await.policy.version, 1);
        assert_eq!(delivery::bundles(&h.control, &ada(&h).await).await.expect("listed").len(), 1);
        // The same again is not asked for twice.
        assert_eq!(code(publish(&h).await), "changed");

        let signature = countersigned(&h, &policy).await;
        assert_eq!(bring(&h, &signature).await.expect("complete"), Progress::Live);
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!((after.policy.version, state(&h, number).await.as_str()), (2, "live"));
        let row = h.row::<store::Bundle>("2").await.expect("published");
        assert_eq!((row.published_by.as_str(), row.note.as_str()), ("usr_ada", "sre reads"));
        assert!(!delivery::draft(&h.control, &ada(&h).await).await.expect("a draft").differs);
        assert!(candidate(&h.control, &ada(&h).await).await.expect("answers").is_none());
        assert_eq!(code(bring(&h, &signature).await), "candidate_ended");
        let events = h.actions().await;
        for action in ["candidate.create", "candidate.sign"] {
            assert_eq!(events.iter().filter(|done| *done == action).count(), 1, "{events:?}");
        }
        let signed = h.rows::<store::AuditEvent>().await.into_iter().find(|event| event.action == "candidate.sign").expect("an event");
        assert_eq!((signed.actor_kind.as_str(), signed.actor_id.as_str()), ("key", policy.public().id()));
    }

    async fn the_first_policy_of_all_is_signed_elsewhere(h: Harness) {
        configure(&h).await;
        let policy = policy_key_elsewhere(&h).await;
        let gw = enrol(&h, "gw-1").await;
        assert_eq!(publish(&h).await.expect("asked for"), 1);
        assert_eq!(gw.follow_with(&h, &gw.fresh(), &BTreeMap::new()).await.expect_err("nothing is live").code(), "missing");
        let signature = countersigned(&h, &policy).await;
        assert_eq!(bring(&h, &signature).await.expect("complete"), Progress::Live);
        assert_eq!(gw.follow(&h, &gw.fresh()).await.policy.version, 1);
    }

    async fn a_policy_key_of_two_collects_signatures(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (one, two) = (policy_key_elsewhere(&h).await, key());
        let changes =
            vec![KeyChange::Add { role: Role::Targets, key: two.public().clone() }, KeyChange::Threshold { role: Role::Targets, threshold: 2 }];
        let proposal = propose(&h, changes).await.expect("written down");
        submit(&h, vec![signed(&proposal, &[&one]), signed(&proposal, &[&two])]).await.expect("taken");
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        let (first, second) = (countersigned(&h, &one).await, countersigned(&h, &two).await);
        assert_eq!(bring(&h, &first).await.expect("one of two"), Progress::Awaits(1));
        assert_eq!(code(bring(&h, &first).await), "already_signed");
        let shown = candidate(&h.control, &ada(&h).await).await.expect("answers").expect("awaits");
        assert_eq!((shown.signed(), shown.threshold), (1, 2));
        assert_eq!(bring(&h, &second).await.expect("two of two"), Progress::Live);
    }

    async fn what_is_no_signature_of_a_policy_key_is_refused(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let policy = policy_key_elsewhere(&h).await;
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        let good = countersigned(&h, &policy).await;
        let other = |change: &dyn Fn(&mut SignatureFile)| { let mut file = good.clone(); change(&mut file); file };
        // A stranger's, under their own name and under the key's; of other bytes; garbage; for no candidate.
        let strangers = exported(&h).await;
        let mut unsigned = strangers.unsigned.clone();
        let stranger = key();
        unsigned.sign(&stranger).expect("signs");
        let theirs = unsigned.signature_of(stranger.public().id()).expect("signed").to_owned();
        for forged in [
            other(&|file| (file.keyid, file.sig) = (stranger.public().id().to_owned(), theirs.clone())),
            other(&|file| file.sig = theirs.clone()),
            other(&|file| file.sig = "00".to_owned()),
            other(&|file| file.sig = "not hex".to_owned()),
        ] {
            assert_eq!(code(bring(&h, &forged).await), "wrong_signature");
        }
        assert_eq!(code(bring(&h, &other(&|file| file.candidate += 1)).await), "not_found");
        assert_eq!(h.actions().await.iter().filter(|action| *action == "candidate.sign").count(), 0);
        // Whoever changed what is signed in the database is found before anybody signs.
        let row = h.rows::<store::Candidate>().await.into_iter().find(|row| row.state == "awaiting").expect("awaits");
        let tampered = row.configuration.clone().expect("a configuration").replace("\"sre\":[\"logs.read\"]", "\"sre\":[\"logs.reed\"]");
        h.plant(store::Candidate { configuration: Some(tampered), ..row }).await;
        let found = exported(&h).await.examine(&listed(&h).await.root_sha256).expect_err("tampered");
        assert!(found.to_string().contains("not what the configuration compiles to"), "{found}");
    }

    async fn a_candidate_is_withdrawn_or_superseded(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let policy = policy_key_elsewhere(&h).await;
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        let first = countersigned(&h, &policy).await;
        edit(&h, &[]).await;
        edit(&h, &["logs.read", "logs.read.all"]).await;
        assert_eq!(code(publish(&h).await), "lint");
        edit(&h, &[]).await;
        h.control.run(&ada(&h).await, SetRole("ops", &["logs.read"])).await.expect("edited");
        assert_eq!(publish(&h).await.expect("asked for"), 3);
        assert_eq!(state(&h, first.candidate).await, "superseded");
        assert_eq!(code(bring(&h, &first).await), "candidate_ended");
        let second = countersigned(&h, &policy).await;
        let auditor = h.person("usr_olga", &[AdminRole::Auditor]).await;
        assert_eq!(code(h.control.run(&auditor, WithdrawCandidate { number: second.candidate }).await), "forbidden");
        assert_eq!(code(delivery::export_candidate(&h.control, &auditor, None).await), "forbidden");
        h.control.run(&ada(&h).await, WithdrawCandidate { number: second.candidate }).await.expect("withdrawn");
        assert_eq!(code(h.control.run(&ada(&h).await, WithdrawCandidate { number: second.candidate }).await), "candidate_ended");
        assert_eq!(code(bring(&h, &second).await), "candidate_ended");
        assert_eq!(delivery::bundles(&h.control, &ada(&h).await).await.expect("listed").len(), 1);
        // Neither number nor version is given twice.
        assert_eq!(publish(&h).await.expect("asked for"), 4);
        let third = countersigned(&h, &policy).await;
        assert!(third.candidate > second.candidate);
        bring(&h, &third).await.expect("complete");
        let versions: Vec<i64> = delivery::bundles(&h.control, &ada(&h).await).await.expect("listed").iter().map(|one| one.head.version).collect();
        assert_eq!(versions, [4, 1]);
        assert_eq!(delivery::bundle(&h.control, &ada(&h).await, 4).await.expect("shown").changes[0].to_string(), "Role ops gains logs.read");
    }

    async fn of_two_who_bring_a_signature_at_once_one_is_told(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let policy = policy_key_elsewhere(&h).await;
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        let file = countersigned(&h, &policy).await;
        let (cx, other) = (h.cx(control::Actor::Anonymous).await, h.another(2).await);
        let sign = || SignCandidate::from(file.clone());
        let (one, two) = tokio::join!(h.control.run(&cx, sign()), other.run(&cx, sign()));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(won.expect("one is first"), Progress::Live);
        assert_eq!(code(lost), "candidate_ended");
        assert_eq!(h.actions().await.iter().filter(|action| *action == "bundle.publish").count(), 2);
    }

    async fn a_list_that_nears_its_end_is_offered_for_renewal(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let mut activated = gw.follow(&h, &gw.fresh()).await;
        let policy = policy_key_elsewhere(&h).await;
        let day = 24 * 3600;
        let upkeep = async || h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep");
        h.advance_s(59 * day);
        assert!(!offer_renewal(&h.control, &h.acme()).await.expect("answers"));
        h.advance_s(2 * day);
        // What is online goes on, and Home says what is not.
        assert!(upkeep().await);
        activated = gw.follow(&h, &activated.trusted).await;
        let home = control::config::home(&h.control, &ada(&h).await).await.expect("home");
        assert_eq!(home.endings.iter().map(|(role, _, elsewhere)| (*role, *elsewhere)).collect::<Vec<_>>(), [(Role::Targets, true)]);
        assert!(offer_renewal(&h.control, &h.acme()).await.expect("answers"));
        assert!(!offer_renewal(&h.control, &h.acme()).await.expect("one is enough"));
        let home = control::config::home(&h.control, &ada(&h).await).await.expect("home");
        assert_eq!(home.candidate.expect("awaits").kind, bundle::ceremony::Kind::Renewal);
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        assert!(control::config::home(&h.control, &ada(&h).await).await.expect("home").endings.is_empty());
        // Past the end of the first list the fleet follows.
        h.advance_s(40 * day);
        assert!(upkeep().await);
        activated = gw.follow(&h, &activated.trusted).await;
        assert_eq!(activated.policy.version, 1);
        // When nobody signs, the online roles still do their part, and gateways say what is wrong.
        h.advance_s(60 * day);
        assert!(upkeep().await);
        let refused = gw.follow_with(&h, &activated.trusted, &BTreeMap::new()).await.expect_err("ended");
        assert_eq!(refused.code(), "expired");
        assert!(refused.to_string().contains("targets"), "{refused}");
        // It is never too late.
        assert!(offer_renewal(&h.control, &h.acme()).await.expect("answers"));
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        gw.follow(&h, &activated.trusted).await;
    }

    async fn a_root_that_lies_elsewhere_is_said_to_end_and_renewed_by_its_people(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let anna = key();
        let moved = propose(&h, vec![KeyChange::Elsewhere { role: Role::Root, key: anna.public().clone() }]).await.expect("written down");
        submit(&h, vec![signed(&moved, &[&anna])]).await.expect("taken");
        let gw = enrol(&h, "gw-1").await;
        let mut activated = gw.follow(&h, &gw.fresh()).await;
        for _ in 0..112 {
            h.advance_s(3 * 24 * 3600);
            h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep");
            activated = gw.follow(&h, &activated.trusted).await;
        }
        let endings = control::config::home(&h.control, &ada(&h).await).await.expect("home").endings;
        assert_eq!(endings.iter().map(|(role, _, elsewhere)| (*role, *elsewhere)).collect::<Vec<_>>(), [(Role::Root, true)]);
        assert_eq!(activated.root_version, 2, "nobody here can sign another root");
        let renewal = propose(&h, vec![]).await.expect("written down");
        submit(&h, vec![signed(&renewal, &[&anna])]).await.expect("taken");
        h.advance_s(60 * 24 * 3600);
        h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep");
        assert_eq!(gw.follow(&h, &activated.trusted).await.root_version, 3);
    }

    async fn versions_are_withdrawn_for_ever(h: Harness) {
        configure(&h).await;
        assert_eq!(code(h.control.run(&ada(&h).await, RaiseFloor { min_version: 1 }).await), "nothing_runnable");
        publish(&h).await.expect("publishes");
        for scopes in [&["logs.read"][..], &[], &["logs.read"]] {
            edit(&h, scopes).await;
            publish(&h).await.expect("publishes");
        }
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let raise = async |min_version| h.control.run(&ada(&h).await, RaiseFloor { min_version }).await;
        assert_eq!(code(raise(5).await), "nothing_runnable");
        assert_eq!(code(raise(1).await), "no_change");
        assert_eq!(raise(3).await.expect("here"), None);
        assert_eq!(code(raise(2).await), "no_change");
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!(after.policy.version, 4);
        // With the policy key elsewhere it waits for a signature, and nothing pushes it aside.
        let policy = policy_key_elsewhere(&h).await;
        let number = raise(4).await.expect("asked for").expect("awaits");
        edit(&h, &[]).await;
        assert_eq!(code(publish(&h).await), "candidate_awaits");
        assert_eq!(exported(&h).await.number, number);
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        let list = stored(&h).await.into_iter().find(|(path, _)| path.ends_with(&format!("{number}.targets.json"))).expect("stored").1;
        assert!(list.contains("\"x-writ-min-version\":4") && !list.contains("policy/3.json"), "{list}");
        assert_eq!(publish(&h).await.expect("asked for"), 5);
    }
}
