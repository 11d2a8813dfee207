//! `bundle`: metadata, the kept state, keys, assignments.

use bundle::assignment::{Member, Members};
use bundle::canonical::canonical;
use bundle::layout::{policy_name, policy_version};
use bundle::{Activated, Assignment, Files, Key, PublicKey, Role, Trusted};
use fuzz::samples::keys::{FixedKey, pkcs8, whole_pkcs8};
use fuzz::samples::repository::{EXPIRES, WORLD, World, follow, refer, signed_again, signed_part};
use fuzz::samples::{NOW, TENANT};
use fuzz::{Choices, edited, edited_text, target};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a gateway would do with it.
fn meaning(activated: &Activated) -> (&str, u64, &str, u64, u64, i64) {
    let Activated { policy, revocations, revocation_seq, timestamp, fresh_until, .. } = activated;
    (policy.sha256(), policy.version, revocations.sha256(), *revocation_seq, *timestamp, *fresh_until)
}

/// What was accepted survives being kept, and means the same afterwards.
fn is_kept_whole(activated: &Activated) {
    let document = activated.trusted.to_json();
    let (trusted, restored) = Trusted::open(activated.trusted.pin().clone(), &document, NOW).expect("what was accepted is accepted again");
    assert_eq!(meaning(&restored.activated.expect("something was accepted")), meaning(activated));
    assert_eq!(trusted.to_json(), document);
}

/// From nothing, or from the state at first.
fn a_state<'w>(world: &'w World, nothing: &'w Trusted, choices: &mut Choices<'_>) -> &'w Trusted {
    if choices.below(2) == 0 { nothing } else { &world.held }
}

#[test]
fn metadata_served() {
    let world = &*WORLD;
    let nothing = Trusted::new(world.pin.clone());
    let honest = [&world.before, &world.after].map(|files| follow(&nothing, files, NOW).expect("honest"));
    let paths: Vec<&String> = world.after.keys().collect();
    let samples: Vec<&Vec<u8>> = world.after.values().chain([&world.before["metadata/timestamp.json"]]).collect();
    target!(1_000, |mut choices: Choices<'_>| {
        let state = a_state(world, &nothing, &mut choices);
        let mut server = world.after.clone();
        for _ in 0..=choices.below(2) {
            let path = *choices.pick(&paths);
            // First the file itself, then whatever else is at hand.
            let at = choices.below(samples.len() * 2);
            let of: &[&Vec<u8>] = if at < samples.len() { &[&world.after[path]] } else { &samples[at - samples.len()..] };
            server.insert(path.clone(), edited(&mut choices, of));
        }
        match follow(state, &server, NOW) {
            Ok(activated) => {
                assert!(honest.iter().any(|honest| meaning(honest) == meaning(&activated)), "{activated:?}");
                assert!(activated.timestamp >= state.timestamp());
                is_kept_whole(&activated);
            }
            Err(refused) => assert!(!refused.code().is_empty() && !refused.to_string().is_empty()),
        }
    });
}

/// Signed by the keys that the role has, and hostile all the same: whatever is behind the signature check is reached.
#[test]
fn metadata_signed_by_a_thief() {
    let world = &*WORLD;
    let nothing = Trusted::new(world.pin.clone());
    let documents: BTreeMap<Role, Vec<u8>> =
        Role::ALL.into_iter().map(|role| (role, signed_part(&world.after[&world.newest(role)]).to_string().into_bytes())).collect();
    let samples: Vec<&Vec<u8>> = documents.values().collect();
    target!(800, |mut choices: Choices<'_>| {
        let state = a_state(world, &nothing, &mut choices);
        let role = *choices.pick(&Role::ALL);
        let of: &[&Vec<u8>] = if choices.below(8) == 7 { &samples } else { &[&documents[&role]] };
        let signed = edited_text(&mut choices, of);
        let keys: &[&FixedKey] = if role == Role::Root { &[&world.old_root, world.key(role)] } else { &[world.key(role)] };
        let Some(file) = signed_again(&signed, keys) else { return };
        let mut server = world.after.clone();
        server.insert(world.newest(role), file);
        refer(world, &mut server, role);
        if let Ok(activated) = follow(state, &server, NOW) {
            assert!(activated.fresh_until > NOW && activated.timestamp >= state.timestamp());
            assert!(world.after.values().any(|file| file.as_slice() == activated.policy.text().as_bytes()), "a policy that nobody signed");
            assert!(activated.revocation_seq >= if state.timestamp() > 0 { 1 } else { 0 });
            is_kept_whole(&activated);
        }
    });
}

#[test]
fn kept_state() {
    let world = &*WORLD;
    let later = follow(&world.held, &world.after, NOW).expect("honest");
    let nothing = Trusted::new(world.pin.clone());
    let honest = [follow(&nothing, &world.before, NOW).expect("honest"), later.clone()];
    let samples = [world.held.to_json(), later.trusted.to_json(), nothing.to_json()];
    target!(1_000, |mut choices: Choices<'_>| {
        let document = edited(&mut choices, &samples);
        match Trusted::open(world.pin.clone(), &document, NOW) {
            Ok((trusted, restored)) => {
                assert_eq!(trusted.pin(), &world.pin);
                if let Some(activated) = restored.activated {
                    assert!(honest.iter().any(|honest| meaning(honest) == meaning(&activated)), "{activated:?}");
                    is_kept_whole(&activated);
                    // And it can go on from there.
                    let next = follow(&trusted, &world.after, NOW).expect("an honest server");
                    assert_eq!(meaning(&next), meaning(&later));
                }
            }
            Err(refused) => assert!(!refused.code().is_empty()),
        }
    });
}

#[test]
fn kept_floors() {
    let world = &*WORLD;
    let later = follow(&world.held, &world.after, NOW).expect("honest").trusted;
    let nothing = Trusted::new(world.pin.clone());
    let samples = [world.held.floors_json().expect("accepted"), later.floors_json().expect("accepted")];
    target!(1_000, |mut choices: Choices<'_>| {
        let document = edited(&mut choices, &samples);
        // Beside a state: it is used unless it is older than they say.
        match world.held.clone().remembering(&document) {
            Ok(held) => assert_eq!(held.to_json(), world.held.to_json()),
            Err(refused) => assert!(["rollback", "malformed", "foreign_state"].contains(&refused.code()), "{refused}"),
        }
        // Alone: they say the same again, and only what they allow is accepted.
        let Ok(remembering) = nothing.clone().remembering(&document) else { return };
        let floors = remembering.floors_json().expect("they were taken");
        let again = nothing.clone().remembering(&floors).expect("its own");
        assert_eq!(again.floors_json().as_deref(), Some(&*floors));
        match follow(&remembering, &world.after, NOW) {
            Ok(activated) => assert!(activated.trusted.clone().remembering(&floors).is_ok(), "older than the floors"),
            Err(refused) => assert_eq!(refused.code(), "rollback"),
        }
    });
}

/// Two values are never signed by the same bytes.
#[test]
fn canonical_json() {
    let world = &*WORLD;
    let samples: Vec<Vec<u8>> = Role::ALL.map(|role| signed_part(&world.after[&world.newest(role)]).to_string().into_bytes()).into();
    target!(2_000, |mut choices: Choices<'_>| {
        let sample: &Vec<u8> = choices.pick(&samples);
        let sample: Value = serde_json::from_slice(sample).expect("JSON");
        let Ok(other) = serde_json::from_slice::<Value>(&edited(&mut choices, &samples)) else { return };
        if let (Ok(bytes), Ok(others)) = (canonical(&sample), canonical(&other)) {
            assert_eq!(bytes == others, sample == other, "{sample} {other}");
        }
    });
}

#[test]
fn keys() {
    let world = &*WORLD;
    let pem = [world.keys.root.public().to_pem(), world.keys.timestamp.public().to_pem()];
    let private = [pkcs8(11), whole_pkcs8(12)];
    target!(2_000, |mut choices: Choices<'_>| {
        if let Ok(key) = PublicKey::from_pem(&edited_text(&mut choices, &pem)) {
            assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key.clone()));
            assert_eq!(key.id().len(), 64);
            // One that is no point of the curve verifies nothing.
            assert!(!key.verifies(b"message", choices.rest()));
        }
        let bytes = edited(&mut choices, &private);
        if let Ok(key) = Key::from_pkcs8(&bytes) {
            assert_eq!(Key::from_pkcs8(key.pkcs8()).expect("its own form").public(), key.public());
            assert!(!format!("{key:?}").contains(&hex::encode(&bytes)));
        }
    });
}

#[test]
fn assignments() {
    let world = &*WORLD;
    let rings: Vec<&Vec<u8>> = world.after.iter().filter(|(path, _)| path.ends_with("rings.json")).map(|(_, file)| file).collect();
    assert_eq!(rings.len(), 2);
    target!(2_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &rings);
        if let Ok(assignment) = serde_json::from_str::<Assignment>(&text) {
            let written = serde_json::to_string(&assignment).expect("serialises");
            assert_eq!(serde_json::from_str::<Assignment>(&written).expect("reads its own"), assignment);
            let labels = BTreeMap::from([("env".to_owned(), "test".to_owned())]);
            let member = Member { tenant: TENANT, gateway: "gw_9", labels: &labels };
            let assigned = assignment.version_for(&member, choices.number());
            assert!(assigned.is_none_or(|version| assignment.versions().any(|named| named == version)));
            assert!(assigned.is_some() || !assignment.rings.iter().any(|ring| ring.members == Members::All));
        }
        let name = edited_text(&mut choices, &["policy/3.json", "policy/18446744073709551615.json"]);
        assert!(policy_version(&name).is_none_or(|version| policy_name(version) == name));
    });
}

/// What is here by the writer is accepted by the reader: without that the targets above would try nothing.
#[test]
fn the_samples_are_honest() {
    let world = &*WORLD;
    let files: &Files = &world.after;
    let activated = follow(&world.held, files, NOW).expect("honest");
    assert_eq!((activated.policy.version, activated.revocation_seq, activated.root_version, activated.fresh_until), (2, 2, 2, EXPIRES));
    for role in Role::ALL {
        let mut server = files.clone();
        let keys: &[&FixedKey] = if role == Role::Root { &[&world.old_root, world.key(role)] } else { &[world.key(role)] };
        let path = world.newest(role);
        let file = signed_again(&signed_part(&server[&path]).to_string(), keys).expect("signs");
        server.insert(path, file);
        refer(world, &mut server, role);
        assert!(follow(&world.held, &server, NOW).is_ok(), "{role}");
    }
}
