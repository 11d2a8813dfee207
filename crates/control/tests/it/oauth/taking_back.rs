//! Taking back what was issued, and what is said to stop before it does.

use super::exchange::{exchange, helper};
use super::*;
use control::governance::{self, BlastRadius, Trace, blast_radius, person_called, revoke};

async fn ada(h: &Harness) -> control::Ctx {
    h.person("usr_ada", &[control::AdminRole::IamAdmin]).await
}

async fn take(h: &Harness, target: Target) -> i64 {
    revoke(&h.control, &ada(h).await, target, "laptop stolen".to_owned()).await.expect("taken back")
}

async fn radius(h: &Harness, target: &Target) -> BlastRadius {
    blast_radius(&h.control, &ada(h).await, target).await.expect("counted")
}

fn fact(issued: &Issued, name: &str) -> String {
    claims(&issued.access_token)[name].as_str().expect("text").to_owned()
}

async fn browsers(h: &Harness) -> Vec<String> {
    h.rows::<Session>().await.into_iter().map(|row| row.id).collect()
}

async fn refreshes(h: &Harness, issued: &Issued) -> bool {
    run(h, refresh_of(issued)).await.is_ok()
}

async fn is_exchanged(h: &Harness, issued: &Issued, jti: &str) -> bool {
    let helper = helper(h, "agt_taking", &["usr_dev", "usr_kim"]).await;
    run(h, exchange(&issued.access_token, &helper.proof(h, jti))).await.is_ok()
}

on_each_database! {
    async fn a_sign_in_ends_in_the_browser_and_in_every_client_that_came_of_it(h: Harness) {
        ready(&h).await;
        let (dev, kim) = (signed_in(&h, "usr_dev", "logs.read").await, signed_in(&h, "usr_kim", "logs.read").await);
        let (waiting, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        assert!(is_exchanged(&h, &dev, "1").await);
        let target = Target::Session(fact(&dev, "sid"));
        take(&h, target.clone()).await;
        assert_eq!(browsers(&h).await, ["hash-usr_kim", "hash-usr_olga"]);
        assert!(!refreshes(&h, &dev).await);
        assert_eq!(code_of(run(&h, exchange_of(&waiting)).await), "invalid_grant", "a code that was on its way");
        assert!(!is_exchanged(&h, &dev, "2").await);
        assert_eq!(revoked(&h).await, [target]);
        assert!(refreshes(&h, &kim).await && is_exchanged(&h, &kim, "3").await, "nobody else is touched");
    }

    async fn one_connection_ends_and_the_other_goes_on(h: Harness) {
        ready(&h).await;
        let (first, second) = (signed_in(&h, "usr_dev", "logs.read").await, signed_in(&h, "usr_dev", "logs.read").await);
        let target = Target::Lineage(fact(&first, "lineage"));
        take(&h, target.clone()).await;
        assert!(!refreshes(&h, &first).await && refreshes(&h, &second).await);
        assert!(!is_exchanged(&h, &first, "1").await && is_exchanged(&h, &second, "2").await);
        assert_eq!((browsers(&h).await.len(), revoked(&h).await), (3, vec![target]));
        assert!(h.actions().await.contains(&"revocation.lineage".to_owned()));
    }

    async fn whoever_is_signed_out_everywhere_may_sign_in_again(h: Harness) {
        ready(&h).await;
        let dev = signed_in(&h, "usr_dev", "logs.read").await;
        let cut = take(&h, Target::Subject("usr_dev".into())).await;
        assert!(!refreshes(&h, &dev).await && !is_exchanged(&h, &dev, "1").await);
        assert_eq!(browsers(&h).await, ["hash-usr_kim", "hash-usr_olga"]);
        session(&h, "usr_dev").await;
        let again = signed_in(&h, "usr_dev", "logs.read").await;
        assert_eq!(claims(&again.access_token)["seq"].as_i64(), Some(cut), "it is not before the cut");
        assert!(refreshes(&h, &again).await);
    }

    async fn one_token_ends_and_its_client_gets_another(h: Harness) {
        ready(&h).await;
        let dev = signed_in(&h, "usr_dev", "logs.read").await;
        let target = Target::Token(fact(&dev, "jti"));
        take(&h, target.clone()).await;
        assert!(!is_exchanged(&h, &dev, "1").await);
        assert!(refreshes(&h, &dev).await);
        assert_eq!(revoked(&h).await, [target]);
        for wrong in ["", "  ", "two words", "mit Ümlaut"] {
            let taken = revoke(&h.control, &ada(&h).await, Target::Token(wrong.into()), "x".into()).await;
            assert!(matches!(taken, Err(Error::Invalid(_))), "{wrong:?}: {taken:?}");
        }
    }

    async fn what_stops_is_counted_before(h: Harness) {
        ready(&h).await;
        let (dev, kim) = (signed_in(&h, "usr_dev", "logs.read").await, signed_in(&h, "usr_kim", "logs.read").await);
        let another = signed_in(&h, "usr_dev", "logs.read").await;
        assert!(is_exchanged(&h, &dev, "1").await);
        // People, tokens, agents, connections.
        let counts = async |target: Target| {
            let found = radius(&h, &target).await;
            (found.people, found.tokens, found.agents, found.connections)
        };
        // The planted agent is theirs too.
        assert_eq!(counts(Target::Subject("usr_dev".into())).await, (1, 3, 2, Some(2)));
        assert_eq!(counts(Target::User("usr_kim".into())).await, (1, 1, 2, Some(1)));
        assert_eq!(counts(Target::Client(IDE.into())).await, (2, 4, 1, Some(3)));
        assert_eq!(counts(Target::Agent("agt_taking".into())).await, (2, 1, 1, None));
        let (by_id, by_uri) = (counts(Target::Server(SERVER.into())).await, counts(Target::Server(RESOURCE.into())).await);
        assert_eq!((by_id, by_id.1, by_id.3), (by_uri, 4, Some(3)));
        let role_scope = |role: &str| Target::RoleScope { role: role.into(), scope: "logs.read".into() };
        assert_eq!(counts(role_scope("developer")).await, (1, 3, 1, None));
        assert_eq!(counts(role_scope("sre")).await, (2, 1, 0, None));
        assert_eq!(counts(Target::Tenant).await, (5, 4, 2, Some(3)));
        assert_eq!(counts(Target::Session(fact(&dev, "sid"))).await, (1, 3, 1, Some(2)));
        assert_eq!(counts(Target::Lineage(fact(&dev, "lineage"))).await, (1, 2, 1, Some(1)));
        assert_eq!(counts(Target::Lineage(fact(&another, "lineage"))).await, (1, 1, 0, Some(1)));
        assert_eq!(counts(Target::Token(fact(&kim, "jti"))).await, (1, 1, 0, None));

        let token = Target::Token(fact(&dev, "jti"));
        let found = radius(&h, &token).await;
        assert_eq!((found.name.as_str(), found.trace), ("a token of dev through IDE", Trace::Found));
        assert_eq!(radius(&h, &Target::Lineage(fact(&dev, "lineage"))).await.name, "a connection of dev through IDE");
        for unknown in [Target::Token("tok_none".into()), Target::Session("ses%".into()), Target::Lineage("lin_".into())] {
            assert_eq!(radius(&h, &unknown).await.trace, Trace::Unknown, "{unknown:?}");
        }
        h.advance_s(3600);
        assert_eq!(radius(&h, &token).await.trace, Trace::Ended(h.now_s()));
        h.advance_ms(1);
        assert_eq!(counts(Target::Tenant).await, (5, 0, 2, Some(3)), "every token has ended");
        let plain = h.person("usr_dev", &[]).await;
        assert!(matches!(blast_radius(&h.control, &plain, &Target::Tenant).await, Err(Error::Forbidden(_))));
        assert!(matches!(revoke(&h.control, &plain, Target::Subject("usr_kim".into()), "x".into()).await, Err(Error::Forbidden(_))));
    }

    async fn blocks_end_grants_and_taking_back_does_not(h: Harness) {
        ready(&h).await;
        let (_, grant) = granted(&h).await;
        let grants = async |target: Target| radius(&h, &target).await.live_grants;
        assert_eq!(grants(Target::User("usr_dev".into())).await, 1);
        assert_eq!(grants(Target::Subject("usr_dev".into())).await, 0, "it counts again with the next token");
        assert_eq!(radius(&h, &Target::Grant(grant.clone())).await.name, "logs.debug.write of dev");
        // Whoever holds it may ask, and give it up.
        let counted = async |user: &str| blast_radius(&h.control, &h.person(user, &[]).await, &Target::Grant(grant.clone())).await;
        assert_eq!(counted("usr_dev").await.expect("their own").live_grants, 1);
        assert!(matches!(counted("usr_kim").await, Err(Error::Forbidden(_))));
        take(&h, Target::Grant(grant.clone())).await;
        assert_eq!(grants(Target::User("usr_dev".into())).await, 0);
    }

    async fn a_scope_is_blocked_as_one_role_gives_it(h: Harness) {
        ready(&h).await;
        let target = |role: &str| Target::RoleScope { role: role.into(), scope: "logs.read".into() };
        let ada = ada(&h).await;
        take(&h, target("developer")).await;
        assert_eq!(governance::blocked_scopes(&h.control, &ada, "developer").await.expect("asked"), set(&["logs.read"]));
        assert_eq!(governance::blocked_scopes(&h.control, &ada, "sre").await.expect("asked"), set(&[]));
        assert!(code_with_is_empty(&h, "usr_dev").await, "a developer has it no more");
        signed_in(&h, "usr_kim", "logs.read").await;
        governance::lift(&h.control, &ada, &target("developer"), "reviewed".into()).await.expect("lifted");
        signed_in(&h, "usr_dev", "logs.read").await;
        for wrong in [target("nobody"), Target::RoleScope { role: "sre".into(), scope: "nothing".into() }] {
            assert!(matches!(revoke(&h.control, &ada, wrong, "x".into()).await, Err(Error::NotFound)));
        }
        assert!(matches!(governance::lift(&h.control, &ada, &target("sre"), "x".into()).await, Err(Error::NotFound)));
    }

    async fn a_person_is_named_by_id_subject_or_address(h: Harness) {
        ready(&h).await;
        let ada = ada(&h).await;
        for text in ["usr_dev", "dev", "DEV@acme.example"] {
            assert_eq!(person_called(&h.control, &ada, text).await.expect("found").id, "usr_dev");
        }
        assert!(matches!(person_called(&h.control, &ada, "nobody").await, Err(Error::NotFound)));
        h.plant(store::User { issuer: "https://elsewhere.example".into(), ..user("usr_other", "sre") }).await;
        h.plant(store::User { id: "usr_dev2".into(), issuer: "https://elsewhere.example".into(), ..user("usr_dev", "sre") }).await;
        match person_called(&h.control, &ada, "dev").await {
            Err(Error::Invalid(wrong)) => assert!(wrong[0].reason.contains("usr_dev2"), "{wrong:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(person_called(&h.control, &ada, "usr_dev2").await.expect("by id").id, "usr_dev2");
        let plain = h.person("usr_kim", &[]).await;
        assert!(matches!(person_called(&h.control, &plain, "dev").await, Err(Error::Forbidden(_))));
    }
}

/// Whether the person is offered none of the scope now.
async fn code_with_is_empty(h: &Harness, user: &str) -> bool {
    let handle = handle(h, asked("logs.read")).await;
    match considered(h, user, &handle).await {
        Considered::Ask(question) => question.now.is_empty(),
        other => matches!(other, Considered::Refused { .. }),
    }
}
