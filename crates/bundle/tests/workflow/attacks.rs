//! Honest updates, and each attack on the way as a case of its own.

use crate::support::{NOW, World, follow, follow_asking, path, stamp};
use bundle::client::Staleness;
use bundle::{Assignment, Files, Key, Pin, Refused, Role, SignError, Signer, Trusted, Update};

fn refusal(trusted: &Trusted, server: &Files) -> Refused {
    follow(trusted, server, NOW).expect_err("the attack has to be refused")
}

#[test]
fn the_first_update_and_the_next_ones() {
    let mut world = World::new("acme");
    let first = follow(&Trusted::new(world.pin()), &world.server, NOW).expect("first update");
    assert!(first.changed);
    assert_eq!((first.policy.version, first.policy.text()), (1, "{\"version\":1}"));
    assert_eq!((first.revocation_seq, first.revocations.text()), (1, "{\"seq\":1}"));

    let again = follow(&first.trusted, &world.server, NOW).expect("nothing new");
    assert!(!again.changed);
    assert_eq!(again.timestamp, first.timestamp);

    world.revoke(2);
    world.seal();
    let (third, asked) = follow_asking(&again.trusted, &world.server, NOW);
    let third = third.expect("a revocation");
    assert_eq!((third.revocation_seq, third.policy.version), (2, 1));
    assert_eq!(asked.len(), 5, "root probe, timestamp, snapshot, role and list: {asked:?}");

    world.publish(2, 0);
    world.assign(2);
    world.seal();
    let forward = follow(&third.trusted, &world.server, NOW).expect("policy 2");
    assert_eq!(forward.policy.version, 2);
    world.assign(1);
    world.seal();
    let back = follow(&forward.trusted, &world.server, NOW).expect("a revert is a newer assignment");
    assert_eq!((back.policy.version, back.revocation_seq), (1, 2));
}

#[test]
fn a_push_asks_for_no_root() {
    let mut world = World::new("acme");
    let trusted = world.trusted();
    world.touch();
    let mut update = Update::start(&trusted, NOW).without_root_probe();
    let Ok(bundle::Next::Fetch { path, max_len }) = update.proceed() else { panic!("a wish") };
    assert_eq!(path, "metadata/timestamp.json");
    let other = bundle::Response { path: "metadata/2.root.json".into(), body: None };
    assert_eq!(update.step(other).expect_err("not asked for").code(), "unexpected_response");
    let long = vec![b' '; usize::try_from(max_len).expect("small") + 1];
    let mut update = Update::start(&trusted, NOW).without_root_probe();
    assert!(update.proceed().is_ok());
    assert_eq!(update.step(bundle::Response { path, body: Some(long) }).expect_err("too long").code(), "too_large");
}

#[test]
fn every_missing_or_altered_file_refuses_and_is_named() {
    let world = World::new("acme");
    let empty = Trusted::new(world.pin());
    for path in world.server.keys() {
        let mut server = world.server.clone();
        server.remove(path);
        assert_eq!(refusal(&empty, &server), Refused::Missing { file: path.clone() });

        for at in (0..world.server[path].len()).step_by(5) {
            let mut server = world.server.clone();
            server.get_mut(path).expect("there")[at] ^= 1;
            let refused = refusal(&empty, &server);
            assert!(refused.to_string().contains(path) || refused.code() == "pinned_root_mismatch", "{path}@{at}: {refused}");
        }
    }
}

#[test]
fn a_foreign_root_or_tenant_refuses() {
    let world = World::new("acme");
    let other = World::new("umbrella");
    assert_eq!(refusal(&Trusted::new(world.pin()), &other.server).code(), "pinned_root_mismatch");
    let pin = Pin { tenant: "acme".into(), ..other.pin() };
    assert_eq!(refusal(&Trusted::new(pin), &other.server).code(), "foreign_tenant");
    // Mix and match: the foreign tenant's files for one of ours, even were they signed by the same keys.
    for role in ["targets.json", "assignment.json", "revocations.json", "snapshot.json", "timestamp.json"] {
        let mut server = world.server.clone();
        server.insert(path(&world.server, role), other.server[&path(&other.server, role)].clone());
        let code = refusal(&Trusted::new(world.pin()), &server).code();
        assert!(["hash_mismatch", "length_mismatch", "too_large", "bad_signature"].contains(&code), "{role}: {code}");
    }
}

#[test]
fn one_key_for_two_tenants_still_does_not_mix_them() {
    let world = World::new("acme");
    let clone = |key: &Key| Key::from_pkcs8(key.pkcs8()).expect("own key");
    let mut other = World::new("umbrella");
    other.keys.timestamp = clone(&world.keys.timestamp);
    let root_keys = other.keys.root_keys();
    let (mut repository, _) = bundle::Repository::create("umbrella", &root_keys, &[&other.keys.root], NOW + 10).expect("signs");
    let delegates = other.keys.delegates();
    repository.publish(&[&other.keys.targets], &delegates, 1, "{}", 0, stamp(50)).expect("publishes");
    repository.assign(&[&other.keys.assignment], &Assignment::single_ring(1), stamp(50)).expect("assigns");
    repository.revoke(&[&other.keys.revocations], "{}", 9, stamp(50)).expect("revokes");
    repository.snapshot(&[&other.keys.snapshot], stamp(50)).expect("snapshot");
    let foreign = repository.timestamp(&[&other.keys.timestamp], stamp(50)).expect("timestamp");
    let mut server = world.server.clone();
    server.extend(foreign);
    assert_eq!(refusal(&world.trusted(), &server).code(), "foreign_tenant");
}

#[test]
fn old_files_are_a_rollback_and_late_ones_a_freeze() {
    let mut world = World::new("acme");
    let old = world.server.clone();
    world.revoke(2);
    world.seal();
    let trusted = world.trusted();
    let mut server = world.server.clone();
    server.insert("metadata/timestamp.json".into(), old["metadata/timestamp.json"].clone());
    assert_eq!(refusal(&trusted, &server).code(), "rollback");
    let late = follow(&trusted, &world.server, NOW + 1000).expect_err("expired to the second");
    assert_eq!(late.code(), "expired");
    assert!(follow(&trusted, &world.server, NOW + 999).is_ok());
}

#[test]
fn stolen_online_keys_cannot_go_back() {
    let mut world = World::new("acme");
    let before = world.repository.clone();
    world.revoke(2);
    world.seal();
    let trusted = world.trusted();
    // The thief signs a newer timestamp and snapshot over the older list.
    let mut stolen = before;
    let mut server = world.server.clone();
    server.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(90)).expect("signs"));
    server.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(90)).expect("signs"));
    let refused = refusal(&trusted, &server);
    assert!(matches!(&refused, Refused::Rollback { file, .. } if file.contains("revocations")), "{refused}");
    // A newer role version with a lower sequence is no way round it.
    let mut server = world.server.clone();
    let mut stolen = world.repository.clone();
    server.extend(stolen.revoke(&[&world.keys.revocations], "{}", 1, stamp(91)).expect("signs"));
    server.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(91)).expect("signs"));
    server.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(91)).expect("signs"));
    assert!(matches!(refusal(&trusted, &server), Refused::Rollback { file, .. } if file == "revocations/list.json"));
}

fn unsigned(role: Role) -> SignError {
    SignError::NotSigned { role, valid: 0, threshold: 1 }
}

#[test]
fn the_wrong_keys_cannot_sign() {
    let mut world = World::new("acme");
    let wrong = Key::generate().expect("randomness");
    let delegates = world.keys.delegates();
    assert_eq!(world.repository.publish(&[&wrong], &delegates, 2, "{}", 0, stamp(90)), Err(unsigned(Role::Targets)));
    assert_eq!(world.repository.timestamp(&[&wrong], stamp(90)), Err(unsigned(Role::Timestamp)));
    assert!(matches!(world.repository.timestamp(&[&world.keys.timestamp], stamp(1)), Err(SignError::NotNewer { .. })));
    let rings = Assignment::single_ring(7);
    assert_eq!(world.repository.assign(&[&world.keys.assignment], &rings, stamp(90)), Err(SignError::PolicyUnknown(7)));
    assert_eq!(world.repository.publish(&[&world.keys.targets], &delegates, 1, "other", 0, stamp(90)), Err(SignError::PolicyExists(1)));
}

#[test]
fn the_floor_holds_against_an_old_assignment() {
    let mut world = World::new("acme");
    world.publish(2, 2);
    world.seal();
    assert_eq!(refusal(&Trusted::new(world.pin()), &world.server), Refused::BelowFloor { version: 1, floor: 2 });
    assert_eq!(world.repository.policy_versions(), [2]);
    // The floor itself only rises.
    world.publish(3, 0);
    assert_eq!((world.repository.min_version(), world.repository.policy_versions()), (2, vec![2, 3]));
}

#[test]
fn root_keys_rotate_and_fast_forward_is_recovered() {
    let mut world = World::new("acme");
    // A thief with both keys burns the versions.
    let honest = world.repository.clone();
    let mut server = world.server.clone();
    let mut stolen = world.repository.clone();
    server.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(u64::MAX)).expect("signs"));
    server.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(u64::MAX)).expect("signs"));
    let burnt = follow(&world.trusted(), &server, NOW).expect("validly signed").trusted;
    world.repository = honest;
    world.touch();
    assert_eq!(refusal(&burnt, &world.server).code(), "rollback");
    world.rotate(|keys| {
        keys.snapshot = Key::generate().expect("randomness");
        keys.timestamp = Key::generate().expect("randomness");
    });
    world.seal();
    let recovered = follow(&burnt, &world.server, NOW).expect("new keys start afresh");
    assert_eq!((recovered.root_version, recovered.policy.version), (2, 1));
    // The old timestamp key is worth nothing now.
    let mut server = world.server.clone();
    server.insert("metadata/timestamp.json".into(), World::new("acme").server["metadata/timestamp.json"].clone());
    assert_eq!(refusal(&recovered.trusted, &server).code(), "bad_signature");
    // Restart, and a third root on top.
    let (again, _) = Trusted::open(world.pin(), &recovered.trusted.to_json(), NOW).expect("verifies again");
    world.rotate(|_| ());
    assert_eq!(follow(&again, &world.server, NOW).expect("root 3").root_version, 3);
}

#[test]
fn a_root_signed_by_one_side_only_or_skipping_refuses() {
    let mut world = World::new("acme");
    let trusted = world.trusted();
    let newer = Key::generate().expect("randomness");
    let mut keys = world.keys.root_keys();
    keys.root = bundle::repository::Threshold::one(newer.public());
    assert_eq!(world.repository.rotate(&keys, &[&newer], NOW + 10), Err(unsigned(Role::Root)));
    assert_eq!(world.repository.rotate(&keys, &[&world.keys.root], NOW + 10), Err(unsigned(Role::Root)));
    world.rotate(|_| ());
    world.rotate(|_| ());
    let mut server = world.server.clone();
    let third = server.remove("metadata/3.root.json").expect("there");
    server.insert("metadata/2.root.json".into(), third);
    assert_eq!(refusal(&trusted, &server).code(), "bad_signature", "root 3 does not follow root 1");
}

#[test]
fn a_threshold_counts_keys_not_signatures() {
    let world = World::new("acme");
    let second = Key::generate().expect("randomness");
    let mut keys = world.keys.root_keys();
    keys.root.keys.push(second.public().clone());
    keys.root.threshold = 2;
    let create = |signers: &[&dyn Signer]| bundle::Repository::create("acme", &keys, signers, NOW + 10);
    assert_eq!(create(&[&world.keys.root]).err(), Some(SignError::NotSigned { role: Role::Root, valid: 1, threshold: 2 }));
    let (_, files) = create(&[&world.keys.root, &second]).expect("both");
    // The same signature twice, in place of the second key's.
    let mut root: serde_json::Value = serde_json::from_slice(&files["metadata/1.root.json"]).expect("JSON");
    root["signatures"][1] = root["signatures"][0].clone();
    let bytes = serde_json::to_vec(&root).expect("JSON");
    let pin = Pin { root_sha256: bundle::sha256_hex(&bytes), ..world.pin() };
    let server = Files::from([("metadata/1.root.json".to_owned(), bytes)]);
    assert_eq!(refusal(&Trusted::new(pin), &server), Refused::BadSignature { file: "metadata/1.root.json".into(), valid: 1, threshold: 2 });
}

#[test]
fn a_restart_verifies_everything_but_tolerates_age() {
    let world = World::new("acme");
    let trusted = world.trusted();
    let document = trusted.to_json();
    let (again, restored) = Trusted::open(world.pin(), &document, NOW).expect("verifies");
    assert!(restored.staleness.is_fresh());
    assert_eq!(restored.activated.expect("state").policy.version, 1);
    assert_eq!(again.to_json(), document);
    let stale = again.reverify(NOW + 2000).expect("old is not refused at start").staleness;
    assert_eq!(stale.expired.len(), 5, "all but the root: {stale:?}");
    assert_eq!(stale.fresh_until, Some(NOW + 1000));
    assert_eq!(Trusted::new(world.pin()).reverify(NOW).expect("empty").staleness, Staleness::default());

    for at in (0..document.len()).step_by(5) {
        let mut altered = document.clone();
        altered[at] ^= 1;
        assert!(Trusted::open(world.pin(), &altered, NOW).is_err(), "byte {at}");
    }
    let other = Pin { gateway: "gw_2".into(), ..world.pin() };
    assert_eq!(Trusted::open(other, &document, NOW).expect_err("foreign").code(), "foreign_state");
}
