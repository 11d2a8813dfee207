//! OPAs in the fleet: enrolled with a token, served signed bundles, believed for what they report.

mod elsewhere;

use super::*;
use control::Actor;
use control::delivery::opa::{self, EnrolOpa, NewToken, Offered, OpaEnrolled, Paths, PrintConfiguration, RefreshArchives};
use control::delivery::{RemoveGateway, Standing};
use control::keys::{RotateKeys, Rotated};
use opa_peer::config::Config;
use opa_peer::load::{SIZE_LIMIT, load};
use serde_json::{Value, json};

type Lane = ::opa::Lane;

pub(super) async fn enrol_opa(h: &Harness, name: &str) -> OpaEnrolled {
    h.control.run(&ada(h).await, EnrolOpa { name: name.to_owned() }).await.expect("enrolled")
}

async fn as_opa(h: &Harness, token: &str) -> Result<Ctx> {
    opa::authenticate(&h.control, "acme", token, "req-opa").await
}

async fn system(h: &Harness) -> Ctx {
    h.cx(Actor::System).await
}

/// What lies ready for this OPA, with its bytes.
pub(super) async fn served(h: &Harness, client: &str, lane: Lane) -> Option<(opa::Offer, Vec<u8>)> {
    let cx = system(h).await;
    let shelf = opa::heads(&h.control, &cx).await.expect("heads");
    let offer = shelf.offer(client, lane)?.clone();
    let bytes = opa::archive(&h.control, &cx, &offer).await.expect("the database answers").expect("is there");
    Some((offer, bytes))
}

pub(super) async fn config(h: &Harness, client: &str) -> Config {
    let paths = Paths { token: "/etc/opa/token".to_owned(), state: "/var/lib/opa".to_owned() };
    let printed = h.control.run(&ada(h).await, PrintConfiguration { client: client.to_owned(), paths }).await.expect("printed");
    Config::read(&printed).expect("an OPA reads it")
}

fn status(policy: Option<&str>, revocations: Option<&str>, error: Option<&str>) -> ::opa::status::Report {
    let mut bundles = json!({ "writ-policy": { "name": "writ-policy" }, "writ-revocations": { "name": "writ-revocations" } });
    bundles["writ-policy"]["active_revision"] = json!(policy.unwrap_or_default());
    bundles["writ-revocations"]["active_revision"] = json!(revocations.unwrap_or_default());
    if let Some(error) = error {
        (bundles["writ-policy"]["code"], bundles["writ-policy"]["message"]) = (json!("bundle_error"), json!(error));
    }
    let body = json!({ "labels": { "version": "1.20.2" }, "bundles": bundles });
    ::opa::status::Report::read(body.to_string().as_bytes()).expect("a report")
}

async fn standing(h: &Harness, id: &str) -> (Standing, Option<i64>, Option<i64>, Option<String>) {
    let fleet = delivery::fleet(&h.control, &ada(h).await).await.expect("a fleet");
    let row = fleet.gateways.into_iter().find(|row| row.id == id).expect("in the fleet");
    assert!(row.is_opa);
    (row.standing, row.policy_version, row.revocation_seq, row.error.map(|(_, text)| text))
}

on_each_database! {
    async fn a_token_is_told_once_replaced_without_a_pause_and_taken_back(h: Harness) {
        let opa = enrol_opa(&h, "opa-1").await;
        assert!(opa.id.starts_with("opa_") && opa.token.starts_with("wot_"));
        assert_eq!(as_opa(&h, &opa.token).await.expect("known").actor, Actor::Gateway(opa.id.clone()));
        assert!(h.rows::<store::OpaToken>().await.iter().all(|row| row.id != opa.token && row.used_ms.is_some()));
        // Both work until the new one is used.
        let new = |at_once| NewToken { client: opa.id.clone(), at_once };
        let second = h.control.run(&ada(&h).await, new(false)).await.expect("made").token;
        as_opa(&h, &opa.token).await.expect("still known");
        // One that was never used makes room for the next.
        let third = h.control.run(&ada(&h).await, new(false)).await.expect("made").token;
        assert!(as_opa(&h, &second).await.is_err());
        as_opa(&h, &third).await.expect("known");
        assert!(as_opa(&h, &opa.token).await.is_err());
        let fourth = h.control.run(&ada(&h).await, new(true)).await.expect("made").token;
        assert!(as_opa(&h, &third).await.is_err());
        as_opa(&h, &fourth).await.expect("known");
        for stranger in ["", "wot_", "wge_x", &fourth[..20], &fourth.to_uppercase()] {
            assert!(matches!(as_opa(&h, stranger).await, Err(Error::Forbidden(_))), "{stranger}");
        }
        h.tenant("beta").await;
        for tenant in ["beta", "nobody", "No"] {
            assert!(matches!(opa::authenticate(&h.control, tenant, &fourth, "r").await, Err(Error::Forbidden(_))), "{tenant}");
        }
        h.control.run(&ada(&h).await, RemoveGateway { id: opa.id.clone() }).await.expect("removed");
        assert!(as_opa(&h, &fourth).await.is_err());
        assert!(h.rows::<store::OpaToken>().await.is_empty() && h.rows::<store::OpaClient>().await.is_empty());
        let count = |action: &str, actions: &[String]| actions.iter().filter(|held| *held == action).count();
        let actions = h.actions().await;
        assert_eq!((count("opa.enrol", &actions), count("opa.token", &actions), count("opa.token_used", &actions)), (1, 3, 3));
    }

    async fn names_are_shared_with_gateways_and_only_operators_enrol(h: Harness) {
        configure(&h).await;
        enrol(&h, "gw-1").await;
        enrol_opa(&h, "opa-1").await;
        for name in ["gw-1", "opa-1", "Not A Name", ""] {
            let error = h.control.run(&ada(&h).await, EnrolOpa { name: name.to_owned() }).await.err();
            assert!(matches!(error, Some(Error::Refused { .. } | Error::Invalid(_))), "{name}");
        }
        let auditor = h.person("usr_aud", &[AdminRole::Auditor]).await;
        assert!(matches!(h.control.run(&auditor, EnrolOpa { name: "opa-2".to_owned() }).await, Err(Error::Forbidden(_))));
        let id = opa::opa_named(&h.control, &ada(&h).await, "opa-1").await.expect("known");
        assert!(matches!(h.control.run(&auditor, NewToken { client: id, at_once: true }).await, Err(Error::Forbidden(_))));
        assert!(matches!(opa::opa_named(&h.control, &ada(&h).await, "gw-1").await, Err(Error::NotFound)));
        assert!(matches!(delivery::own_gateway_named(&h.control, &ada(&h).await, "opa-1").await, Err(Error::NotFound)));
        // A gateway's assertion is no token, and an OPA's id in an assertion is nobody's.
        let gateway = delivery::fleet(&h.control, &ada(&h).await).await.expect("a fleet").gateways.into_iter().find(|row| !row.is_opa).expect("there");
        assert!(matches!(h.control.run(&ada(&h).await, NewToken { client: gateway.id, at_once: true }).await, Err(Error::NotFound)));
    }

    async fn nothing_is_served_before_the_first_publish_and_both_bundles_after_it(h: Harness) {
        configure(&h).await;
        let opa = enrol_opa(&h, "opa-1").await;
        assert!(served(&h, &opa.id, Lane::Policy).await.is_none() && served(&h, &opa.id, Lane::Revocations).await.is_none());
        publish(&h).await.expect("published");
        let config = config(&h, &opa.id).await;
        for lane in Lane::ALL {
            let (offer, bytes) = served(&h, &opa.id, lane).await.expect("served");
            assert_eq!(offer.sha256, control::sha256_hex(&bytes));
            let name = lane.bundle_name();
            let loaded = load(&bytes, config.verification(name).as_ref(), config.bundles[name].persist, SIZE_LIMIT).expect("verifies");
            assert_eq!((loaded.manifest.revision.as_str(), &loaded.manifest.metadata["tenant"]), (offer.revision.as_str(), &json!("acme")));
            // Equal content is equal bytes: nothing is signed again for a second OPA.
            assert_eq!(served(&h, "opa_other", lane).await.expect("served").0, offer);
        }
        let (_, policy) = served(&h, &opa.id, Lane::Policy).await.expect("served");
        let data = load(&policy, None, true, SIZE_LIMIT);
        assert_eq!(data, Err(opa_peer::Refused::NoKeys));
        h.tenant("beta").await;
        let beta = h.cx_in("beta", Actor::System).await;
        let shelf = opa::heads(&h.control, &beta).await.expect("heads");
        assert!(shelf.archives.is_empty() && Lane::ALL.iter().all(|lane| shelf.offer("opa_1", *lane).is_none()));
    }

    async fn an_opa_that_comes_after_the_publish_finds_its_bundles_ready(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("published");
        // The policy's bundle is signed with the publish, whether or not anybody asks for it yet.
        assert_eq!(h.rows::<store::OpaArchive>().await.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["policy/1"]);
        let opa = enrol_opa(&h, "opa-1").await;
        assert!(served(&h, &opa.id, Lane::Revocations).await.is_some());
    }

    async fn a_revocation_is_in_the_very_next_bundle(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("published");
        let opa = enrol_opa(&h, "opa-1").await;
        let config = config(&h, &opa.id).await;
        let loaded = async || {
            let (_, bytes) = served(&h, &opa.id, Lane::Revocations).await.expect("served");
            let name = Lane::Revocations.bundle_name();
            load(&bytes, config.verification(name).as_ref(), true, SIZE_LIMIT).expect("verifies")
        };
        let before = loaded().await;
        assert_eq!(before.data["writ"]["revocations"]["marks"], json!({}));
        h.advance_s(1);
        let seq = h.control.run(&ada(&h).await, Revoke(Target::User("usr_dev".into()), None)).await.expect("revoked");
        let after = loaded().await;
        assert_eq!(after.manifest.metadata["seq"], json!(seq));
        assert_eq!(after.data["writ"]["revocations"]["marks"]["user"].as_object().map(serde_json::Map::len), Some(1));
        let text = after.data.to_string();
        assert!(!text.contains("usr_dev"), "whom it concerns is hashed: {text}");
        let fresh = |bundle: &opa_peer::Bundle| bundle.manifest.metadata["fresh_until_ns"].as_i64().expect("a time") / 1_000_000_000;
        assert_eq!((fresh(&before), fresh(&after)), (START_MS / 1000 + 600, START_MS / 1000 + 601));
    }

    async fn upkeep_keeps_bundles_fresh_and_signs_nothing_needlessly(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("published");
        let keep = async || h.control.keep(&h.acme(), RefreshArchives).await.expect("kept");
        assert!(!keep().await, "there is no OPA");
        let opa = enrol_opa(&h, "opa-1").await;
        assert!(!keep().await, "all was signed at enrolment");
        let first = served(&h, &opa.id, Lane::Revocations).await.expect("served").0;
        h.advance_s(179);
        assert!(!keep().await);
        h.advance_s(1);
        assert!(keep().await);
        let second = served(&h, &opa.id, Lane::Revocations).await.expect("served").0;
        assert_ne!(first.sha256, second.sha256);
        // A month before its end the policy is signed for another while, under a revision of its own.
        let policy = served(&h, &opa.id, Lane::Policy).await.expect("served").0;
        h.advance_s(59 * 24 * 3600);
        keep().await;
        assert_eq!(served(&h, &opa.id, Lane::Policy).await.expect("served").0, policy);
        h.advance_s(24 * 3600);
        assert!(keep().await);
        let renewed = served(&h, &opa.id, Lane::Policy).await.expect("served").0;
        assert_ne!((policy.sha256, policy.revision), (renewed.sha256, renewed.revision));
        let row = h.row::<store::OpaArchive>("policy/1").await.expect("there");
        assert!(row.expires_ms - h.now_ms() > 80 * 24 * 3600 * 1000);
        // A clock that was set back makes the last signature one from the future.
        h.advance_s(-24 * 3600);
        assert!(keep().await);
    }

    async fn another_key_signs_what_lies_ready_again_and_whoever_pins_the_old_one_is_shown(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("published");
        let opa = enrol_opa(&h, "opa-1").await;
        let before = config(&h, &opa.id).await;
        let keep = async || h.control.keep(&h.acme(), RefreshArchives).await.expect("kept");
        let pins_old_key = async || opa::opa(&h.control, &ada(&h).await, &opa.id).await.expect("known").pins_old_key;
        assert!(!keep().await && !pins_old_key().await);
        h.advance_s(1);
        // Both keys are replaced, and lie here: first the one, then what it delegates to.
        for role in [bundle::Role::Targets, bundle::Role::Revocations] {
            let rotate = RotateKeys { roles: vec![role], elsewhere: None, service: None, replaces: None, compromised: false };
            let rotated = h.control.run(&ada(&h).await, rotate).await.expect("rotated").rotated;
            assert!(matches!(rotated, Rotated::Done), "{rotated:?}");
        }
        assert!(pins_old_key().await);
        keep().await;
        assert!(!keep().await, "once");
        for lane in Lane::ALL {
            let (_, bytes) = served(&h, &opa.id, lane).await.expect("served");
            let name = lane.bundle_name();
            assert!(load(&bytes, before.verification(name).as_ref(), true, SIZE_LIMIT).is_err(), "{name} by the old key");
            let printed = config(&h, &opa.id).await;
            load(&bytes, printed.verification(name).as_ref(), true, SIZE_LIMIT).expect("by the new key");
        }
        assert!(!pins_old_key().await, "its configuration was printed again");

        // The policy key moves elsewhere. What lies ready stays until that key has signed it anew.
        h.advance_s(1);
        let policy = served(&h, &opa.id, Lane::Policy).await.expect("served").0;
        super::keys::policy_key_elsewhere(&h).await;
        assert!(!keep().await && pins_old_key().await);
        assert_eq!(served(&h, &opa.id, Lane::Policy).await.expect("served").0, policy);
    }

    async fn an_opas_report_is_its_acknowledgement(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("published");
        let opa = enrol_opa(&h, "opa-1").await;
        assert_eq!(standing(&h, &opa.id).await.0, Standing::New);
        let cx = as_opa(&h, &opa.token).await.expect("known");
        let offers = async || Offered {
            policy: served(&h, &opa.id, Lane::Policy).await.map(|(offer, _)| offer),
            revocations: served(&h, &opa.id, Lane::Revocations).await.map(|(offer, _)| offer),
        };
        let report = async |report: &::opa::status::Report| {
            let cx = Ctx { now_ms: h.now_ms(), ..cx.clone() };
            opa::report(&h.control, &cx, report, &offers().await).await.expect("taken");
        };
        let first = offers().await;
        let (policy, list) = (first.policy.expect("offered").revision, first.revocations.expect("offered").revision);
        report(&status(None, None, None)).await;
        assert_eq!(standing(&h, &opa.id).await, (Standing::Behind, None, None, None));
        report(&status(Some(&policy), Some(&list), None)).await;
        assert_eq!(standing(&h, &opa.id).await, (Standing::Current, Some(1), Some(0), None));

        // It does not put the next one in force: that is said until it does, or until there is another.
        h.advance_s(10);
        h.control.run(&ada(&h).await, SetRole("developer", &[])).await.expect("edited");
        publish(&h).await.expect("published");
        report(&status(Some(&policy), Some(&list), Some("scope mismatch"))).await;
        let failing = (Standing::Failing, Some(1), Some(0), Some("policy: scope mismatch".to_owned()));
        assert_eq!(standing(&h, &opa.id).await, failing);
        let refused = opa::refused(&h.control, &cx, Lane::Policy).await.expect("known");
        assert_eq!(refused, offers().await.policy.map(|offer| offer.sha256));
        report(&status(Some(&policy), Some(&list), None)).await;
        assert_eq!(standing(&h, &opa.id).await, failing, "an OPA forgets its error once it is told that there is nothing newer");
        let newer = offers().await.policy.expect("offered").revision;
        report(&status(Some(&newer), Some(&list), None)).await;
        assert_eq!(standing(&h, &opa.id).await, (Standing::Current, Some(2), Some(0), None));
        assert_eq!(opa::refused(&h.control, &cx, Lane::Policy).await.expect("known"), None);

        // A revocation is confirmed by whoever runs its sequence.
        let seq = h.control.run(&ada(&h).await, Revoke(Target::User("usr_dev".into()), None)).await.expect("revoked");
        assert_eq!(standing(&h, &opa.id).await.0, Standing::Behind);
        let receipt = async || delivery::receipt(&h.control, &ada(&h).await, seq).await.expect("a receipt");
        assert_eq!(receipt().await.unconfirmed, ["opa-1"]);
        let list = offers().await.revocations.expect("offered").revision;
        report(&status(Some(&newer), Some(&list), None)).await;
        assert_eq!(receipt().await.confirmed.len(), 1);
        // It is told something within a minute, and so is heard of: silence takes longer than a gateway's.
        h.advance_s(149);
        assert_eq!(standing(&h, &opa.id).await.0, Standing::Current);
        h.advance_s(2);
        assert_eq!(standing(&h, &opa.id).await.0, Standing::Silent);
        let actions = h.actions().await;
        assert_eq!(actions.iter().filter(|action| *action == "gateway.refused").count(), 1);
    }

    async fn what_an_opa_decided_is_in_the_log_once(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("published");
        let opa = enrol_opa(&h, "opa-1").await;
        h.plant(super::decisions::grant("grt_1", "usr_dev")).await;
        let cx = as_opa(&h, &opa.token).await.expect("known");
        let event = |id: &str, method: &str, allow: bool| json!({
            "decision_id": id, "path": "writ/decision", "timestamp": "2026-11-23T09:00:00Z",
            "bundles": { "writ-policy": { "revision": format!("policy-1-{}-1", "0f".repeat(32)) } },
            "input": { "method": method, "tool": "logs.read", "resource": RESOURCE, "token": {
                "sub": "usr_dev", "sub_profile": "user", "client_id": "cli_ide", "jti": "jti_1", "sid": "ses_1", "act": { "sub": "agt_1" },
                "grants": [{ "id": "grt_1" }] } },
            "result": { "allow": allow, "reason": if allow { "allowed" } else { "user_blocked" }, "scope": "logs.read",
                "supply": if allow { json!({ "kind": "grant", "id": "grt_1" }) } else { Value::Null } },
        });
        let take = async |events: Value| {
            let events = ::opa::decision_log::Events::read(events.to_string().as_bytes()).expect("read");
            opa::take(&h.control, &cx, events).await.expect("taken");
        };
        take(json!([event("d1", "tools/call", true), event("d2", "tools/call", false), event("d3", "ping", true)])).await;
        // The answer was lost: the same again, cut otherwise, and something of another policy.
        take(json!([event("d2", "tools/call", false), event("d4", "tools/list", true), { "decision_id": "x", "path": "kubernetes" }])).await;
        take(json!([])).await;
        let calls = super::decisions::calls(&h).await;
        assert_eq!(calls.len(), 3, "d1, d2, d4; keeping a conversation alive is worth no line");
        assert!(calls.iter().all(|call| call.actor_id == "usr_dev" && call.client_id.as_deref() == Some("cli_ide") && call.agent_id.as_deref() == Some("agt_1")));
        assert_eq!(calls.iter().filter(|call| call.outcome == "denied").count(), 1);
        let body: Value = serde_json::from_str(&calls[0].body).expect("JSON");
        assert_eq!((&body["details"]["gateway"], &body["details"]["gateway_name"]), (&json!(opa.id), &json!("opa-1")));
        assert_eq!(h.row::<store::Grant>("grt_1").await.expect("there").first_used_ms, Some(START_MS));
        let actions = h.actions().await;
        assert_eq!(actions.iter().filter(|action| *action == "decisions.opa").count(), 2);
        assert_eq!(actions.iter().filter(|action| *action == "grant.first_used").count(), 1);
        // What was known for a week is forgotten.
        h.advance_s(8 * 24 * 3600);
        assert_eq!(h.control.keep(&h.acme(), opa::ForgetDecisions).await.expect("kept"), 4);
    }

    async fn a_name_that_no_bundle_can_carry_is_the_publishers_to_mend(h: Harness) {
        configure(&h).await;
        h.plant(store::Scope {
            id: "odd".to_owned(), sentence: "Odd".to_owned(), risk: "low".to_owned(), max_auth_age: None, acr: Some("m\u{8}fa".to_owned()), version: 1,
        }).await;
        let draft = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft").draft;
        let refused = h.control.run(&ada(&h).await, Publish { note: String::new(), expected_draft: draft }).await;
        assert_eq!(code(refused), "opa_name");
        assert!(h.rows::<store::Bundle>().await.is_empty(), "nothing was published");
    }
}

#[tokio::test]
async fn another_replica_serves_what_one_has_signed() {
    let h = Harness::sqlite().await;
    configure(&h).await;
    publish(&h).await.expect("published");
    let opa = enrol_opa(&h, "opa-1").await;
    let again = h.another(2).await;
    let cx = again.ctx("acme", Actor::System, "r").await.expect("a tenant");
    let shelf = opa::heads(&again, &cx).await.expect("heads");
    assert_eq!(shelf, opa::heads(&h.control, &system(&h).await).await.expect("heads"));
    let offer = shelf.offer(&opa.id, Lane::Policy).expect("offered");
    assert!(opa::archive(&again, &cx, offer).await.expect("answers").is_some());
}
