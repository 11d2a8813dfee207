//! The rows. Those of TUF 1.0 section 1.5.2 by their names there, and what real clients got wrong.

use crate::forge::{forge, forge_all, refer};
use crate::scenario::Scenario;
use crate::spoil::Spoil;
use crate::support::{NOW, World, path, stamp};
use bundle::repository::{RootKeys, Threshold};
use bundle::{Files, Key};
use serde_json::json;

mod rings;
mod thefts;
mod thresholds;

fn key() -> Key {
    Key::generate().expect("randomness")
}

fn row(name: &'static str, world: &World, states: Vec<Files>, expected: Result<(), &'static str>) -> Scenario {
    Scenario { name, pin: world.pin(), states, spoil: None, expected, tough_differs: None, python_differs: None, about_time: false }
}

/// Every row.
pub fn all() -> Vec<Scenario> {
    let mut rows = honest();
    rows.extend(rollbacks());
    rows.extend(freezes());
    rows.extend(stolen_keys());
    rows.extend(thefts::all());
    rows.extend(thresholds::all());
    rows.extend(mixtures());
    rows.extend(rings::all());
    rows.extend(roots());
    rows.extend(damage());
    rows.extend(spoilt());
    rows
}

fn honest() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let first = world.server.clone();
    world.revoke(2);
    world.publish(2, 0);
    world.assign(2);
    world.seal();
    let second = world.server.clone();
    world.rotate(|keys| (keys.timestamp, keys.snapshot) = (key(), key()));
    world.seal();
    let third = world.server.clone();
    vec![
        row("nothing new", &world, vec![first.clone(), first.clone()], Ok(())),
        row("a policy and a revocation", &world, vec![first.clone(), second.clone()], Ok(())),
        row("new keys for root, snapshot and timestamp", &world, vec![second, third.clone()], Ok(())),
        row("asleep through all of it", &world, vec![first, third], Ok(())),
    ]
}

/// Something older than what was accepted, signed by the right keys.
fn rollbacks() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let old = world.server.clone();
    world.revoke(2);
    world.publish(2, 0);
    world.assign(2);
    world.seal();
    let new = world.server.clone();
    let mut rows = vec![row("rollback: the whole repository", &world, vec![new.clone(), old.clone()], Err("rollback"))];

    // A thief of the timestamp key points at the old snapshot, under a newer timestamp.
    let mut files = new.clone();
    files.insert("metadata/timestamp.json".into(), old["metadata/timestamp.json"].clone());
    forge(&mut files, "metadata/timestamp.json", &world.keys.timestamp, |signed| signed["version"] = json!(90));
    rows.push(row("rollback: an old snapshot under a new timestamp", &world, vec![new.clone(), files], Err("rollback")));

    // A thief of the snapshot and timestamp keys puts an old role into a new snapshot.
    for (role, name) in [
        ("targets", "rollback: an old targets in a new snapshot"),
        ("assignment", "rollback: an old assignment in a new snapshot"),
        ("revocations", "rollback: an old revocation list in a new snapshot"),
    ] {
        let mut files = new.clone();
        let (snapshot, older) = (path(&new, "snapshot.json"), path(&old, &format!("{role}.json")));
        let version: u64 = older.trim_start_matches("metadata/").split('.').next().and_then(|v| v.parse().ok()).expect("a version");
        forge(&mut files, &snapshot, &world.keys.snapshot, |signed| signed["meta"][format!("{role}.json")]["version"] = json!(version));
        refer(&mut files, &snapshot, &format!("{role}.json"), &older, &world.keys.snapshot);
        renumber(&mut files, &snapshot, &world, 91);
        rows.push(row(name, &world, vec![new.clone(), files], Err("rollback")));
    }
    rows
}

/// Gives an altered snapshot a newer version and has a newer timestamp point at it.
fn renumber(files: &mut Files, snapshot: &str, world: &World, version: u64) {
    forge(files, snapshot, &world.keys.snapshot, |signed| signed["version"] = json!(version));
    let renamed = format!("metadata/{version}.snapshot.json");
    let bytes = files.remove(snapshot).expect("it is there");
    files.insert(renamed.clone(), bytes);
    forge(files, "metadata/timestamp.json", &world.keys.timestamp, |signed| {
        signed["version"] = json!(version);
        signed["meta"]["snapshot.json"]["version"] = json!(version);
    });
    refer(files, "metadata/timestamp.json", "snapshot.json", &renamed, &world.keys.timestamp);
}

/// Something that has ended.
fn freezes() -> Vec<Scenario> {
    let world = World::new("acme");
    let ended = json!("2020-01-01T00:00:00Z");
    [
        ("freeze: the timestamp has ended", "timestamp", &world.keys.timestamp),
        ("freeze: the snapshot has ended", "snapshot", &world.keys.snapshot),
        ("freeze: targets has ended", "targets", &world.keys.targets),
        ("freeze: the assignment has ended", "assignment", &world.keys.assignment),
        ("freeze: the revocation list has ended", "revocations", &world.keys.revocations),
    ]
    .into_iter()
    .map(|(name, role, key)| {
        let files = forge_all(&world, role, key, |signed| signed["expires"] = ended.clone());
        Scenario { about_time: true, ..row(name, &world, vec![files], Err("expired")) }
    })
    .chain([ended_root(), endless_freshness()])
    .collect()
}

fn endless_freshness() -> Scenario {
    let world = World::new("acme");
    let files = forge_all(&world, "timestamp", &world.keys.timestamp, |signed| signed["expires"] = json!("2100-01-01T00:00:00Z"));
    let longest = Some("how long a timestamp may last is a rule of ours");
    let one = row("freeze: a thief's timestamp that never ends", &world, vec![files], Err("fresh_too_long"));
    Scenario { tough_differs: longest, python_differs: longest, ..one }
}

fn ended_root() -> Scenario {
    // 2020-01-01.
    const ENDED: i64 = 1_577_836_800;
    let mut world = World::new("acme");
    let honest = world.server.clone();
    let old = std::mem::replace(&mut world.keys.root, key());
    let files = world.repository.rotate(&world.keys.root_keys(), &[&old, &world.keys.root], ENDED).expect("signs");
    world.server.extend(files);
    Scenario { about_time: true, ..row("freeze: the root has ended", &world, vec![honest, world.server.clone()], Err("expired")) }
}

/// Keys that are not what they should be.
fn stolen_keys() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let honest = world.server.clone();
    let mut rows: Vec<Scenario> = [
        ("wrong key: targets", "targets"),
        ("wrong key: assignment", "assignment"),
        ("wrong key: revocations", "revocations"),
        ("wrong key: snapshot", "snapshot"),
        ("wrong key: timestamp", "timestamp"),
    ]
    .into_iter()
    .map(|(name, role)| row(name, &world, vec![forge_all(&world, role, &key(), |_| ())], Err("bad_signature")))
    .collect();

    // Fast-forward: a thief burns the versions, then the keys are replaced.
    let mut burnt = honest.clone();
    let mut stolen = world.repository.clone();
    burnt.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(1 << 40)).expect("signs"));
    burnt.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(1 << 40)).expect("signs"));
    world.touch();
    rows.push(row("fast-forward: before the keys are replaced", &world, vec![burnt.clone(), world.server.clone()], Err("rollback")));
    world.rotate(|keys| (keys.timestamp, keys.snapshot) = (key(), key()));
    world.seal();
    rows.push(row("fast-forward: recovery by new keys", &world, vec![burnt, world.server.clone()], Ok(())));
    rows
}

/// Parts that do not belong together.
fn mixtures() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let old = world.server.clone();
    world.revoke(2);
    world.seal();
    let new = world.server.clone();
    let mut rows = Vec::new();

    let mut files = new.clone();
    files.insert(path(&new, "snapshot.json"), old[&path(&old, "snapshot.json")].clone());
    rows.push(row("mix-and-match: an old snapshot in the place of the new", &world, vec![files], Err("length_or_hash")));

    let mut files = new.clone();
    let newer = new.keys().find(|path| path.ends_with("list.json") && !old.contains_key(*path)).expect("another list").clone();
    files.insert(newer, old[&path(&old, "list.json")].clone());
    rows.push(row("mix-and-match: an old list in the place of the new", &world, vec![files], Err("length_or_hash")));

    for role in ["targets", "assignment", "revocations"] {
        let files = forge_all(&world, "snapshot", &world.keys.snapshot, |signed| {
            signed["meta"].as_object_mut().expect("a map").remove(&format!("{role}.json"));
        });
        let name = match role {
            "targets" => "a role is left out of the snapshot: targets",
            "assignment" => "a role is left out of the snapshot: assignment",
            _ => "a role is left out of the snapshot: revocations",
        };
        rows.push(row(name, &world, vec![files], Err("missing_role")));
    }

    let files = forge_all(&world, "targets", &world.keys.targets, |signed| {
        signed["delegations"]["roles"].as_array_mut().expect("roles").pop();
    });
    rows.push(row("a delegation is left out of targets", &world, vec![files], Err("missing_role")));

    let files = forge_all(&world, "revocations", &world.keys.revocations, |signed| {
        let list = signed["targets"]["revocations/list.json"].clone();
        signed["targets"] = json!({ "policy/99.json": list });
    });
    rows.push(row("a delegated role lists what was not delegated to it", &world, vec![files], Err("malformed")));

    let files = forge_all(&world, "targets", &world.keys.targets, |signed| signed["x-writ-tenant"] = json!("umbrella"));
    let mut one = row("another tenant's metadata under our keys", &world, vec![files], Err("foreign_tenant"));
    one.tough_differs = Some("tenants are a field of ours, which others do not know");
    one.python_differs = one.tough_differs;
    rows.push(one);
    rows
}

/// Roots that do not follow.
fn roots() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let first = world.server.clone();
    let old = Key::from_pkcs8(world.keys.root.pkcs8()).expect("own key");
    world.rotate(|_| ());
    let second = world.server.clone();
    world.rotate(|_| ());
    let third = world.server.clone();
    let mut rows = Vec::new();

    let mut files = second.clone();
    forge(&mut files, "metadata/2.root.json", &world.keys.root, |_| ());
    rows.push(row("root: signed by keys of nobody", &world, vec![first.clone(), files], Err("bad_signature")));

    let mut files = second.clone();
    forge(&mut files, "metadata/2.root.json", &old, |_| ());
    rows.push(row("root: signed by the old key only", &world, vec![first.clone(), files], Err("bad_signature")));

    let mut files = third.clone();
    files.insert("metadata/2.root.json".into(), third["metadata/3.root.json"].clone());
    files.remove("metadata/3.root.json");
    rows.push(row("root: the third in the place of the second", &world, vec![first.clone(), files], Err("bad_signature")));

    // Two of three have to sign, and one does, twice.
    let (anna, ben) = (key(), key());
    let mut world = World::new("acme");
    let first = world.server.clone();
    let both = Threshold { keys: vec![anna.public().clone(), ben.public().clone()], threshold: 2 };
    let keys = RootKeys { root: both, ..world.keys.root_keys() };
    let signers: [&dyn bundle::Signer; 3] = [&world.keys.root, &anna, &ben];
    world.server.extend(world.repository.rotate(&keys, &signers, NOW + 1000).expect("signs"));
    world.touch();
    rows.push(row("root: two of two have signed", &world, vec![first.clone(), world.server.clone()], Ok(())));
    let mut files = world.server.clone();
    let mut root: serde_json::Value = serde_json::from_slice(&files["metadata/2.root.json"]).expect("JSON");
    let of = |id: &str| root["signatures"].as_array().expect("a list").iter().find(|one| one["keyid"] == id).cloned().expect("signed");
    let (before, one) = (of(world.keys.root.public().id()), of(anna.public().id()));
    root["signatures"] = json!([before, one]);
    files.insert("metadata/2.root.json".into(), serde_json::to_vec(&root).expect("JSON"));
    rows.push(row("root: below its threshold", &world, vec![first, files], Err("bad_signature")));
    rows
}

/// Bytes that are not what was signed.
fn damage() -> Vec<Scenario> {
    let world = World::new("acme");
    let honest = world.server.clone();
    let change = |ends: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = honest.clone();
        change(files.get_mut(&path(&honest, ends)).expect("it is there"));
        vec![files]
    };
    let cut: &dyn Fn(&mut Vec<u8>) = &|bytes| bytes.truncate(bytes.len() / 2);
    let longer: &dyn Fn(&mut Vec<u8>) = &|bytes| bytes.extend(std::iter::repeat_n(b' ', 1 << 20));
    let flip: &dyn Fn(&mut Vec<u8>) = &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    vec![
        row("truncated: the timestamp", &world, change("timestamp.json", cut), Err("malformed")),
        row("truncated: the snapshot", &world, change("snapshot.json", cut), Err("length_or_hash")),
        row("truncated: the revocation list", &world, change("list.json", cut), Err("length_or_hash")),
        row("endless: the timestamp", &world, change("timestamp.json", longer), Err("too_large")),
        row("endless: the snapshot", &world, change("snapshot.json", longer), Err("length_or_hash")),
        row("endless: the revocation list", &world, change("list.json", longer), Err("length_or_hash")),
        row("altered: the revocation list", &world, change("list.json", flip), Err("length_or_hash")),
        row("altered: the policy", &world, change("1.json", flip), Err("length_or_hash")),
    ]
}

/// What the client itself keeps is spoilt: then it has what is newest, and takes nothing older.
fn spoilt() -> Vec<Scenario> {
    let mut world = World::new("acme");
    let old = world.server.clone();
    world.revoke(2);
    world.publish(2, 0);
    world.assign(2);
    world.seal();
    let new = world.server.clone();
    let mut rows = Vec::new();
    for (spoil, newest, older) in [
        (Spoil::Truncated, "tampered cache: truncated, then the newest", "tampered cache: truncated, then what was before"),
        (Spoil::Altered, "tampered cache: altered, then the newest", "tampered cache: altered, then what was before"),
        (Spoil::Lost, "tampered cache: lost, then the newest", "tampered cache: lost, then what was before"),
        (Spoil::PutBack, "tampered cache: put back, then the newest", "tampered cache: put back, then what was before"),
    ] {
        let honest = vec![old.clone(), new.clone(), new.clone()];
        rows.push(Scenario { spoil: Some(spoil), ..row(newest, &world, honest, Ok(())) });
        let evil = vec![old.clone(), new.clone(), old.clone()];
        let forgets = Some("its cache is all that it remembers");
        let one = row(older, &world, evil, Err("rollback"));
        rows.push(Scenario { spoil: Some(spoil), tough_differs: forgets, python_differs: forgets, ..one });
    }
    rows.push(burnt_and_lost());
    rows
}

/// A thief burns the versions, the client loses its files, and then the keys are replaced: what it remembers does not lock it out.
fn burnt_and_lost() -> Scenario {
    let mut world = World::new("acme");
    let first = world.server.clone();
    let (mut burnt, mut stolen) = (first.clone(), world.repository.clone());
    burnt.extend(stolen.snapshot(&[&world.keys.snapshot], stamp(1 << 40)).expect("signs"));
    burnt.extend(stolen.timestamp(&[&world.keys.timestamp], stamp(1 << 40)).expect("signs"));
    world.rotate(|keys| (keys.timestamp, keys.snapshot) = (key(), key()));
    world.seal();
    let states = vec![first, burnt, world.server.clone()];
    Scenario { spoil: Some(Spoil::Lost), ..row("tampered cache: burnt, lost, then new keys", &world, states, Ok(())) }
}
