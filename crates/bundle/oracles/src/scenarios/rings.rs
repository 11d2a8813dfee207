//! A fleet in which one ring is ahead of the other, and a server or a thief that mixes them up.

use super::row;
use crate::forge::forge_all;
use crate::scenario::Scenario;
use crate::support::{NOW, World, path};
use bundle::assignment::{Assignment, Members, Pinned, Ring};
use bundle::{Files, Pin, sha256_hex};
use serde_json::json;
use std::collections::BTreeMap;

const OURS: Option<&str> = Some("rings are ours: others read the newest policy");
const RINGS: &str = "assignment/rings.json";

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("ring".to_owned(), "canary".to_owned())])
}

fn rings(canary: u64, all: u64) -> Assignment {
    let ring = |name: &str, members, version| Ring { name: name.to_owned(), members, version };
    let rings = vec![ring("canary", Members::Labels(labels()), canary), ring("all", Members::All, all)];
    Assignment { rings, pins: BTreeMap::new(), min_version: 0 }
}

fn assign(world: &mut World, assignment: &Assignment) {
    let stamp = world.stamp();
    world.server.extend(world.repository.assign(&[&world.keys.assignment], assignment, stamp).expect("assigns"));
    world.seal();
}

/// What a thief of the online keys signs, whatever our own signer thinks of it.
fn stolen(world: &World, assignment: &Assignment) -> Files {
    let text = serde_json::to_vec(assignment).expect("writes");
    let digest = sha256_hex(&text);
    let mut files = forge_all(world, "assignment", &world.keys.assignment, |signed| {
        signed["targets"][RINGS] = json!({ "length": text.len(), "hashes": { "sha256": digest } });
    });
    files.insert(format!("targets/assignment/{digest}.rings.json"), text);
    files
}

pub(super) fn all() -> Vec<Scenario> {
    let mut world = World::new("acme");
    world.publish(2, 0);
    assign(&mut world, &rings(2, 1));
    let apart = world.server.clone();
    let canary = Pin { labels: labels(), ..world.pin() };
    assign(&mut world, &rings(1, 1));
    let reverted = world.server.clone();
    let mut rows = Vec::new();

    // To a gateway of the slower ring.
    let mut files = apart.clone();
    files.insert(path(&apart, ".1.json"), apart[&path(&apart, ".2.json")].clone());
    let one = row("mix-and-match: the other ring's policy in the place of its own", &world, vec![files], Err("length_or_hash"));
    rows.push(Scenario { tough_differs: OURS, python_differs: OURS, ..one });

    // To a canary that was taken back.
    let newest = reverted.keys().find(|path| path.ends_with("rings.json") && !apart.contains_key(*path)).expect("another assignment");
    let ahead = apart.keys().find(|path| path.ends_with("rings.json") && !first_rings(path, &world)).expect("the rings apart");
    let mut files = reverted.clone();
    files.insert(newest.clone(), apart[ahead].clone());
    let one = row("mix-and-match: the rings as they were before", &world, vec![apart.clone(), files], Err("length_or_hash"));
    rows.push(Scenario { pin: canary.clone(), ..one });
    let one = row("rings: the canary is taken back", &world, vec![apart.clone(), reverted.clone()], Ok(()));
    rows.push(Scenario { pin: canary, ..one });
    let one = row("rollback: the canary's repository from before it was taken back", &world, vec![reverted, apart], Err("rollback"));
    rows.push(one);

    for (name, assignment, expected) in [
        ("rings: a thief assigns a policy that nobody signed", rings(9, 9), "not_listed"),
        ("rings: a thief assigns what is below the floor", Assignment { min_version: 2, ..rings(2, 1) }, "below_floor"),
        ("rings: a thief leaves a gateway out", Assignment { rings: rings(2, 1).rings[..1].to_vec(), ..rings(2, 1) }, "not_assigned"),
        ("rings: a thief pins a gateway to what nobody signed", pinned(9), "not_listed"),
    ] {
        let one = row(name, &world, vec![stolen(&world, &assignment)], Err(expected));
        rows.push(Scenario { tough_differs: OURS, python_differs: OURS, ..one });
    }
    rows
}

fn pinned(version: u64) -> Assignment {
    let pin = Pinned { version, until: NOW + 100 };
    Assignment { pins: BTreeMap::from([(crate::support::GATEWAY.to_owned(), pin)]), ..rings(2, 1) }
}

/// Whether these are the rings that the world began with: one, for everybody.
fn first_rings(path: &str, world: &World) -> bool {
    let text = std::str::from_utf8(&world.server[path]).expect("text");
    serde_json::from_str::<Assignment>(text).expect("an assignment").rings.len() == 1
}
