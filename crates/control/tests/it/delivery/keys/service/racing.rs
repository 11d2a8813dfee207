//! Many at once.

use super::*;
use control::Upkeep;
use control::config::{MapGroup, UnmapGroup};
use futures::FutureExt;
use futures::future::join_all;
use std::sync::Arc;

const BURST: usize = 64;

/// What another replica that revokes changes first.
struct AnotherRevocation;

impl Upkeep for AnotherRevocation {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        scene.db.next_revocation_seq().await?;
        Ok(((), false))
    }
}

on_each_database! {
    /// With a signature for each of them it would be more than a change may ask for.
    async fn a_hundred_people_lose_a_role_with_the_list_signed_once(h: Harness) {
        configure(&h).await;
        h.control.run(&ada(&h).await, SetRole("crowd", &["logs.read"])).await.expect("set");
        h.control.run(&ada(&h).await, MapGroup { group: "crowd".into(), role: "crowd".into() }).await.expect("mapped");
        for n in 0..100 {
            h.plant(crate::world::user(&format!("usr_{n}"), "crowd")).await;
        }
        publish(&h).await.expect("publishes");
        place_all(&h, &Role::ALL).await;
        h.control.run(&ada(&h).await, UnmapGroup { group: "crowd".into(), role: "crowd".into() }).await.expect("unmapped");
        assert_eq!(asked(&h), ["revocations", "snapshot", "timestamp"]);
        assert_eq!(h.rows::<store::Revocation>().await.len(), 100);
    }

    async fn who_is_overtaken_again_and_again_gives_up_and_says_so(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &[Role::Revocations]).await;
        let (other, acme) = (h.another(2).await, h.acme());
        h.service.meanwhile(Some(Arc::new(move || {
            let (other, acme) = (other.clone(), acme.clone());
            async move { other.keep(&acme, AnotherRevocation).await.expect("changed") }.boxed()
        })));
        let files = stored(&h).await;
        assert!(matches!(revoke(&h, "grt_1").await, Err(Error::NotSigned(NotSigned::Overtaken))));
        assert_eq!(h.service.asked().len(), 64);
        assert!(h.rows::<store::Revocation>().await.is_empty() && stored(&h).await == files);
        h.service.meanwhile(None);
        assert_eq!(revoke(&h, "grt_1").await.expect("revokes"), 65);
    }

    async fn a_service_that_takes_its_time_for_each_answer_is_given_up(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &Role::ALL).await;
        let clock = h.clock();
        h.service.meanwhile(Some(Arc::new(move || {
            clock.advance_ms(61_000);
            async {}.boxed()
        })));
        // Two answers are within two minutes, three are not: six times the twenty seconds that one answer may take here.
        assert!(matches!(revoke(&h, "grt_1").await, Err(Error::NotSigned(NotSigned::Slow))));
        assert_eq!(asked(&h), ["revocations", "snapshot"]);
        assert!(h.rows::<store::Revocation>().await.is_empty());
    }

    async fn of_a_burst_of_revocations_each_gets_through_with_three_answers(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        place_all(&h, &Role::ALL).await;
        let grants: Vec<String> = (0..BURST).map(|n| format!("grt_{n}")).collect();
        let revoked = join_all(grants.iter().map(|grant| revoke(&h, grant))).await;
        let numbers: BTreeSet<i64> = revoked.into_iter().map(|seq| seq.expect("revokes")).collect();
        assert_eq!(numbers.len(), BURST);
        assert_eq!(h.service.asked().len(), 3 * BURST);
        assert_eq!(list(&gw.follow(&h, &before.trusted).await).entries().len(), BURST);
    }

    async fn others_in_the_same_commit_are_not_hurt_by_what_wants_signatures(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &Role::ALL).await;
        h.tenant("beta").await;
        let planted = join_all((0..BURST).map(|n| h.plant_in("beta", crate::world::scope_row(&format!("s.{n}"), "low"))));
        let grants: Vec<String> = (0..8).map(|n| format!("grt_{n}")).collect();
        h.service.answers(Answers::Down);
        let (_, failed) = tokio::join!(planted, join_all(grants.iter().map(|grant| revoke(&h, grant))));
        assert!(failed.into_iter().all(|revoked| matches!(cause(revoked), ServiceError::Failed(_))));
        let cx = h.cx_in("beta", control::Actor::Host).await;
        assert_eq!(h.control.read(&cx).all::<store::Scope>().await.expect("rows").len(), BURST);
        assert!(h.rows::<store::Revocation>().await.is_empty());
    }

    async fn two_replicas_overtake_each_other_and_all_get_through(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        place_all(&h, &Role::ALL).await;
        let (cx, other) = (ada(&h).await, h.another(2).await);
        let run = |control: control::Control, n: usize| {
            let cx = cx.clone();
            async move { control.run(&cx, Revoke(Target::Grant(format!("grt_{n}")), None)).await }
        };
        let each = 12;
        let all = join_all((0..2 * each).map(|n| run(if n % 2 == 0 { h.control.clone() } else { other.clone() }, n))).await;
        for revoked in all {
            revoked.expect("revokes");
        }
        let answers = h.service.asked().len();
        assert!((6 * each..=2 * each * 64).contains(&answers), "{answers}");
        assert_eq!(list(&gw.follow(&h, &before.trusted).await).entries().len(), 2 * each);
    }

    async fn a_service_that_never_answers_keeps_nobody_waiting_for_ever(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h, &Role::ALL).await;
        h.service.answers(Answers::Never);
        let grants: Vec<String> = (0..BURST).map(|n| format!("grt_{n}")).collect();
        let revoked = join_all(grants.iter().map(|grant| revoke(&h, grant))).await;
        let mut queued = 0;
        for result in revoked {
            match result {
                Err(Error::NotSigned(NotSigned::Queue)) => queued += 1,
                other => assert_eq!(cause(other), ServiceError::TimedOut),
            }
        }
        assert!(queued > 0, "some did not wait for their turn to the end");
        assert!(h.rows::<store::Revocation>().await.is_empty());
    }
}
