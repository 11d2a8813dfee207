//! Single use holds against callers who come at the same moment, at two replicas.

use super::*;
use control::{Control, Ctx};
use futures::StreamExt as _;
use futures::future::join_all;

/// How many come at once.
const CALLERS: u64 = 8;

/// All of them at once, half of them at another replica; what each was told.
async fn at_once<A>(h: &Harness, ask: impl Fn(Control, Ctx) -> A) -> Vec<Result<Issued, &'static str>>
where
    A: Future<Output = control::Result<Result<Minted, OAuthError>>>,
{
    let other = h.another(99).await;
    let cx = h.cx(Actor::Anonymous).await;
    let one = async |answer: A| match answer.await {
        Ok(answer) => answer.map(signed).map_err(|error| error.code),
        Err(Error::Refused { code, .. }) => Err(code),
        // Two single-use things of the same id: the key lets one of them in.
        Err(Error::Store(store::StoreError::Constraint(_))) => Err("invalid_grant"),
        Err(other) => panic!("{other:?}"),
    };
    let callers = (0..CALLERS).map(|n| one(ask(if n % 2 == 0 { h.control.clone() } else { other.clone() }, cx.clone())));
    join_all(callers).await
}

fn winners(answers: &[Result<Issued, &'static str>]) -> usize {
    assert!(answers.iter().filter_map(|answer| answer.as_ref().err()).all(|code| *code == "invalid_grant"), "{answers:?}");
    answers.iter().filter(|answer| answer.is_ok()).count()
}

on_each_database! {
    async fn a_code_is_exchanged_once(h: Harness) {
        ready(&h).await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        let answers = at_once(&h, async |control, cx| oauth::exchange_code(&control, &cx, exchange_of(&code)).await).await;
        assert_eq!(winners(&answers), 1);
        // The others were replays, so what the first got is gone.
        let won = answers.into_iter().flatten().next().expect("one");
        let family = claims(&won.access_token)["lineage"].as_str().expect("a lineage").to_owned();
        assert_eq!(revoked(&h).await, [Target::Lineage(family)]);
        assert_eq!(code_of(run(&h, refresh_of(&won)).await), "invalid_grant");
    }

    async fn a_refresh_token_rotates_once(h: Harness) {
        ready(&h).await;
        let issued = signed_in(&h, "usr_dev", "logs.read").await;
        let answers = at_once(&h, async |control, cx| oauth::refresh(&control, &cx, refresh_of(&issued)).await).await;
        assert_eq!(winners(&answers), 1);
        assert_eq!(h.rows::<store::RefreshToken>().await, [], "the family has ended");
    }

    /// What somebody was given a moment ago can be renewed at once, whatever is renewed meanwhile.
    async fn nobody_comes_too_early_with_what_they_hold(h: Harness) {
        ready(&h).await;
        let cx = h.cx(Actor::Anonymous).await;
        let busy = signed_in(&h, "usr_dev", "logs.read").await;
        let mut codes = Vec::new();
        for _ in 0..CALLERS * 16 {
            codes.push(code_with(&h, "usr_dev", asked("logs.read")).await.0);
        }
        let renew = async |issued: Issued| {
            let refreshed = oauth::refresh(&h.control, &cx, refresh_of(&issued)).await.expect("answers");
            signed(refreshed.expect("renewed"))
        };
        // A few at a time, so that each finds others at it.
        let newcomers = futures::stream::iter(&codes).for_each_concurrent(2, async |code| {
            let minted = h.control.run(&cx, exchange_of(code)).await.expect("answers").expect("exchanged");
            renew(signed(minted)).await;
        });
        let others = async {
            let mut issued = busy;
            for _ in &codes {
                issued = renew(issued).await;
            }
        };
        futures::join!(newcomers, others);
    }

    /// Forty families are renewed at once, some requests among them being good for nothing: each is answered as if it had come alone.
    async fn refreshes_that_come_together_are_answered_each_for_itself(h: Harness) {
        ready(&h).await;
        let mut families = Vec::new();
        for _ in 0..40 {
            families.push(signed_in(&h, "usr_dev", "logs.read").await);
        }
        let before = h.actions().await.iter().filter(|action| *action == "token.issue").count();
        let requests = families.iter().enumerate().map(|(at, issued)| {
            let good = refresh_of(issued);
            match at % 8 {
                3 => Refresh { client_id: "cli_unknown".into(), ..good },
                5 => Refresh { refresh_token: "wrong".into(), ..good },
                7 => Refresh { scope: ["made.up".to_owned()].into(), ..good },
                _ => good,
            }
        });
        let renew = async |at: usize, refresh: Refresh| {
            let cx = Ctx { request_id: format!("req_{at}"), ..h.cx(Actor::Anonymous).await };
            oauth::refresh(&h.control, &cx, refresh).await.expect("answers").map(signed).map_err(|error| error.code)
        };
        let answers = join_all(requests.enumerate().map(|(at, refresh)| renew(at, refresh))).await;
        for (at, answer) in answers.iter().enumerate() {
            let refused = match at % 8 {
                3 => Some("invalid_client"),
                5 => Some("invalid_grant"),
                7 => Some("invalid_scope"),
                _ => None,
            };
            assert_eq!(answer.as_ref().err().copied(), refused, "request {at}");
        }
        let issued: Vec<store::AuditEvent> = h.rows::<store::AuditEvent>().await;
        let issued: Vec<_> = issued.iter().filter(|event| event.action == "token.issue").collect();
        assert_eq!(issued.len() - before, 25);
        for (at, answer) in answers.iter().enumerate().filter(|(_, answer)| answer.is_ok()) {
            let jti = claims(&answer.as_ref().expect("issued").access_token)["jti"].as_str().expect("a jti").to_owned();
            let event = issued.iter().find(|event| event.object.as_deref() == Some(&jti)).expect("its event");
            assert!(event.body.contains(&format!("\"request_id\":\"req_{at}\"")), "{}", event.body);
        }
        // Where a token came twice, the family has ended, whatever came first.
        let twice = answers.into_iter().flatten().next().expect("one");
        let both = join_all([0, 1].map(|at| renew(at, refresh_of(&twice)))).await;
        assert_eq!(both.iter().filter(|answer| answer.is_ok()).count(), 1, "{both:?}");
        let successor = both.into_iter().flatten().next().expect("one");
        assert_eq!(renew(0, refresh_of(&successor)).await.expect_err("taken back"), "invalid_grant");
    }

    async fn a_proof_works_once(h: Harness) {
        ready(&h).await;
        let agent = exchange::helper(&h, AGENT, &["usr_dev"]).await;
        let person = signed_in(&h, "usr_dev", "logs.read").await.access_token;
        let proof = agent.proof(&h, "1");
        assert_eq!(winners(&at_once(&h, async |control, cx| control.run(&cx, exchange::exchange(&person, &proof)).await).await), 1);
    }

    async fn a_token_never_carries_an_older_sequence_than_the_block_it_escaped(h: Harness) {
        ready(&h).await;
        let issued = signed_in(&h, "usr_kim", "logs.read").await;
        let admin = h.person("usr_ada", &[AdminRole::Owner]).await;
        let cut = InvalidateSubject { user: "usr_kim".into(), reason: "lost".into() };
        let other = h.another(98).await;
        let (cut, renewed) = futures::join!(other.run(&admin, cut), run(&h, refresh_of(&issued)));
        let cut = cut.expect("cut off");
        // Whichever was first: a token from before is cut off by its sequence, and afterwards there is none.
        if let Ok(renewed) = renewed {
            assert!(claims(&renewed.access_token)["seq"].as_i64().expect("a number") < cut.seq);
        }
        assert_eq!(h.rows::<store::RefreshToken>().await, [], "a refresh token outlived the cut-off");
    }
}
