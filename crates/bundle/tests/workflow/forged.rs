//! Metadata that our own signer would never write, signed with the right keys all the same.

use bundle::{Files, Refused, Trusted};
use serde_json::{Value, json};

use crate::forge::forge_all;
use crate::support::{NOW, World, follow};

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
