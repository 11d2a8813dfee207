//! A service that fails: nothing was changed, the error says so, and afterwards everything goes on.

use super::*;
use crate::delivery::opa::{enrol_opa, served};
use control::delivery::opa::{RefreshArchives, refresh_archives};

/// Everything that a change would change.
#[derive(Debug, PartialEq)]
struct Kept {
    keys: Vec<store::Key>,
    files: Vec<store::TufFile>,
    state: Vec<store::TufState>,
    bundles: Vec<store::Bundle>,
    revocations: Vec<store::Revocation>,
    archives: Vec<store::OpaArchive>,
    events: Vec<store::AuditEvent>,
}

async fn kept(h: &Harness) -> Kept {
    Kept {
        keys: h.rows().await,
        files: h.rows().await,
        state: h.rows().await,
        bundles: h.rows().await,
        revocations: h.rows().await,
        archives: h.rows().await,
        events: h.rows().await,
    }
}

const FAILURES: [(&str, Answers, Expected); 6] = [
    ("a", Answers::Down, |error| matches!(error, ServiceError::Failed(_))),
    ("b", Answers::Never, |error| matches!(error, ServiceError::TimedOut)),
    ("c", Answers::Rubbish, |error| matches!(error, ServiceError::WrongSignature)),
    ("d", Answers::WithAnotherKey, |error| matches!(error, ServiceError::WrongSignature)),
    ("e", Answers::SomethingElse, |error| matches!(error, ServiceError::WrongSignature)),
    ("f", Answers::Refuses, |error| matches!(error, ServiceError::Refused(_))),
];

type Expected = fn(&ServiceError) -> bool;

on_each_database! {
    async fn whatever_goes_wrong_nothing_was_changed_and_it_goes_on_afterwards(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let mut awake = gw.follow(&h, &gw.fresh()).await;
        place_all(&h, &Role::ALL).await;
        for (edited, answers, is_expected) in FAILURES {
            h.service.answers(answers);
            h.control.run(&ada(&h).await, SetRole(edited, &["logs.read"])).await.expect("what signs nothing goes on");
            h.advance_s(200);
            let before = kept(&h).await;
            let revoked = cause(revoke(&h, "grt_1").await);
            assert!(is_expected(&revoked), "{answers:?}: {revoked:?}");
            let published = cause(publish(&h).await);
            assert!(is_expected(&published), "{answers:?}: {published:?}");
            let rotated = cause(h.control.run(&ada(&h).await, rotate(&[Role::Timestamp])).await);
            assert!(is_expected(&rotated), "{answers:?}: {rotated:?}");
            cause(h.control.keep(&h.acme(), RefreshTimestamp).await);
            assert_eq!(kept(&h).await, before, "{answers:?}");
            // What gateways have goes on to be what they had, and ages.
            h.service.answers(Answers::Well);
            h.advance_s(61);
            revoke(&h, &format!("grt_{answers:?}")).await.expect("revokes");
            h.control.keep(&h.acme(), RefreshTimestamp).await.expect("kept");
            publish(&h).await.expect("publishes");
            awake = gw.follow(&h, &awake.trusted).await;
        }
        assert_eq!((list(&awake).entries().len(), awake.policy.version), (6, 7));
    }

    async fn a_key_that_is_gone_from_the_service_is_said_by_name(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &[Role::Revocations]).await;
        h.service.forget("test:revocations@1");
        let Err(Error::NotSigned(error)) = revoke(&h, "grt_1").await else { panic!("it cannot be signed") };
        let said = error.to_string();
        assert!(said.contains("revocations") && said.contains("test:revocations@1") && said.contains("it is gone"), "{said}");
        // The policy key lies here, so another key can take its place.
        h.control.run(&ada(&h).await, rotate(&[Role::Revocations])).await.expect("rotates");
        revoke(&h, "grt_1").await.expect("revokes");
    }

    async fn a_control_plane_that_was_told_of_no_service_says_so(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &[Role::Timestamp]).await;
        let (other, cx) = (h.without_service(2).await, ada(&h).await);
        assert_eq!(cause(other.run(&cx, Revoke(Target::Grant("grt_1".to_owned()), None)).await), ServiceError::None);
        assert_eq!(code(prove(&other, &cx, "test:timestamp").await), "service_refused");
        // What it can do without, it does.
        other.run(&cx, rotate(&[Role::Timestamp])).await.expect("rotates");
        other.run(&cx, Revoke(Target::Grant("grt_1".to_owned()), None)).await.expect("revokes");
    }

    async fn without_its_service_a_tenant_whose_root_lies_here_gets_everything_back(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        place_all(&h, &[Role::Targets, Role::Assignment, Role::Revocations, Role::Snapshot, Role::Timestamp]).await;
        h.service.answers(Answers::Down);
        // One after the other they wait for each other: together they do not.
        cause(h.control.run(&ada(&h).await, rotate(&[Role::Timestamp])).await);
        cause(h.control.run(&ada(&h).await, rotate(&[Role::Revocations])).await);
        h.control.run(&ada(&h).await, rotate(&[Role::Targets, Role::Snapshot, Role::Timestamp])).await.expect("the root lies here");
        h.control.run(&ada(&h).await, rotate(&[Role::Assignment, Role::Revocations])).await.expect("and now the policy key");
        revoke(&h, "grt_1").await.expect("revokes");
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!(list(&after).entries().len(), 1);
    }

    async fn what_can_be_signed_without_the_service_is_kept_fresh(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let opa = enrol_opa(&h, "opa-1").await;
        place_all(&h, &[Role::Targets]).await;
        // The list of policies is due, and so is the policy's bundle; timestamps and the list of revocations lie here.
        h.advance_s(61 * 24 * 3600);
        h.service.answers(Answers::Down);
        let versions = async || {
            let state = h.rows::<store::TufState>().await.remove(0);
            (state.targets, state.timestamp)
        };
        let before = versions().await;
        let revocations = async || served(&h, &opa.id, ::opa::Lane::Revocations).await.expect("served").0.sha256;
        let bundle = revocations().await;
        cause(h.control.keep(&h.acme(), RefreshTimestamp).await);
        assert_eq!(versions().await, before);
        cause(refresh_timestamp(&h.control, &h.acme()).await);
        let after = versions().await;
        assert_eq!(after, (before.0, before.1 + 1));
        cause(h.control.keep(&h.acme(), RefreshArchives).await);
        assert_eq!(revocations().await, bundle);
        cause(refresh_archives(&h.control, &h.acme()).await);
        assert_ne!(revocations().await, bundle);
        h.service.answers(Answers::Well);
        h.advance_s(61);
        assert!(refresh_timestamp(&h.control, &h.acme()).await.expect("kept") && refresh_archives(&h.control, &h.acme()).await.expect("kept"));
        assert_eq!(versions().await.0, before.0 + 1);
    }

    async fn what_happens_by_itself_leaves_a_failing_service_alone_and_people_do_not(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &[Role::Timestamp]).await;
        h.advance_s(200);
        h.service.answers(Answers::Down);
        let keep = async || cause(h.control.keep(&h.acme(), RefreshTimestamp).await);
        let mut rests = Vec::new();
        for _ in 0..6 {
            assert!(matches!(keep().await, ServiceError::Failed(_)));
            let mut rested = 0;
            while rested < 120 {
                h.advance_s(1);
                rested += 1;
                h.service.asked();
                let cause = keep().await;
                if !h.service.asked().is_empty() {
                    assert!(matches!(cause, ServiceError::Failed(_)));
                    break;
                }
                assert_eq!(cause, ServiceError::Resting);
            }
            rests.push(rested);
            // That question was a failure of its own: wait until its rest is over.
            h.advance_s(60);
        }
        assert_eq!((rests[0], rests[5]), (10, 60));
        // Somebody at the console is not told to wait, and what works for them ends the rest.
        keep().await;
        assert_eq!(keep().await, ServiceError::Resting);
        assert!(matches!(cause(revoke(&h, "grt_1").await), ServiceError::Failed(_)));
        h.service.answers(Answers::Well);
        revoke(&h, "grt_1").await.expect("revokes");
        h.advance_s(200);
        assert!(h.control.keep(&h.acme(), RefreshTimestamp).await.expect("kept"));
    }
}
