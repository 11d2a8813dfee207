//! Archives that an OPA with our configuration refuses.

use crate::support::*;
use bundle::Key;
use opa_peer::load::{SIZE_LIMIT, load};
use opa_peer::{Refused, Store};
use serde_json::json;

fn key() -> Key {
    Key::generate().expect("randomness")
}

/// What becomes of the policy once `change` was at its files, without a new signature.
fn tampered(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Refused {
    let key = key();
    let mut files = files(&signed_policy(&key).bytes);
    change(&mut files);
    opened(&packed(&files), &pinned(&key, "acme")).expect_err("is refused")
}

fn at<'f>(files: &'f mut [(String, Vec<u8>)], name: &str) -> &'f mut (String, Vec<u8>) {
    files.iter_mut().find(|(held, _)| held == name).expect("a file")
}

#[test]
fn a_changed_byte_in_any_file() {
    let names: Vec<String> = files(&signed_policy(&key()).bytes).into_iter().map(|(name, _)| name).collect();
    for name in names.iter().filter(|name| *name != ".signatures.json") {
        let refused = tampered(|files| {
            let bytes = &mut at(files, name).1;
            // A digit or a letter more, where it leaves JSON to be JSON.
            let text = String::from_utf8(bytes.clone()).expect("UTF-8");
            *bytes = match name.ends_with(".rego") {
                true => format!("{text}# x\n"),
                false => text.replacen('{', "{\"x\":1,", 1).replace(",}", "}"),
            }
            .into_bytes();
        });
        assert_eq!(refused, Refused::Digest(name.clone()));
    }
}

#[test]
fn white_space_in_a_document_is_no_change() {
    let key = key();
    let mut files = files(&signed_policy(&key).bytes);
    let bytes = &mut at(&mut files, "writ/policy/roles/data.json").1;
    *bytes = format!(" \n{} ", String::from_utf8_lossy(bytes).replace(':', " : ")).into_bytes();
    opened(&packed(&files), &pinned(&key, "acme")).expect("is taken");
}

#[test]
fn an_extra_file_even_one_that_means_nothing() {
    for name in ["README", "writ/policy/more/data.json", "._data.json", "writ/checks/more.rego"] {
        assert_eq!(tampered(|files| files.push(named(name, "{}"))), Refused::Unlisted(name.into()));
    }
}

#[test]
fn a_missing_file() {
    let refused = tampered(|files| files.retain(|(name, _)| name != "writ/policy/roles/data.json"));
    assert_eq!(refused, Refused::Missing(vec!["writ/policy/roles/data.json".into()]));
}

#[test]
fn names_that_begin_with_a_dot_and_a_slash() {
    let refused = tampered(|files| at(files, ".manifest").0 = "./.manifest".into());
    assert_eq!(refused, Refused::Unlisted("./.manifest".into()));
    // One slash before the name is what an OPA writes itself.
    let key = key();
    let mut files = files(&signed_policy(&key).bytes);
    for (name, _) in &mut files {
        name.insert(0, '/');
    }
    opened(&packed(&files), &pinned(&key, "acme")).expect("is taken");
}

#[test]
fn two_signatures_or_none() {
    let refused = |signatures: serde_json::Value| {
        tampered(|files| at(files, ".signatures.json").1 = json!({ "signatures": signatures }).to_string().into_bytes())
    };
    assert_eq!(refused(json!([])), Refused::NoSignature);
    let key = key();
    let jws = jws(&key, "k", &json!({ "files": [], "scope": "acme" }));
    assert_eq!(refused(json!([jws, jws])), Refused::ManySignatures);
    assert_eq!(tampered(|files| files.retain(|(name, _)| name != ".signatures.json")), Refused::Unsigned);
}

#[test]
fn another_tenants_bundle_by_its_scope() {
    let key = key();
    let archive = signed_policy(&key);
    assert_eq!(opened(&archive.bytes, &pinned(&key, "beta")), Err(Refused::ScopeMismatch));
    assert_eq!(opened(&archive.bytes, &pinned(&key, "")), Err(Refused::ScopeMismatch));
}

#[test]
fn one_lanes_bundle_in_the_place_of_the_other() {
    let (policy_key, revocations_key) = (key(), key());
    let revocations = unsigned_revocations().sign(&revocations_key).expect("signs");
    assert_eq!(opened(&revocations.bytes, &pinned(&policy_key, "acme")), Err(Refused::BadSignature));
}

#[test]
fn the_pinned_key_beats_the_one_that_the_signature_names() {
    let (trusted, other) = (key(), key());
    let mut both = pinned(&trusted, "acme");
    both.keys.extend(pinned(&other, "acme").keys);
    // Signed with a key that the configuration knows, but has not pinned for this bundle.
    assert_eq!(opened(&signed_policy(&other).bytes, &both), Err(Refused::BadSignature));
    opened(&signed_policy(&trusted).bytes, &both).expect("is taken");
    let pinned_unknown = opa_peer::Verification { key_id: "another".into(), ..both };
    assert_eq!(opened(&signed_policy(&trusted).bytes, &pinned_unknown), Err(Refused::UnknownKey("another".into())));
}

#[test]
fn an_algorithm_other_than_the_configured_one() {
    let key = key();
    for algorithm in ["EdDSA", "HS256", "none", ""] {
        let mut verification = pinned(&key, "acme");
        verification.keys.values_mut().for_each(|held| held.algorithm = algorithm.into());
        let refused = opened(&signed_policy(&key).bytes, &verification).expect_err("is refused");
        assert_eq!(refused, Refused::UnknownSignatureAlgorithm(algorithm.into()));
    }
}

#[test]
fn a_signature_of_other_form() {
    let key = key();
    let mut all = files(&signed_policy(&key).bytes);
    let good: serde_json::Value = serde_json::from_slice(&at(&mut all, ".signatures.json").1).expect("JSON");
    let jws = good["signatures"][0].as_str().expect("a JWS").to_owned();
    let mut flipped = jws.clone().into_bytes();
    let last = flipped.len() - 10;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    for bad in ["", "a.b", "a.b.c.d", "!.!.!", &jws[1..], &jws[..jws.len() - 4], &String::from_utf8(flipped).expect("ASCII")] {
        at(&mut all, ".signatures.json").1 = json!({ "signatures": [bad] }).to_string().into_bytes();
        let refused = opened(&packed(&all), &pinned(&key, "acme")).expect_err(bad);
        assert!(matches!(refused, Refused::MalformedSignature(_) | Refused::BadSignature), "{bad}: {refused}");
    }
}

#[test]
fn bundles_with_roots_of_others() {
    let key = key();
    let mut store = Store::default();
    let ours = opened(&signed_policy(&key).bytes, &pinned(&key, "acme")).expect("is taken");
    store.activate(POLICY, ours).expect("comes into force");
    for root in ["writ/policy", "writ/policy/roles", "writ", ""] {
        let files = [named(".manifest", &format!("{{\"roots\":[\"{root}\"]}}"))];
        let other = opened(&resigned(&key, &files, "acme"), &pinned(&key, "acme")).expect("is read");
        assert_eq!(store.activate("other", other), Err(Refused::OverlapsOthers(POLICY.into())), "{root}");
    }
    // A name that only begins alike is another root.
    let files = [named(".manifest", r#"{"roots":["writ/policy2","writ/revocations"]}"#)];
    let other = opened(&resigned(&key, &files, "acme"), &pinned(&key, "acme")).expect("is read");
    store.activate("other", other).expect("comes into force");
}

#[test]
fn a_manifest_that_does_not_hold_what_is_in_the_archive() {
    let key = key();
    let refused = |files: &[(String, Vec<u8>)]| opened(&resigned(&key, files, "acme"), &pinned(&key, "acme")).expect_err("is refused");
    let roots = |roots: &str| named(".manifest", &format!("{{\"roots\":[{roots}]}}"));
    assert!(matches!(refused(&[roots(r#""a","a/b""#)]), Refused::OverlappedRoots(..)));
    assert!(matches!(refused(&[roots(r#""a""#), named("b/data.json", "{}")]), Refused::OutsideRoots(..)));
    assert!(matches!(refused(&[roots(r#""a""#), named("ab/data.json", "1")]), Refused::OutsideRoots(..)));
    assert!(matches!(refused(&[roots(r#""a""#), named("x.rego", "package b\n")]), Refused::OutsideRoots(..)));
    assert!(matches!(refused(&[roots(r#""a""#), named("a/data.json", "{"),]), Refused::NotJson(_)));
    assert_eq!(refused(&[named("data.json", "[]")]), Refused::RootData);
}

#[test]
fn what_is_no_archive_or_larger_than_allowed() {
    let key = key();
    let archive = signed_policy(&key);
    let verification = pinned(&key, "acme");
    for bad in [&[][..], b"no", &archive.bytes[..archive.bytes.len() / 2]] {
        let refused = load(bad, Some(&verification), true, SIZE_LIMIT).expect_err("is refused");
        assert!(matches!(refused, Refused::Archive(_) | Refused::Unsigned), "{refused}");
    }
    assert!(matches!(load(&archive.bytes, Some(&verification), true, 100), Err(Refused::TooLarge(_))));
}
