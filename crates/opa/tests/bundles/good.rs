//! What we write is what an OPA takes.

use crate::support::*;
use bundle::{Key, Signer as _};
use opa::{Lane, Refused, Revision, policy_bundle, revocations_bundle};
use opa_engines::world::World;
use opa_peer::Store;
use policy::Revocations;
use serde_json::{Value, json};
use situations::NOW;

#[test]
fn both_bundles_are_verified_and_come_into_force_beside_each_other() {
    let (policy_key, revocations_key) = (Key::generate().expect("randomness"), Key::generate().expect("randomness"));
    let policy = unsigned_policy().sign(&policy_key).expect("signs");
    let revocations = unsigned_revocations().sign(&revocations_key).expect("signs");
    let mut store = Store::default();
    for (archive, key) in [(&policy, &policy_key), (&revocations, &revocations_key)] {
        let bundle = opened(&archive.bytes, &pinned(key, "acme")).expect("is taken");
        assert_eq!(bundle.manifest.revision, archive.revision.to_string());
        assert_eq!(bundle.manifest.rego_version, Some(1));
        assert_eq!(bundle.roots(), archive.lane.roots());
        store.activate(archive.lane.bundle_name(), bundle).expect("comes into force");
    }
    // What is in force is what the engines are tested with.
    let mut world = World::default();
    for unsigned in [unsigned_policy(), unsigned_revocations()] {
        world.activate(unsigned.lane().bundle_name(), unsigned.files()).expect("activates");
    }
    assert_eq!((store.data(), store.modules()), (world.data, world.modules));
    let metadata = &store.active(POLICY).expect("in force").manifest.metadata;
    assert_eq!(
        (&metadata["tenant"], &metadata["version"], &metadata["expires_ns"]),
        (&json!("acme"), &json!(1), &json!((NOW + 1000) * 1_000_000_000))
    );
    let metadata = &store.active(REVOCATIONS).expect("in force").manifest.metadata;
    assert_eq!((&metadata["seq"], &metadata["floor"]), (&json!(3), &json!(1)));
    assert_eq!(metadata["fresh_until_ns"], json!((NOW + 600) * 1_000_000_000));
}

#[test]
fn lanes_share_no_root_and_their_names_and_revisions_are_told_apart() {
    for lane in Lane::ALL {
        assert_eq!(Lane::of_bundle(lane.bundle_name()), Some(lane));
    }
    assert_eq!(unsigned_policy().revision(), &Revision::Policy { version: 1, sha256: "0f".repeat(32), signed: NOW });
    assert_eq!(unsigned_revocations().revision(), &Revision::Revocations { seq: 3, signed: NOW });
}

#[test]
fn the_set_of_files_is_the_same_for_every_policy() {
    let names: Vec<String> = files(&signed_policy(&Key::generate().expect("randomness")).bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            ".manifest",
            ".signatures.json",
            "writ/checks/checks.rego",
            "writ/checks/ladder.rego",
            "writ/decision/decision.rego",
            "writ/listing/listing.rego",
            "writ/policy/agent_classes/data.json",
            "writ/policy/client_classes/data.json",
            "writ/policy/data.json",
            "writ/policy/narrowed/data.json",
            "writ/policy/roles/data.json",
            "writ/policy/scopes/data.json",
            "writ/policy/servers/data.json",
        ]
    );
}

#[test]
fn equal_contents_and_an_equal_signature_are_equal_bytes() {
    let key = Key::generate().expect("randomness");
    let unsigned = unsigned_policy();
    assert_eq!(unsigned, unsigned_policy());
    let signature = key.sign(&unsigned.signing_input(key.public())).expect("signs");
    let (one, two) = (unsigned.complete(key.public(), &signature), unsigned_policy().complete(key.public(), &signature));
    assert_eq!(one, two);
    let one = one.expect("is complete");
    assert_eq!(one.sha256, bundle::sha256_hex(&one.bytes));
    assert_eq!(one.key_id, key.public().id());
}

#[test]
fn a_signature_made_elsewhere_is_held_to_key_and_bundle() {
    let (key, other) = (Key::generate().expect("randomness"), Key::generate().expect("randomness"));
    let unsigned = unsigned_policy();
    let input = unsigned.signing_input(key.public());
    let signature = key.sign(&input).expect("signs");
    for (public, der) in [
        (other.public(), signature.clone()),
        (key.public(), other.sign(&input).expect("signs")),
        (key.public(), key.sign(&unsigned_revocations().signing_input(key.public())).expect("signs")),
        (key.public(), signature[1..].to_vec()),
        (key.public(), Vec::new()),
    ] {
        assert_eq!(unsigned.complete(public, &der), Err(Refused::BadSignature(public.id().to_owned())));
    }
}

#[test]
fn a_name_that_cannot_be_carried_is_said_and_nothing_is_made() {
    let mut odd = policy();
    let server = odd.servers.values_mut().next().expect("a server");
    let tool = server.tools.values().next().expect("a tool").clone();
    server.tools.insert("logs\u{8}read".into(), tool);
    let terms = opa::PolicyTerms { native_sha256: String::new(), signed: NOW, expires: NOW };
    assert_eq!(policy_bundle(&odd, &terms), Err(Refused::ControlCharacter("logs\u{8}read".into())));
    let odd = Revocations::new("ac\nme".into(), 1, Vec::new());
    assert!(matches!(revocations_bundle(&odd, &TERMS), Err(Refused::ControlCharacter(_))));
}

#[test]
fn no_one_reads_from_the_bundles_what_they_need_not_know() {
    let text: String = unsigned_policy().files().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    // Where servers really are is the gateway's business.
    assert!(!text.contains("http://up/"), "{text}");
    let list = unsigned_revocations();
    let (_, data) = list.files().find(|(name, _)| name.ends_with("data.json")).expect("data");
    let data: Value = serde_json::from_slice(data).expect("JSON");
    assert_eq!(data, json!({ "tenant": "acme", "seq": 3, "tenant_blocked": false, "marks": {}, "subjects": {} }));
}
