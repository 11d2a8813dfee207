//! Metadata that our own signer would never write, signed with the right keys all the same.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use bundle::canonical::canonical;
use bundle::{Files, Key, Refused, Trusted, sha256_hex};
use serde_json::{Value, json};

use crate::support::{NOW, World, follow, path};

/// Alters what is signed in a file and signs it again.
fn forge(server: &mut Files, path: &str, key: &Key, alter: impl FnOnce(&mut Value)) {
    let mut file: Value = serde_json::from_slice(&server[path]).expect("JSON");
    alter(&mut file["signed"]);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.pkcs8()).expect("own key");
    let signature = pair.sign(&SystemRandom::new(), &canonical(&file["signed"]).expect("integers")).expect("signs");
    file["signatures"] = json!([{"keyid": key.public().id(), "sig": hex::encode(signature.as_ref())}]);
    server.insert(path.to_owned(), serde_json::to_vec(&file).expect("JSON"));
}

/// Makes `from` refer to what `to` holds now.
fn refer(server: &mut Files, from: &str, name: &str, to: &str, key: &Key) {
    let bytes = server[to].clone();
    forge(server, from, key, |signed| {
        signed["meta"][name]["length"] = json!(bytes.len());
        signed["meta"][name]["hashes"]["sha256"] = json!(sha256_hex(&bytes));
    });
}

/// Alters a role's file and makes snapshot and timestamp agree with it.
fn forge_all(world: &World, role: &str, key: &Key, alter: impl FnOnce(&mut Value)) -> Files {
    let mut server = world.server.clone();
    let name = format!("{role}.json");
    let file = path(&server, &name);
    let snapshot = path(&server, "snapshot.json");
    forge(&mut server, &file, key, alter);
    if role == "timestamp" {
        return server;
    }
    if role != "snapshot" {
        refer(&mut server, &snapshot, &name, &file, &world.keys.snapshot);
    }
    refer(&mut server, "metadata/timestamp.json", "snapshot.json", &snapshot, &world.keys.timestamp);
    server
}

fn refusal(world: &World, server: &Files) -> Refused {
    follow(&Trusted::new(world.pin()), server, NOW).expect_err("has to be refused")
}

#[test]
fn a_role_left_out_of_the_snapshot_refuses() {
    let world = World::new("acme");
    assert!(follow(&Trusted::new(world.pin()), &forge_all(&world, "snapshot", &world.keys.snapshot, |_| ()), NOW).is_ok());
    for role in ["targets", "assignment", "revocations"] {
        let server = forge_all(&world, "snapshot", &world.keys.snapshot, |signed| {
            signed["meta"].as_object_mut().expect("a map").remove(&format!("{role}.json"));
        });
        assert!(matches!(refusal(&world, &server), Refused::MissingRole { role: found, .. } if found == role));
    }
}

#[test]
fn a_delegation_left_out_doubled_or_elsewhere_refuses() {
    let world = World::new("acme");
    let forged = |alter: fn(&mut Value)| refusal(&world, &forge_all(&world, "targets", &world.keys.targets, alter)).code();
    assert_eq!(forged(|signed| drop(signed["delegations"]["roles"].as_array_mut().expect("roles").pop())), "missing_role");
    let doubled = forged(|signed| {
        let roles = signed["delegations"]["roles"].as_array_mut().expect("roles");
        roles.push(roles[0].clone());
    });
    assert_eq!(doubled, "missing_role");
    assert_eq!(forged(|signed| signed["delegations"]["roles"][0]["paths"] = json!(["policy/*"])), "malformed");
    assert_eq!(forged(|signed| signed["delegations"]["roles"][0]["threshold"] = json!(0)), "malformed");
    assert_eq!(forged(|signed| signed["targets"] = json!({})), "not_listed");
    assert_eq!(forged(|signed| signed["x-writ-tenant"] = json!("umbrella")), "foreign_tenant");
    assert_eq!(forged(|signed| signed["_type"] = json!("snapshot")), "wrong_type");
    assert_eq!(forged(|signed| signed["version"] = json!(99)), "wrong_version");
    assert_eq!(forged(|signed| signed["expires"] = json!("2020-01-01T00:00:00Z")), "expired");
    assert_eq!(forged(|signed| signed["expires"] = json!("never")), "malformed");
}

#[test]
fn a_digest_that_is_a_path_and_a_length_without_end_refuse() {
    let world = World::new("acme");
    let list = "revocations/list.json";
    let forged = |alter: &dyn Fn(&mut Value)| refusal(&world, &forge_all(&world, "revocations", &world.keys.revocations, alter)).code();
    assert_eq!(forged(&|signed| signed["targets"][list]["hashes"]["sha256"] = json!("../../etc/passwd")), "malformed");
    assert_eq!(forged(&|signed| signed["targets"][list]["length"] = json!(u64::MAX)), "too_large");
    assert_eq!(forged(&|signed| signed["targets"][list]["custom"] = json!({})), "malformed");
    assert_eq!(forged(&|signed| signed["targets"] = json!({})), "malformed");
}

#[test]
fn an_equal_timestamp_changes_nothing_whatever_it_says() {
    let mut world = World::new("acme");
    let trusted = world.trusted();
    let version = trusted.timestamp();
    world.revoke(2);
    world.seal();
    let server = forge_all(&world, "timestamp", &world.keys.timestamp, |signed| signed["version"] = json!(version));
    let same = follow(&trusted, &server, NOW).expect("no change");
    assert_eq!((same.changed, same.revocation_seq), (false, 1));
}

#[test]
fn a_key_of_one_role_is_no_key_of_another() {
    let world = World::new("acme");
    for role in ["targets", "assignment", "snapshot", "timestamp"] {
        let server = forge_all(&world, role, &world.keys.revocations, |_| ());
        assert_eq!(refusal(&world, &server).code(), "bad_signature", "{role}");
    }
}
