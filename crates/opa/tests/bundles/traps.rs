//! Where an OPA takes what it should not, and what in our configuration keeps it from doing so.

use crate::support::*;
use bundle::Key;
use opa_peer::load::{SIZE_LIMIT, load};
use opa_peer::{Refused, Store, Verification};
use serde_json::json;

#[test]
fn only_a_pinned_key_makes_an_opa_refuse_what_is_not_signed() {
    let key = Key::generate().expect("randomness");
    let unsigned: Vec<_> = files(&signed_policy(&key).bytes).into_iter().filter(|(name, _)| name != ".signatures.json").collect();
    let archive = packed(&unsigned);
    assert_eq!(opened(&archive, &pinned(&key, "acme")), Err(Refused::Unsigned));
    // Keys alone do not: this is why every source that we print has `signing.keyid`.
    let unpinned = Verification { key_id: String::new(), ..pinned(&key, "acme") };
    opened(&archive, &unpinned).expect("is taken");
    load(&archive, None, true, SIZE_LIMIT).expect("is taken");
    // Signed without any key to verify it with is refused, at least.
    assert_eq!(load(&signed_policy(&key).bytes, None, true, SIZE_LIMIT), Err(Refused::NoKeys));
}

#[test]
fn a_delta_is_never_verified_and_only_persistence_keeps_it_out() {
    let key = Key::generate().expect("randomness");
    let mut store = Store::default();
    store.activate(POLICY, opened(&signed_policy(&key).bytes, &pinned(&key, "acme")).expect("is taken")).expect("comes into force");
    let roots = json!(opa::Lane::Policy.roots());
    let patch = json!({ "data": [{ "op": "upsert", "path": "/writ/policy/roles/guest", "value": { "incidents.trigger": true } }] });
    let delta = packed(&[named(".manifest", &json!({ "roots": roots }).to_string()), named("patch.json", &patch.to_string())]);
    // What our configuration has.
    assert_eq!(load(&delta, Some(&pinned(&key, "acme")), true, SIZE_LIMIT), Err(Refused::DeltaPersisted));
    // What an OPA without `persist` would do, key or no key.
    let taken = load(&delta, Some(&pinned(&key, "acme")), false, SIZE_LIMIT).expect("is taken");
    store.activate(POLICY, taken).expect("comes into force");
    assert_eq!(store.data()["writ"]["policy"]["roles"]["guest"], json!({ "incidents.trigger": true }));
}

#[test]
fn a_patch_without_operations_would_wipe_everything_and_is_not_what_we_ever_send() {
    let key = Key::generate().expect("randomness");
    let nothing = [named("patch.json", r#"{"data":[]}"#)];
    let taken = load(&packed(&nothing), None, true, SIZE_LIMIT).expect("is taken, as a snapshot of nothing");
    assert!(!taken.is_delta() && taken.data == json!({}) && taken.modules.is_empty());
    assert_eq!(load(&packed(&nothing), Some(&pinned(&key, "acme")), true, SIZE_LIMIT), Err(Refused::Unsigned));
    for archive in [signed_policy(&key), unsigned_revocations().sign(&key).expect("signs")] {
        assert!(files(&archive.bytes).iter().all(|(name, _)| !name.ends_with("patch.json")));
    }
}

#[test]
fn an_older_bundle_with_a_good_signature_is_taken() {
    // No OPA knows that there was a newer one. The ends in the manifests bound for how long that helps anybody: see the tests of freshness.
    let key = Key::generate().expect("randomness");
    let mut store = Store::default();
    let older = unsigned_revocations().sign(&key).expect("signs");
    let newer = opa::revocations_bundle(&policy::Revocations::new("acme".into(), 4, Vec::new()), &TERMS)
        .expect("a bundle")
        .sign(&key)
        .expect("signs");
    for archive in [&newer, &older] {
        store.activate(REVOCATIONS, opened(&archive.bytes, &pinned(&key, "acme")).expect("is taken")).expect("comes into force");
    }
    assert_eq!(store.active(REVOCATIONS).expect("in force").manifest.metadata["seq"], json!(3));
}
