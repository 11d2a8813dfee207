//! Every placement of the six roles, here or in the service.

use super::*;
use crate::delivery::opa::{config, enrol_opa, served};
use control::delivery::opa::RefreshArchives;
use control::delivery::rollout::{PinGateway, UnpinGateway};
use control::keys::{RaiseFloor, RotateAuditLog, RotateTokenKey};
use opa_peer::load::{SIZE_LIMIT, load};

/// What gateways and OPAs were told at the end.
#[derive(Debug, PartialEq)]
struct Told {
    policy: u64,
    pinned: u64,
    floor_kept: bool,
    revoked: Vec<usize>,
    versions: [i64; 5],
    for_opas: Vec<String>,
}

/// A tenant's life in short, with these keys in the service; everything is verified by the gateways' own client and by what an OPA does.
async fn life(h: &Harness, placed: &[Role]) -> Told {
    configure(h).await;
    place_all(h, placed).await;
    for each in Role::ALL {
        let expected = if placed.contains(&each) { Place::Service(format!("test:{each}@1")) } else { Place::Here };
        let keys = role(h, each).await;
        assert_eq!((&keys.keys[0].place, keys.keys.len(), keys.signed_here), (&expected, 1, true), "{each}");
    }
    publish(h).await.expect("publishes");
    let gw = enrol(h, "gw-1").await;
    let sleeper = gw.follow(h, &gw.fresh()).await;
    let opa = enrol_opa(h, "opa-1").await;
    let mut awake = sleeper.clone();
    let mut revoked = Vec::new();
    for grant in ["grt_1", "grt_2"] {
        revoke(h, grant).await.expect("revokes");
        awake = gw.follow(h, &awake.trusted).await;
        revoked.push(list(&awake).entries().len());
        h.advance_s(60);
    }
    h.control.run(&ada(h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
    publish(h).await.expect("publishes");
    awake = gw.follow(h, &awake.trusted).await;
    let pin = PinGateway { gateway: gw.id.clone(), version: 1, until_s: h.now_s() + 3600, reason: "to see".to_owned() };
    h.control.run(&ada(h).await, pin).await.expect("pinned");
    awake = gw.follow(h, &awake.trusted).await;
    let pinned = awake.policy.version;
    h.control.run(&ada(h).await, UnpinGateway { gateway: gw.id.clone() }).await.expect("unpinned");
    awake = gw.follow(h, &awake.trusted).await;
    // Keys whose public half is made in the very run that has it signed.
    h.control.run(&ada(h).await, RotateTokenKey { compromised: true }).await.expect("rotates");
    h.control.run(&ada(h).await, RotateAuditLog { compromised: false }).await.expect("rotates");
    awake = gw.follow(h, &awake.trusted).await;
    h.control.run(&ada(h).await, RaiseFloor { min_version: awake.policy.version }).await.expect("raised");
    // Everything is renewed.
    for days in [5, 60, 300] {
        h.advance_s(days * 24 * 3600);
        assert!(h.control.keep(&h.acme(), RefreshTimestamp).await.expect("kept"));
        assert!(h.control.keep(&h.acme(), RefreshArchives).await.expect("kept"));
        awake = gw.follow(h, &awake.trusted).await;
    }
    let slept = gw.follow(h, &sleeper.trusted).await;
    assert_eq!((slept.timestamp, slept.root_version), (awake.timestamp, awake.root_version));
    let (config, mut for_opas) = (config(h, &opa.id).await, Vec::new());
    for lane in ::opa::Lane::ALL {
        let (offer, bytes) = served(h, &opa.id, lane).await.expect("served");
        let name = lane.bundle_name();
        load(&bytes, config.verification(name).as_ref(), config.bundles[name].persist, SIZE_LIMIT).expect("verifies");
        // The hash in it is over keys that differ each time.
        for_opas.push(offer.revision.split('-').filter(|part| part.len() < 64).collect::<Vec<_>>().join("-"));
    }
    let state = h.rows::<store::TufState>().await.remove(0);
    Told {
        policy: awake.policy.version,
        pinned,
        floor_kept: publish_below_is_refused(h).await,
        revoked,
        versions: [state.targets, state.assignment, state.revocations, state.snapshot, state.timestamp],
        for_opas,
    }
}

async fn publish_below_is_refused(h: &Harness) -> bool {
    let pin =
        PinGateway { gateway: h.rows::<store::Gateway>().await[0].id.clone(), version: 1, until_s: h.now_s() + 3600, reason: "no".into() };
    h.control.run(&ada(h).await, pin).await.is_err()
}

/// The roles of a number below 64.
fn placement(mask: usize) -> Vec<Role> {
    Role::ALL.into_iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, role)| role).collect()
}

/// What differs between placements: moving a key that the policy key names, before anything is published, signs nothing; moving one that the root
/// names makes a root, which is not compared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_placement_tells_gateways_and_opas_the_same() {
    let here = life(&Harness::sqlite().await, &[]).await;
    assert_eq!((here.policy, here.pinned, &here.revoked[..], here.floor_kept), (4, 1, &[1, 2][..], true));
    // Each alone, all but each, all, and such in which what lies here and what does not takes turns. (All 63 hold, in a minute.)
    let alone = (0..6).map(|bit| 1 << bit);
    let masks = alone.clone().chain(alone.map(|bit| 0b11_1111 ^ bit)).chain([0b11_1111, 0b01_0101, 0b10_1010, 0b10_0110]);
    for mask in masks {
        let h = Harness::sqlite().await;
        let told = life(&h, &placement(mask)).await;
        assert_eq!(told, here, "{:?}", placement(mask));
    }
}

on_each_database! {
    async fn with_all_of_them_in_the_service_a_revocation_takes_three_answers(h: Harness) {
        configure(&h).await;
        place_all(&h, &Role::ALL).await;
        publish(&h).await.expect("publishes");
        // The list of policies, who runs which, the bundle for OPAs, and what follows from it.
        assert_eq!(asked(&h), ["targets", "assignment", "targets", "revocations", "snapshot", "timestamp"]);
        revoke(&h, "grt_1").await.expect("revokes");
        assert_eq!(asked(&h), ["revocations", "snapshot", "timestamp"]);
        enrol_opa(&h, "opa-1").await;
        asked(&h);
        revoke(&h, "grt_2").await.expect("revokes");
        assert_eq!(asked(&h), ["revocations", "revocations", "snapshot", "timestamp"]);
        // Nothing is asked for that is not needed.
        h.control.keep(&h.acme(), RefreshTimestamp).await.expect("kept");
        h.plant(store::Scope { id: "x.read".into(), sentence: "x".into(), risk: "low".into(), max_auth_age: None, acr: None, version: 1 }).await;
        assert!(asked(&h).is_empty());
    }

    async fn all_of_them_in_the_service_on_this_database_too(h: Harness) {
        let told = life(&h, &Role::ALL).await;
        assert_eq!((told.policy, told.pinned, &told.revoked[..]), (4, 1, &[1, 2][..]));
    }

    async fn a_key_goes_into_the_service_while_gateways_follow_and_comes_back(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let mut awake = gw.follow(&h, &gw.fresh()).await;
        for each in Role::ALL {
            h.advance_ms(10);
            let before = role(&h, each).await.keys[0].id.clone();
            let done = place(&h, each).await.expect("rotates");
            assert!(matches!(done.rotated, Rotated::Done), "{done:?}");
            let there = role(&h, each).await;
            assert_eq!((&there.keys[0].place, &done.keys), (&Place::Service(format!("test:{each}@1")), &vec![(each, there.keys[0].id.clone())]));
            awake = gw.follow(&h, &awake.trusted).await;
            // The private half that lay here is gone.
            assert!(h.rows::<store::Key>().await.iter().all(|row| row.purpose != format!("tuf-{each}") || row.sealed.is_empty()));
            assert_ne!(there.keys[0].id, before);
        }
        revoke(&h, "grt_1").await.expect("revokes");
        awake = gw.follow(&h, &awake.trusted).await;
        for each in Role::ALL {
            h.advance_ms(10);
            h.control.run(&ada(&h).await, rotate(&[each])).await.expect("rotates");
            assert_eq!(role(&h, each).await.keys[0].place, Place::Here);
            awake = gw.follow(&h, &awake.trusted).await;
        }
        h.service.asked();
        revoke(&h, "grt_2").await.expect("revokes");
        assert_eq!((asked(&h).len(), list(&gw.follow(&h, &awake.trusted).await).entries().len()), (0, 2));
        // Where each key was and is stays on record.
        let events = h.rows::<store::AuditEvent>().await;
        for each in Role::ALL {
            let named = format!("\"{each}\":\"test:{each}@1\"");
            assert_eq!(events.iter().filter(|event| event.body.contains(&named)).count(), 1, "{each}");
        }
    }

    async fn with_the_root_elsewhere_a_key_in_the_service_waits_for_its_people(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        let anna = key();
        let moved = propose(&h, vec![KeyChange::Elsewhere { role: Role::Root, key: anna.public().clone() }]).await.expect("written down");
        submit(&h, vec![signed(&moved, &[&anna])]).await.expect("taken");
        // Proposed twice, since the first file was lost.
        place(&h, Role::Timestamp).await.expect("written down");
        let Rotated::Proposed(proposal) = place(&h, Role::Timestamp).await.expect("written down").rotated else { panic!("waits") };
        assert_eq!(role(&h, Role::Timestamp).await.keys[0].place, Place::Here);
        submit(&h, vec![signed(&proposal, &[&anna])]).await.expect("taken");
        assert_eq!(role(&h, Role::Timestamp).await.keys[0].place, Place::Service("test:timestamp@1".to_owned()));
        revoke(&h, "grt_1").await.expect("revokes");
        assert_eq!(gw.follow(&h, &before.trusted).await.root_version, 3);
    }

    async fn what_is_no_key_of_its_own_is_refused(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        for nonsense in ["", "test", "test:", ":x", "te st:x", "test:x y", "TEST:x", &format!("test:{}", "x".repeat(300))] {
            assert_eq!(code(place_as(&h, Role::Timestamp, nonsense).await), "invalid", "{nonsense}");
        }
        assert_eq!(code(place_as(&h, Role::Timestamp, "test:unknown").await), "no_such_key");
        assert_eq!(code(place_as(&h, Role::Timestamp, "other:timestamp").await), "no_such_key");
        place(&h, Role::Timestamp).await.expect("rotates");
        assert_eq!(code(place_as(&h, Role::Timestamp, "test:timestamp").await), "known_key");
        for each in Role::ALL.into_iter().filter(|role| *role != Role::Timestamp) {
            assert_eq!(code(place_as(&h, each, "test:timestamp").await), "shared_key", "{each}");
        }
        let both = prove(&h.control, &ada(&h).await, "test:both").await.expect("signs");
        let two = RotateKeys { service: Some(both.clone()), ..rotate(&[Role::Snapshot, Role::Timestamp]) };
        assert_eq!(code(h.control.run(&ada(&h).await, two).await), "invalid");
        let both = RotateKeys { service: Some(both), elsewhere: Some(key().public().clone()), ..rotate(&[Role::Snapshot]) };
        assert_eq!(code(h.control.run(&ada(&h).await, both).await), "invalid");
        let auditor = h.person("usr_olga", &[AdminRole::Auditor]).await;
        assert_eq!(code(prove(&h.control, &auditor, "test:x").await), "forbidden");
        policy_key_elsewhere(&h).await;
        assert_eq!(code(place(&h, Role::Targets).await), "key_elsewhere");
        // A key that answers and does not sign is found out before anything depends on it.
        h.service.answers(Answers::WithAnotherKey);
        assert_eq!(code(place_as(&h, Role::Snapshot, "test:wrong").await), "service_refused");
        assert_eq!(role(&h, Role::Snapshot).await.keys[0].place, Place::Here);
    }
}
