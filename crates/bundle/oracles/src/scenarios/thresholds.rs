//! Two of two have to sign a role, and one has.

use super::{key, row};
use crate::forge::forge_all;
use crate::scenario::Scenario;
use crate::support::{NOW, World};
use bundle::repository::{Delegates, RootKeys, Threshold};
use bundle::{Assignment, Key, Role, Signer};

pub(super) fn all() -> Vec<Scenario> {
    [
        (Role::Targets, "below its threshold: targets"),
        (Role::Assignment, "below its threshold: assignment"),
        (Role::Revocations, "below its threshold: revocations"),
        (Role::Snapshot, "below its threshold: snapshot"),
        (Role::Timestamp, "below its threshold: timestamp"),
    ]
    .into_iter()
    .flat_map(|(role, name)| of(role, name))
    .collect()
}

/// That both have signed is accepted; that one has is not.
fn of(role: Role, name: &'static str) -> [Scenario; 2] {
    let (mut world, second) = (World::new("acme"), key());
    let first = world.server.clone();
    let both = |own: &Key| Threshold { keys: vec![own.public().clone(), second.public().clone()], threshold: 2 };

    let old = std::mem::replace(&mut world.keys.root, key());
    let mut keys: RootKeys = world.keys.root_keys();
    match role {
        Role::Targets => keys.targets = both(&world.keys.targets),
        Role::Snapshot => keys.snapshot = both(&world.keys.snapshot),
        Role::Timestamp => keys.timestamp = both(&world.keys.timestamp),
        _ => {}
    }
    world.server.extend(world.repository.rotate(&keys, &[&old, &world.keys.root], NOW + 100_000).expect("signs"));

    let mut delegates: Delegates = world.keys.delegates();
    match role {
        Role::Assignment => delegates.assignment = both(&world.keys.assignment),
        Role::Revocations => delegates.revocations = both(&world.keys.revocations),
        _ => {}
    }
    let stamps = [(); 5].map(|()| world.stamp());
    let World { keys, repository, server, .. } = &mut world;
    let with = |of: Role, own: &Key| -> Vec<Key> {
        let copy = |key: &Key| Key::from_pkcs8(key.pkcs8()).expect("own key");
        if of == role { vec![copy(own), copy(&second)] } else { vec![copy(own)] }
    };
    fn dynamic(keys: &[Key]) -> Vec<&dyn Signer> {
        keys.iter().map(|key| key as &dyn Signer).collect()
    }
    let targets = with(Role::Targets, &keys.targets);
    server.extend(repository.publish(&dynamic(&targets), &delegates, 2, "{\"version\":2}", 0, stamps[0]).expect("publishes"));
    let assignment = with(Role::Assignment, &keys.assignment);
    server.extend(repository.assign(&dynamic(&assignment), &Assignment::single_ring(2), stamps[1]).expect("assigns"));
    let revocations = with(Role::Revocations, &keys.revocations);
    server.extend(repository.revoke(&dynamic(&revocations), "{\"seq\":2}", 2, stamps[2]).expect("revokes"));
    let snapshot = with(Role::Snapshot, &keys.snapshot);
    server.extend(repository.snapshot(&dynamic(&snapshot), stamps[3]).expect("snapshot"));
    let timestamp = with(Role::Timestamp, &keys.timestamp);
    server.extend(repository.timestamp(&dynamic(&timestamp), stamps[4]).expect("timestamp"));

    let own = match role {
        Role::Targets => &world.keys.targets,
        Role::Assignment => &world.keys.assignment,
        Role::Revocations => &world.keys.revocations,
        Role::Snapshot => &world.keys.snapshot,
        _ => &world.keys.timestamp,
    };
    let one = forge_all(&world, role.name(), own, |_| ());
    let honest = match role {
        Role::Targets => "two of two have signed: targets",
        Role::Assignment => "two of two have signed: assignment",
        Role::Revocations => "two of two have signed: revocations",
        Role::Snapshot => "two of two have signed: snapshot",
        _ => "two of two have signed: timestamp",
    };
    [row(honest, &world, vec![first.clone(), world.server.clone()], Ok(())), row(name, &world, vec![first, one], Err("bad_signature"))]
}
