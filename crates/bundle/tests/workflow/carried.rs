//! What was verified before is not verified again, as long as the same keys judge it; and is judged anew as soon as others do.

use bundle::repository::Threshold;
use bundle::{Files, Key, Next, Refused, Response, Trusted, Update};

use crate::support::{NOW, World, follow};

/// How many files' signatures an update verifies.
fn verified(trusted: &Trusted, server: &Files) -> usize {
    let mut update = Update::start(trusted, NOW);
    let mut next = update.proceed().expect("honest");
    loop {
        match next {
            Next::Done(_) => return update.verified(),
            Next::Fetch { path, .. } => {
                let body = server.get(&path).cloned();
                next = update.step(Response { path, body }).expect("honest");
            }
        }
    }
}

fn refusal(trusted: &Trusted, server: &Files) -> Refused {
    follow(trusted, server, NOW).expect_err("has to be refused")
}

fn key() -> Key {
    Key::generate().expect("randomness")
}

#[test]
fn only_what_is_new_is_verified() {
    let mut world = World::new("acme");
    assert_eq!(verified(&Trusted::new(world.pin()), &world.server), 6, "each role once");
    let trusted = world.trusted();
    assert_eq!(verified(&trusted, &world.server), 0);
    world.touch();
    assert_eq!(verified(&trusted, &world.server), 1);
    world.revoke(2);
    world.seal();
    assert_eq!(verified(&trusted, &world.server), 3, "timestamp, snapshot, revocations");
    // By the old root and by itself; what is below it has the same judges.
    world.rotate(|_| ());
    assert_eq!(verified(&world.trusted(), &world.server), 0);
    assert_eq!(verified(&trusted, &world.server), 5);
    // What comes from a disk is verified there.
    let (again, _) = Trusted::open(world.pin(), &trusted.to_json(), NOW).expect("its own");
    assert_eq!(verified(&again, &world.server), 5);
}

#[test]
fn a_file_whose_key_was_taken_away_is_refused_though_it_has_not_changed() {
    for role in ["timestamp", "snapshot", "targets"] {
        let mut world = World::new("acme");
        let trusted = world.trusted();
        // The root drops the key; everything else stays as it was accepted.
        world.rotate(|keys| match role {
            "timestamp" => keys.timestamp = key(),
            "snapshot" => keys.snapshot = key(),
            _ => keys.targets = key(),
        });
        assert_eq!(refusal(&trusted, &world.server).code(), "bad_signature", "{role}");
    }
    // As do targets with the key of a delegated role.
    for role in ["assignment", "revocations"] {
        let mut world = World::new("acme");
        let trusted = world.trusted();
        match role {
            "assignment" => world.keys.assignment = key(),
            _ => world.keys.revocations = key(),
        }
        world.publish(2, 0);
        world.seal();
        assert_eq!(refusal(&trusted, &world.server).code(), "bad_signature", "{role}");
    }
}

#[test]
fn a_file_below_a_threshold_that_was_raised_is_refused_though_it_has_not_changed() {
    let mut world = World::new("acme");
    let trusted = world.trusted();
    let (second, old) = (key(), std::mem::replace(&mut world.keys.root, key()));
    let mut keys = world.keys.root_keys();
    keys.timestamp = Threshold { keys: vec![world.keys.timestamp.public().clone(), second.public().clone()], threshold: 2 };
    world.server.extend(world.repository.rotate(&keys, &[&old, &world.keys.root], NOW + 100_000).expect("signs"));
    assert!(matches!(refusal(&trusted, &world.server), Refused::BadSignature { valid: 1, threshold: 2, .. }));
}
