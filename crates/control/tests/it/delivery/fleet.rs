//! Enrolling, being let in, and what gateways say they run.

use super::*;
use control::delivery::{AckError, Drifted, RemoveGateway, ReplaceGateway, Standing};

on_each_database! {
    async fn an_enrolment_token_works_once_for_one_name_and_not_for_long(h: Harness) {
        let (key, _) = SigningKey::generate().expect("randomness");
        let key = key.public();
        let token = |name: &'static str| { let h = &h; async move { h.control.run(&ada(h).await, CreateEnrolment { name: name.to_owned() }).await } };
        assert_eq!(code(token("Not A Name").await), "invalid");
        assert_eq!(code(offer(&h, "wge_unknown", "gw-1", key).await), "enrolment_unknown");
        let first = token("gw-1").await.expect("a token");
        assert!(h.rows::<store::Enrolment>().await.iter().all(|row| !first.contains(&row.id)), "kept as a hash only");
        assert_eq!(code(offer(&h, &first, "gw-2", key).await), "enrolment_name");
        let newer = token("gw-1").await.expect("a token");
        assert_eq!(code(offer(&h, &first, "gw-1", key).await), "enrolment_unknown");
        let bad = PublicJwk { crv: "P-384".to_owned(), ..key.clone() };
        assert_eq!(code(offer(&h, &newer, "gw-1", &bad).await), "invalid");
        let enrolled = offer(&h, &newer, "gw-1", key).await.expect("enrols");
        // Lost answer: the same key asks again. Another key is somebody else.
        assert_eq!(offer(&h, &newer, "gw-1", key).await.expect("again"), enrolled);
        let (thief, _) = SigningKey::generate().expect("randomness");
        assert_eq!(code(offer(&h, &newer, "gw-1", thief.public()).await), "enrolment_used");
        assert_eq!(code(token("gw-1").await), "gateway_exists");
        let late = token("gw-2").await.expect("a token");
        h.advance_s(delivery::TOKEN_LIFE_S);
        assert_eq!(code(offer(&h, &late, "gw-2", key).await), "enrolment_expired");
        // Replacing takes a token of its own, and the old key counts until it is used.
        let old = Gw { id: enrolled.gateway_id.clone(), key: SigningKey::generate().expect("randomness").0, root: String::new() };
        let replace = h.control.run(&ada(&h).await, ReplaceGateway { name: "gw-1".to_owned() }).await.expect("a token");
        assert!(h.row::<store::Gateway>(&old.id).await.is_some());
        let new = offer(&h, &replace, "gw-1", thief.public()).await.expect("replaces");
        assert_ne!(new.gateway_id, old.id);
        assert_eq!(h.rows::<store::Gateway>().await.len(), 1);
        let denied = h.rows::<store::AuditEvent>().await.into_iter().filter(|event| event.action == "gateway.enrol" && event.outcome == "denied").count();
        assert_eq!(denied, 3, "wrong name, used, expired");
        let developer = h.person("usr_dev", &[]).await;
        assert_eq!(code(h.control.run(&developer, CreateEnrolment { name: "gw-9".to_owned() }).await), "forbidden");
    }

    async fn only_an_enrolled_gateway_is_let_in(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        h.tenant("beta").await;
        let gw = enrol(&h, "gw-1").await;
        let knock = |tenant: &'static str, assertion: String| { let h = &h; async move { delivery::authenticate(&h.control, tenant, &assertion, "req").await.map(drop) } };
        knock("acme", gw.assertion(&h, "acme")).await.expect("known");
        assert_eq!(code(knock("beta", gw.assertion(&h, "beta")).await), "forbidden");
        assert_eq!(code(knock("beta", gw.assertion(&h, "acme")).await), "forbidden");
        assert_eq!(code(knock("nowhere", gw.assertion(&h, "nowhere")).await), "forbidden");
        assert_eq!(code(knock("acme", gw.assertion(&h, "beta")).await), "forbidden");
        assert_eq!(code(knock("acme", "garbage".to_owned()).await), "forbidden");
        let old = gw.assertion(&h, "acme");
        h.advance_s(180);
        assert_eq!(code(knock("acme", old).await), "forbidden");
        let impostor = Gw { id: gw.id.clone(), key: SigningKey::generate().expect("randomness").0, root: gw.root.clone() };
        assert_eq!(code(knock("acme", impostor.assertion(&h, "acme")).await), "forbidden");
        assert_eq!(delivery::own_gateway_named(&h.control, &ada(&h).await, "gw-1").await.expect("known"), gw.id);
        assert_eq!(code(delivery::own_gateway_named(&h.control, &ada(&h).await, "gw-9").await), "not_found");
        h.control.run(&ada(&h).await, RemoveGateway { id: gw.id.clone() }).await.expect("removed");
        assert_eq!(code(delivery::own_gateway_named(&h.control, &ada(&h).await, "gw-1").await), "not_found");
        assert_eq!(code(knock("acme", gw.assertion(&h, "acme")).await), "forbidden");
        let cx = ada(&h).await;
        assert_eq!(code(files::file(&h.control, &cx, "metadata/timestamp.json").await), "forbidden");
    }

    async fn a_receipt_says_who_confirmed(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (one, two) = (enrol(&h, "gw-1").await, enrol(&h, "gw-2").await);
        let standing = || { let h = &h; async move {
            let fleet = delivery::fleet(&h.control, &ada(h).await).await.expect("the fleet");
            fleet.gateways.into_iter().map(|gateway| gateway.standing).collect::<Vec<_>>()
        } };
        assert_eq!(standing().await, [Standing::New, Standing::New]);
        let mut at_one = one.follow(&h, &one.fresh()).await;
        one.ack(&h, &at_one).await;
        two.ack(&h, &two.follow(&h, &two.fresh()).await).await;
        assert_eq!(standing().await, [Standing::Current, Standing::Current]);
        let seq = h.control.run(&ada(&h).await, Revoke(Target::Tenant, None)).await.expect("revokes");
        assert_eq!(standing().await, [Standing::Behind, Standing::Behind]);
        h.advance_ms(400);
        at_one = one.follow(&h, &at_one.trusted).await;
        let mut receipts = h.control.signals().watch_receipts(&h.acme());
        one.ack(&h, &at_one).await;
        assert!(receipts.has_changed().expect("watches"), "whoever waits for receipts is woken");
        receipts.mark_unchanged();
        let confirmed_at = h.now_ms();
        // Saying it again changes nothing.
        h.advance_s(8);
        one.ack(&h, &at_one).await;
        assert!(!receipts.has_changed().expect("watches"));
        let receipt = delivery::receipt(&h.control, &ada(&h).await, seq).await.expect("a receipt");
        assert_eq!(receipt.confirmed, [("gw-1".to_owned(), confirmed_at)]);
        assert_eq!(receipt.unconfirmed, ["gw-2"]);
        let failing = Ack { error: Some(AckError { code: "bad_signature".to_owned(), message: "no\u{7}".to_owned() }), ..ack(&at_one) };
        for _ in 0..2 {
            delivery::acknowledge(&h.control, &two.cx(&h).await, failing.clone()).await.expect("taken");
        }
        assert_eq!(standing().await, [Standing::Current, Standing::Failing]);
        let boasting = Ack { revocation_seq: Some(99), ..ack(&at_one) };
        delivery::acknowledge(&h.control, &two.cx(&h).await, boasting).await.expect("taken");
        assert_eq!(standing().await, [Standing::Current, Standing::Failing]);
        assert_eq!(delivery::receipt(&h.control, &ada(&h).await, 3).await.expect("a receipt").confirmed, []);
        h.advance_s(60);
        assert_eq!(standing().await, [Standing::Silent, Standing::Silent]);
        let events = h.actions().await;
        let count = |wanted: &str| events.iter().filter(|action| *action == wanted).count();
        assert_eq!((count("gateway.activated"), count("gateway.refused")), (2, 2), "one for each change, none for being alive");
    }

    async fn a_tool_that_a_gateway_sees_changed_is_shown_until_it_does_not(h: Harness) {
        crate::world::plant(&h).await;
        let gw = enrol(&h, "gw-1").await;
        let server = h.rows::<store::Server>().await.remove(0);
        let nothing = Ack::default();
        let seen = |digest: &str| Ack { drifted: vec![Drifted { resource: server.resource.clone(), tool: "logs.read".into(), digest: digest.into() }], ..nothing.clone() };
        let report = async |ack: Ack| delivery::acknowledge(&h.control, &gw.cx(&h).await, ack).await.expect("taken");
        let shown = async || {
            let view = control::config::server(&h.control, &ada(&h).await, &server.id).await.expect("a server");
            let tool = view.tools.into_iter().find(|view| view.tool.name == "logs.read").expect("a tool");
            (tool.drifted(), tool.seen_changed_by)
        };
        report(nothing.clone()).await;
        assert_eq!(shown().await, (false, vec![]));
        for _ in 0..2 {
            report(seen("other")).await;
        }
        assert_eq!(shown().await, (true, vec!["gw-1".to_owned()]));
        assert_eq!(control::config::home(&h.control, &ada(&h).await).await.expect("home").drifted.len(), 1);
        // What was accepted meanwhile is not drift, whatever policy that gateway still runs.
        report(seen("d1")).await;
        assert_eq!(shown().await, (false, vec![]));
        report(nothing).await;
        assert_eq!(h.actions().await.iter().filter(|action| *action == "gateway.tools_seen").count(), 3, "once for each change");
    }
}
