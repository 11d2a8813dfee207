//! Which version a gateway takes, and that a restart in between changes nothing.

use std::collections::BTreeMap;

use bundle::assignment::{Assignment, Members, Pinned, Ring};
use bundle::{Pin, Refused, SignError, Trusted};

use crate::support::{NOW, World, follow, path};

fn ring(name: &str, members: Members, version: u64) -> Ring {
    Ring { name: name.to_owned(), members, version }
}

fn canary() -> BTreeMap<String, String> {
    BTreeMap::from([("ring".to_owned(), "canary".to_owned())])
}

/// Policy 2 for canaries, 1 for the others, and one gateway pinned to 1 for a while.
fn world() -> World {
    let mut world = World::new("acme");
    world.publish(2, 0);
    let stamp = world.stamp();
    let document = Assignment {
        rings: vec![ring("canary", Members::Labels(canary()), 2), ring("all", Members::All, 1)],
        pins: BTreeMap::from([("gw_pinned".to_owned(), Pinned { version: 1, until: NOW + 100 })]),
        min_version: 0,
    };
    world.server.extend(world.repository.assign(&[&world.keys.assignment], &document, stamp).expect("assigns"));
    world.seal();
    world
}

#[test]
fn a_gateway_takes_the_version_of_its_ring() {
    let world = world();
    let version = |pin: Pin, now| follow(&Trusted::new(pin), &world.server, now).expect("an honest update").policy.version;
    assert_eq!(version(world.pin(), NOW), 1);
    assert_eq!(version(Pin { labels: canary(), ..world.pin() }, NOW), 2);
    let pinned = Pin { gateway: "gw_pinned".into(), labels: canary(), ..world.pin() };
    assert_eq!(version(pinned.clone(), NOW + 99), 1);
    assert_eq!(version(pinned, NOW + 100), 2);
}

#[test]
fn what_was_in_force_is_in_force_after_a_restart_whatever_would_be_due_by_then() {
    let world = world();
    let pin = Pin { gateway: "gw_pinned".into(), labels: canary(), ..world.pin() };
    let trusted = follow(&Trusted::new(pin.clone()), &world.server, NOW).expect("an honest update").trusted;
    // The pin has ended, the operator took the label away, and nobody answers.
    let later = Pin { labels: BTreeMap::new(), ..pin };
    let (again, restored) = Trusted::open(later, &trusted.to_json(), NOW + 500).expect("verifies");
    assert_eq!(restored.activated.expect("state").policy.version, 1);
    assert_eq!(follow(&again, &world.server, NOW + 500).expect("an honest update").policy.version, 1);
}

#[test]
fn a_kept_state_cannot_be_made_to_run_what_no_ring_runs() {
    let mut world = world();
    // Listed, good, and run by nobody any more: both rings have gone on.
    world.publish(3, 0);
    let stamp = world.stamp();
    let rings = vec![ring("canary", Members::Labels(canary()), 2), ring("all", Members::All, 3)];
    let document = Assignment { rings, pins: BTreeMap::new(), min_version: 0 };
    world.server.extend(world.repository.assign(&[&world.keys.assignment], &document, stamp).expect("assigns"));
    world.seal();
    let kept: serde_json::Value = serde_json::from_slice(&world.trusted().to_json()).expect("JSON");
    assert_eq!(kept["policy"], 3);
    let tampered = |version: u64| {
        let (mut kept, path) = (kept.clone(), path(&world.server, &format!(".{version}.json")));
        kept["policy"] = version.into();
        kept["files"][&path] = std::str::from_utf8(&world.server[&path]).expect("text").into();
        Trusted::open(world.pin(), kept.to_string().as_bytes(), NOW).map(drop)
    };
    assert!(matches!(tampered(1), Err(Refused::NotAssigned(_))));
    // What another ring runs cannot be told from what this one ran: a pin may have ended since, or a label been taken away.
    assert_eq!(tampered(2), Ok(()));
    assert_eq!(tampered(3), Ok(()));
}

#[test]
fn an_assignment_that_leaves_somebody_out_or_names_what_may_not_run_is_not_signed() {
    let mut world = world();
    let mut assign = |rings: Vec<Ring>, pins: BTreeMap<String, Pinned>| {
        let stamp = world.stamp();
        world.repository.assign(&[&world.keys.assignment], &Assignment { rings, pins, min_version: 0 }, stamp).err()
    };
    let none = BTreeMap::new;
    assert_eq!(assign(vec![], none()), Some(SignError::NoLastRing));
    assert_eq!(assign(vec![ring("some", Members::Share(10_000), 1)], none()), Some(SignError::NoLastRing));
    assert_eq!(assign(vec![ring("all", Members::All, 3)], none()), Some(SignError::PolicyUnknown(3)));
    let pins = BTreeMap::from([("gw_1".to_owned(), Pinned { version: 9, until: NOW })]);
    assert_eq!(assign(vec![ring("all", Members::All, 1)], pins), Some(SignError::PolicyUnknown(9)));
}
