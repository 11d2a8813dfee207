//! What thieves can do, so that nobody is told that they cannot; and how they are shut out again.

use super::{key, row};
use crate::scenario::Scenario;
use crate::support::{World, stamp};
use bundle::Assignment;

const NO_ROOTS: Option<&str> = Some("it keeps no roots: whoever withholds the newer one has the keys of before");

pub(super) fn all() -> Vec<Scenario> {
    let mut rows = revocations();
    rows.extend(targets());
    rows
}

/// With the keys of revocations, snapshot and timestamp: a newer list that is empty lifts everything.
fn revocations() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let honest = world.server.clone();
    let (mut files, mut stolen) = (honest.clone(), world.repository.clone());
    files.extend(stolen.revoke(&[&world.keys.revocations], "{\"seq\":7,\"entries\":[]}", 7, stamp(70)).expect("signs"));
    files.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(71)).expect("signs"));
    files.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(72)).expect("signs"));
    let theft = row("theft: of revocations, snapshot and timestamp lifts everything", &world, vec![honest, files.clone()], Ok(()));

    // Another key for each, and the list begins anew.
    world.rotate(|keys| (keys.timestamp, keys.snapshot) = (key(), key()));
    world.keys.revocations = key();
    world.publish(2, 0);
    world.assign(2);
    world.revoke(2);
    world.seal();
    let recovery = row("theft: the stolen list is taken back by new keys", &world, vec![files.clone(), world.server.clone()], Ok(()));
    let back = row("theft: and does not come back", &world, vec![world.server.clone(), files], Err("bad_signature"));
    vec![theft, recovery, Scenario { tough_differs: NO_ROOTS, ..back }]
}

/// With the keys of targets, snapshot and timestamp: the thief delegates to keys of their own, and needs no other.
fn targets() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let honest = world.server.clone();
    let (mut files, mut stolen) = (honest.clone(), world.repository.clone());
    let (assignment, revocations) = (key(), key());
    let mut delegates = world.keys.delegates();
    delegates.assignment.keys = vec![assignment.public().clone()];
    delegates.revocations.keys = vec![revocations.public().clone()];
    let policy = "{\"version\":66}";
    files.extend(stolen.publish(&[&world.keys.targets], &delegates, 66, policy, 0, stamp(70)).expect("signs"));
    files.extend(stolen.assign(&[&assignment], &Assignment::single_ring(66), stamp(71)).expect("signs"));
    files.extend(stolen.revoke(&[&revocations], "{\"seq\":1}", 1, stamp(72)).expect("signs"));
    files.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(73)).expect("signs"));
    files.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(74)).expect("signs"));
    let theft = row("theft: of targets, snapshot and timestamp runs any policy", &world, vec![honest, files.clone()], Ok(()));

    world.rotate(|keys| (keys.timestamp, keys.snapshot, keys.targets) = (key(), key(), key()));
    world.publish(2, 0);
    world.assign(2);
    world.revoke(2);
    world.seal();
    let recovery = row("theft: the stolen policy is taken back by new keys", &world, vec![files.clone(), world.server.clone()], Ok(()));
    let back = row("theft: and its policy does not come back", &world, vec![world.server.clone(), files], Err("bad_signature"));
    vec![theft, recovery, Scenario { tough_differs: NO_ROOTS, ..back }]
}
