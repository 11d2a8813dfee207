//! What comes twice while the revocation list cannot be signed, or only slowly.

use super::*;
use crate::key_service::Answers;
use bundle::Role;
use control::keys::{RotateKeys, prove};
use control::{Ctx, Result};
use futures::FutureExt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Has the key of the revocation list lie in the service.
async fn list_key_in_service(h: &Harness) {
    let ada = h.person("usr_ada", &[AdminRole::Owner]).await;
    let key = prove(&h.control, &ada, "test:revocations").await.expect("proved");
    let rotate = RotateKeys { roles: vec![Role::Revocations], elsewhere: None, service: Some(key), replaces: None, compromised: false };
    h.control.run(&ada, rotate).await.expect("rotates");
    h.service.asked();
}

async fn anonymous(h: &Harness) -> Ctx {
    h.cx(Actor::Anonymous).await
}

async fn refreshed(h: &Harness, refresh: Refresh) -> Result<Answer> {
    Ok(oauth::refresh(&h.control, &anonymous(h).await, refresh).await?.map(signed))
}

async fn exchanged(h: &Harness, code: &str) -> Result<Answer> {
    Ok(oauth::exchange_code(&h.control, &anonymous(h).await, exchange_of(code)).await?.map(signed))
}

/// How often a replay was written down without being put on the list.
async fn unlisted(h: &Harness) -> usize {
    let events = h.rows::<store::AuditEvent>().await;
    events.iter().filter(|event| event.action == "token.refuse" && event.body.contains("\"listed\":false")).count()
}

on_each_database! {
    async fn a_service_that_takes_its_time_for_a_replay_keeps_nobody_else_waiting(h: Harness) {
        ready(&h).await;
        let stolen = signed_in(&h, "usr_dev", "logs.read").await;
        let mut other = signed_in(&h, "usr_kim", "logs.read").await;
        list_key_in_service(&h).await;
        let newer = refreshed(&h, refresh_of(&stolen)).await.expect("answers").expect("renewed");
        let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go));
        h.service.meanwhile(Some(Arc::new(move || {
            let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
            async move {
                tell.add_permits(1);
                wait.acquire().await.expect("open").forget();
            }
            .boxed()
        })));
        let replay = refreshed(&h, refresh_of(&stolen));
        let others = async {
            begun.acquire().await.expect("open").forget();
            for _ in 0..3 {
                other = refreshed(&h, refresh_of(&other)).await.expect("answers").expect("renewed");
            }
            assert!(revoked(&h).await.is_empty());
            go.add_permits(1);
        };
        let (replay, ()) = futures::join!(replay, others);
        assert_eq!(code_of(replay.expect("answers")), "invalid_grant");
        assert_eq!(revoked(&h).await.len(), 1);
        assert_eq!(code_of(refreshed(&h, refresh_of(&newer)).await.expect("answers")), "invalid_grant");
    }

    async fn who_is_gone_before_the_answer_keeps_no_family_from_being_taken_back(h: Harness) {
        ready(&h).await;
        let cx = anonymous(&h).await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        let by_code = exchanged(&h, &code).await.expect("answers").expect("issued");
        let by_token = signed_in(&h, "usr_kim", "logs.read").await;
        let newer = refreshed(&h, refresh_of(&by_token)).await.expect("answers").expect("renewed");
        for replay in [oauth::refresh(&h.control, &cx, refresh_of(&by_token)).boxed(), oauth::exchange_code(&h.control, &cx, exchange_of(&code)).boxed()] {
            let mut replay = replay;
            assert!(futures::poll!(&mut replay).is_pending());
            drop(replay);
        }
        while revoked(&h).await.len() < 2 {
            tokio::task::yield_now().await;
        }
        for last in [&by_code, &newer] {
            assert_eq!(code_of(refreshed(&h, refresh_of(last)).await.expect("answers")), "invalid_grant");
        }
    }

    async fn what_comes_twice_while_the_service_is_away_is_good_for_nothing_and_taken_back_later(h: Harness) {
        ready(&h).await;
        list_key_in_service(&h).await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        let by_code = exchanged(&h, &code).await.expect("answers").expect("issued");
        let by_token = signed_in(&h, "usr_kim", "logs.read").await;
        let newer = refreshed(&h, refresh_of(&by_token)).await.expect("answers").expect("renewed");
        let bystander = signed_in(&h, "usr_dev", "logs.read").await;

        h.service.answers(Answers::Down);
        assert!(matches!(exchanged(&h, &code).await, Err(Error::NotSigned(_))));
        assert!(matches!(refreshed(&h, refresh_of(&by_token)).await, Err(Error::NotSigned(_))));
        assert!(revoked(&h).await.is_empty());
        assert_eq!(unlisted(&h).await, 2);
        // Neither the thief nor the person's own client gets anything more, whichever of them has the newest.
        for last in [&by_code, &newer] {
            assert!(matches!(refreshed(&h, refresh_of(last)).await, Err(Error::NotSigned(_))));
        }
        let helper = exchange::helper(&h, "agt_spent", &["usr_dev"]).await;
        let exchange = exchange::exchange(&by_code.access_token, &helper.proof(&h, "1"));
        assert_eq!(code_of(run(&h, exchange).await), "invalid_grant", "nor in exchange for what they have");
        assert_eq!(unlisted(&h).await, 2, "that it came again is no news");
        assert_eq!(h.service.asked().len(), 1, "what anybody can have it asked leaves a failing service alone");
        let bystander = refreshed(&h, refresh_of(&bystander)).await.expect("answers").expect("renewed");

        h.service.answers(Answers::Well);
        h.advance_s(61);
        for last in [&by_code, &newer] {
            assert_eq!(code_of(refreshed(&h, refresh_of(last)).await.expect("answers")), "invalid_grant");
        }
        let family = |issued: &Issued| Target::Lineage(claims(&issued.access_token)["lineage"].as_str().expect("a lineage").to_owned());
        assert_eq!(revoked(&h).await, [family(&by_code), family(&newer)]);
        refreshed(&h, refresh_of(&bystander)).await.expect("answers").expect("renewed");
    }
}
