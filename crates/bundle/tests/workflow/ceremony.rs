//! Keys that come and go while gateways follow, and signatures that are collected one machine after another.

use bundle::repository::{Delegates, RootKeys, Threshold};
use bundle::{Key, Repository, Role, SignError, Trusted, Unsigned};

use crate::support::{NOW, World, follow, stamp};

fn key() -> Key {
    Key::generate().expect("randomness")
}

fn of(keys: &[&Key], threshold: u32) -> Threshold {
    Threshold { keys: keys.iter().map(|key| key.public().clone()).collect(), threshold }
}

/// As it travels to another machine and back.
fn carried(unsigned: &Unsigned) -> Unsigned {
    serde_json::from_str(&serde_json::to_string(unsigned).expect("writes")).expect("reads")
}

#[test]
fn a_root_of_two_in_three_is_signed_one_after_another_and_followed() {
    let mut world = World::new("acme");
    let before = world.trusted();
    let (anna, ben, cleo) = (key(), key(), key());
    let keys = RootKeys { root: of(&[&anna, &ben, &cleo], 2), ..world.keys.root_keys() };
    let draft = world.repository.prepare_root(&keys, NOW + 100_000).expect("a draft");
    assert_eq!((draft.role(), draft.version(), draft.expires()), (Role::Root, 2, Some(NOW + 100_000)));

    let mut collected = draft.clone();
    for (signer, missing) in [(&world.keys.root, false), (&anna, false), (&cleo, true)] {
        let mut copy = carried(&draft);
        copy.sign(signer).expect("signs");
        collected.merge(&copy).expect("the same document");
        let complete = world.repository.missing(&collected).expect("readable").iter().all(bundle::repository::Missing::is_met);
        assert_eq!(complete, missing);
        if !complete {
            assert!(matches!(world.repository.clone().accept(&collected), Err(SignError::NotSigned { role: Role::Root, .. })));
        }
    }
    world.server.extend(world.repository.accept(&collected).expect("complete"));
    world.touch();
    assert_eq!(follow(&before, &world.server, NOW).expect("an honest update").root_version, 2);

    // The single key of before signs nothing any more.
    let next = world.repository.prepare_root(&keys, NOW + 100_000).expect("a draft");
    let mut alone = next.clone();
    alone.sign(&world.keys.root).expect("signs");
    alone.sign(&ben).expect("signs");
    assert_eq!(world.repository.accept(&alone), Err(SignError::NotSigned { role: Role::Root, valid: 1, threshold: 2 }));
    // Nor can a document be taken on twice, or one that was prepared before another was taken on.
    assert!(matches!(world.repository.accept(&collected), Err(SignError::NotNewer { .. })));
    let mut other = next;
    assert_eq!(other.merge(&collected), Err(SignError::Outdated));
}

#[test]
fn what_others_hand_in_is_kept_only_if_it_is_a_signature() {
    let world = World::new("acme");
    let mut unsigned = world.repository.prepare_root(&world.keys.root_keys(), NOW + 10).expect("a draft");
    unsigned.sign(&world.keys.root).expect("signs");
    unsigned.sign(&key()).expect("a stranger signs");
    let forged = serde_json::to_string(&unsigned).expect("writes").replace(&hex_of(&unsigned, &world.keys.root), "00");
    let mut forged: Unsigned = serde_json::from_str(&forged).expect("reads");
    let may = world.repository.may_sign(&unsigned).expect("readable");
    unsigned.retain_valid(&may).expect("readable");
    assert_eq!(unsigned.signed_by().count(), 1);
    forged.retain_valid(&may).expect("readable");
    assert_eq!(forged.signed_by().count(), 0);
}

fn hex_of(unsigned: &Unsigned, key: &Key) -> String {
    let document = serde_json::to_value(unsigned).expect("writes");
    document["signatures"][key.public().id()].as_str().expect("signed").to_owned()
}

#[test]
fn a_policy_is_signed_elsewhere_by_two() {
    let mut world = World::new("acme");
    let before = world.trusted();
    let (vault, person) = (key(), key());
    let keys = RootKeys { targets: of(&[&vault, &person], 2), ..world.keys.root_keys() };
    let files = world.repository.rotate(&keys, &[&world.keys.root], NOW + 100_000).expect("rotates");
    world.server.extend(files);
    let stamp = world.stamp();
    let mut policy = world.repository.prepare_policy(&world.keys.delegates(), 2, "{\"version\":2}", 0, stamp).expect("prepares");
    policy.sign(&vault).expect("signs");
    assert!(matches!(world.repository.accept(&policy), Err(SignError::NotSigned { valid: 1, threshold: 2, .. })));
    let mut policy = carried(&policy);
    policy.sign(&person).expect("signs");
    world.server.extend(world.repository.accept(&policy).expect("complete"));
    world.assign(2);
    world.seal();
    assert_eq!(follow(&before, &world.server, NOW).expect("an honest update").policy.version, 2);
}

/// Every role's key is replaced while a gateway follows, and one that slept through all of it follows too.
#[test]
fn every_key_rotates_while_gateways_follow_and_one_sleeps_through_it() {
    let mut world = World::new("acme");
    let sleeper = world.trusted();
    let mut awake = world.trusted();
    for (round, role) in
        [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets, Role::Assignment, Role::Revocations].into_iter().enumerate()
    {
        match role {
            Role::Root => world.rotate(|_| ()),
            Role::Timestamp => world.rotate(|keys| keys.timestamp = key()),
            Role::Snapshot => world.rotate(|keys| keys.snapshot = key()),
            Role::Targets => world.rotate(|keys| keys.targets = key()),
            Role::Assignment => world.keys.assignment = key(),
            Role::Revocations => world.keys.revocations = key(),
        }
        if matches!(role, Role::Targets | Role::Assignment | Role::Revocations) {
            relist(&mut world);
        }
        match role {
            Role::Assignment => world.assign(1),
            Role::Revocations | Role::Targets => world.revoke(2 + round as u64),
            _ => {}
        }
        world.seal();
        awake = follow(&awake, &world.server, NOW).unwrap_or_else(|refused| panic!("after {role}: {refused}")).trusted;
    }
    let woken = follow(&sleeper, &world.server, NOW).expect("after all of them");
    assert_eq!((woken.root_version, woken.timestamp), (5, awake.timestamp()));
    Trusted::open(world.pin(), &woken.trusted.to_json(), NOW).expect("and after a restart");
}

/// Signs the list of policies anew, with the delegated keys of now.
fn relist(world: &mut World) {
    let delegates: Delegates = world.keys.delegates();
    let stamp = world.stamp();
    let mut targets = world.repository.prepare_targets(Some(&delegates), 0, stamp).expect("prepares");
    targets.sign(&world.keys.targets).expect("signs");
    world.server.extend(world.repository.accept(&targets).expect("complete"));
}

#[test]
fn a_stolen_delegated_key_that_burnt_its_versions_is_recovered_from() {
    let mut world = World::new("acme");
    let honest = world.repository.clone();
    let mut server = world.server.clone();
    let mut stolen = world.repository.clone();
    server.extend(stolen.revoke(&[&world.keys.revocations], "{}", u64::MAX, stamp(u64::MAX)).expect("signs"));
    server.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(80)).expect("signs"));
    server.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(80)).expect("signs"));
    let burnt = follow(&world.trusted(), &server, NOW).expect("validly signed").trusted;
    (world.repository, world.next) = (honest, 90);
    world.revoke(2);
    world.seal();
    assert_eq!(follow(&burnt, &world.server, NOW).expect_err("goes back").code(), "rollback");
    world.keys.revocations = key();
    relist(&mut world);
    world.revoke(3);
    world.seal();
    assert_eq!(follow(&burnt, &world.server, NOW).expect("a new key starts afresh").revocation_seq, 3);
}

#[test]
fn thresholds_that_cannot_be_met_are_not_signed() {
    let world = World::new("acme");
    let one = key();
    let create = |root: Threshold| {
        let keys = RootKeys { root, ..world.keys.root_keys() };
        Repository::create("acme", &keys, &[&one], NOW + 10).err()
    };
    assert_eq!(create(of(&[&one], 0)), Some(SignError::BadThreshold { role: Role::Root, threshold: 0, keys: 1 }));
    assert_eq!(create(of(&[&one], 2)), Some(SignError::BadThreshold { role: Role::Root, threshold: 2, keys: 1 }));
    assert_eq!(create(of(&[&one, &one], 2)), Some(SignError::BadThreshold { role: Role::Root, threshold: 2, keys: 1 }));
}
