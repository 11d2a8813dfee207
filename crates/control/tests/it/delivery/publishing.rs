//! Publishing, and the repository as a gateway follows it.

use super::*;
use control::delivery::{RefreshTimestamp, SettleDraft};

on_each_database! {
    async fn what_is_published_is_what_a_gateway_runs(h: Harness) {
        configure(&h).await;
        let gw = enrol(&h, "gw-1").await;
        let refused = gw.follow_with(&h, &gw.fresh(), &BTreeMap::new()).await.expect_err("nothing is published");
        assert_eq!(refused.code(), "missing");
        assert_eq!(publish(&h).await.expect("publishes"), 1);
        let activated = gw.follow(&h, &gw.fresh()).await;
        let policy: PolicySet = serde_json::from_str(activated.policy.text()).expect("a policy");
        let compiled = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft");
        assert!(!compiled.differs && compiled.changes.is_empty());
        assert_eq!(policy, PolicySet { version: 1, ..compiled.policy });
        assert_eq!(policy.issuers[0].issuer, format!("{PUBLIC_URL}/t/acme"));
        let tools = &policy.servers[RESOURCE].tools;
        assert_eq!((tools["logs.read"].scope.as_deref(), tools["logs.new"].scope.as_deref()), (Some("logs.read"), None));
        assert_eq!((list(&activated).seq(), activated.revocation_seq), (0, 0));
        // A second publish arrives with the next update, and is listed.
        h.control.run(&ada(&h).await, SetRole("developer", &[])).await.expect("edited");
        assert_eq!(publish(&h).await.expect("publishes"), 2);
        let newer = gw.follow(&h, &activated.trusted).await;
        assert_eq!(newer.policy.version, 2);
        let shown = delivery::bundle(&h.control, &ada(&h).await, 2).await.expect("shown");
        assert_eq!((shown.view.live, shown.view.head.sha256, shown.changes.len()), (true, newer.policy.sha256().to_owned(), 1));
        let all = delivery::bundles(&h.control, &ada(&h).await).await.expect("listed");
        assert_eq!(all.iter().map(|one| (one.head.version, one.live)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    }

    async fn what_is_taken_away_is_on_the_list(h: Harness) {
        configure(&h).await;
        // Before the first publish there is no list to sign; the first publish has it.
        h.control.run(&ada(&h).await, Revoke(Target::Client("cli_old".to_owned()), None)).await.expect("revokes");
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        // Whom it concerns can be told with the key in the policy, and not without.
        let policy: PolicySet = serde_json::from_str(before.policy.text()).expect("a policy");
        assert_eq!(list(&before).entries()[0].mark, policy.revocation_key.mark(&Target::Client("cli_old".to_owned())));
        assert!(!before.revocations.text().contains("cli_old"));
        let old = stored(&h).await;
        let seq = h.control.run(&ada(&h).await, Revoke(Target::Grant("grt_1".to_owned()), None)).await.expect("revokes");
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!((after.revocation_seq, i64::try_from(list(&after).seq()).expect("small")), (2, seq));
        assert_eq!(list(&after).entries().len(), 2);
        // A server that serves what it had before is refused, and so is one that changes a byte.
        let refused = gw.follow_with(&h, &after.trusted, &old).await.expect_err("older");
        assert_eq!(refused.code(), "rollback");
        let forged: BTreeMap<String, String> = stored(&h).await.into_iter().map(|(path, body)| (path, body.replace("\"kind\":\"grant\"", "\"kind\":\"token\""))).collect();
        let refused = gw.follow_with(&h, &before.trusted, &forged).await.expect_err("forged");
        assert_eq!(refused.code(), "hash_mismatch");
    }

    async fn nothing_is_published_that_was_not_shown(h: Harness) {
        configure(&h).await;
        let cx = ada(&h).await;
        let shown = delivery::draft(&h.control, &cx).await.expect("a draft");
        assert!(shown.differs && shown.live_version.is_none());
        h.control.run(&cx, SetRole("sre", &["logs.read"])).await.expect("edited");
        let stale = Publish { note: String::new(), expected_draft: shown.draft };
        assert_eq!(code(h.control.run(&cx, stale).await), "changed");
        assert_eq!(publish(&h).await.expect("publishes"), 1);
        assert_eq!(code(publish(&h).await), "changed");
        // There and back: the draft has moved, but it says what is live.
        h.control.run(&cx, SetRole("sre", &[])).await.expect("edited");
        h.control.run(&cx, SetRole("sre", &["logs.read"])).await.expect("edited");
        assert_eq!(code(publish(&h).await), "nothing_changed");
        // Nobody has to publish to be rid of edits that cancel each other.
        let undone = delivery::draft(&h.control, &cx).await.expect("a draft");
        assert_eq!((undone.differs, undone.edits), (false, 2));
        let settle = |expected_draft| SettleDraft { expected_draft };
        assert_eq!(code(h.control.run(&cx, settle(undone.draft - 1)).await), "changed");
        let olga = h.person("usr_olga", &[AdminRole::Auditor]).await;
        assert_eq!(code(h.control.run(&olga, settle(undone.draft)).await), "forbidden");
        assert_eq!(h.control.run(&cx, settle(undone.draft)).await.expect("settled"), 1);
        let settled = delivery::draft(&h.control, &cx).await.expect("a draft");
        assert_eq!((settled.edits, settled.live_version, settled.draft), (0, Some(1), undone.draft));
        assert!(h.actions().await.contains(&"draft.settle".to_owned()));
        h.control.run(&cx, SetRole("sre", &["no.such"])).await.expect("edited");
        assert_eq!(code(publish(&h).await), "lint");
        let differing = delivery::draft(&h.control, &cx).await.expect("a draft").draft;
        assert_eq!(code(h.control.run(&cx, settle(differing)).await), "draft_differs");
        let auditor = h.person("usr_olga", &[AdminRole::Auditor]).await;
        assert_eq!(code(h.control.run(&auditor, Publish { note: String::new(), expected_draft: 0 }).await), "forbidden");
        assert_eq!(h.rows::<store::Bundle>().await.len(), 1);
    }

    async fn of_two_who_publish_at_once_one_is_told(h: Harness) {
        configure(&h).await;
        let (cx, other) = (ada(&h).await, h.another(2).await);
        let draft = delivery::draft(&h.control, &cx).await.expect("a draft").draft;
        let publish = || Publish { note: String::new(), expected_draft: draft };
        let (one, two) = tokio::join!(h.control.run(&cx, publish()), other.run(&cx, publish()));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(won.expect("one is first"), Publication::Live(1));
        assert_eq!(code(lost), "changed");
        let events = h.actions().await;
        assert_eq!(events.iter().filter(|action| *action == "bundle.publish").count(), 1);
    }

    async fn the_repository_stays_fresh_for_years(h: Harness) {
        configure(&h).await;
        let refresh = || { let h = &h; async move { h.control.keep(&h.acme(), RefreshTimestamp).await.expect("upkeep") } };
        assert!(!refresh().await, "nothing to keep before the first publish");
        publish(&h).await.expect("publishes");
        assert!(!refresh().await, "fresh");
        let gw = enrol(&h, "gw-1").await;
        let mut activated = gw.follow(&h, &gw.fresh()).await;
        h.advance_s(181);
        assert!(refresh().await && !refresh().await);
        let newer = gw.follow(&h, &activated.trusted).await;
        assert!(newer.timestamp > activated.timestamp && newer.fresh_until == h.now_s() + 600);
        // An invalidation leaves the list once what it blocked has expired; the sequence stays.
        let until = h.now_s() + 60;
        h.control.run(&ada(&h).await, Revoke(Target::Token("jti".to_owned()), Some(until))).await.expect("revokes");
        activated = gw.follow(&h, &newer.trusted).await;
        assert_eq!(list(&activated).entries().len(), 1);
        h.advance_s(60);
        assert!(refresh().await && !refresh().await);
        activated = gw.follow(&h, &activated.trusted).await;
        assert_eq!((list(&activated).entries().len(), list(&activated).seq()), (0, 1));
        for _ in 0..300 {
            h.advance_s(3 * 24 * 3600);
            assert!(refresh().await);
            activated = gw.follow(&h, &activated.trusted).await;
        }
        assert!(activated.root_version > 1, "the first root has ended by now");
        assert_eq!(activated.policy.version, 1);
        let files = h.rows::<store::TufFile>().await.len();
        assert!(files < 300, "old files are forgotten, {files} are left");
    }
}
