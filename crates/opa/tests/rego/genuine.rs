//! The genuine engine's word for what is not a decision: signatures, hashes, and the printed configuration.

use crate::support::LATER;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle::{Key, Signer as _};
use opa::canonical::canonical;
use opa::config::{ClientConfig, PinnedKey};
use opa::{PolicyTerms, RevocationTerms, policy_bundle, revocations_bundle, signature};
use opa_engines::{Genuine, genuine, world::World};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use situations::{NOW, every_kind};

fn engine() -> Option<Genuine> {
    genuine::library().map(|library| Genuine::new(&library, &World::default()).expect("starts"))
}

fn jws_of(bytes: &[u8]) -> String {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        if entry.path().expect("a name").to_str() == Some(signature::FILE) {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut entry, &mut text).expect("text");
            let file: Value = serde_json::from_str(&text).expect("JSON");
            return file["signatures"][0].as_str().expect("a JWS").to_owned();
        }
    }
    panic!("the archive is not signed");
}

#[test]
fn the_genuine_engine_verifies_the_signature_and_computes_the_same_hashes() {
    let Some(mut engine) = engine() else { return };
    let key = Key::generate().expect("randomness");
    let policy = every_kind::policy().new_tree(&mut TestRunner::deterministic()).expect("a policy").current();
    let terms = PolicyTerms { native_sha256: "0".repeat(64), signed: NOW, expires: LATER };
    let unsigned = policy_bundle(&policy, &terms).expect("a bundle");
    let jws = jws_of(&unsigned.sign(&key).expect("signs").bytes);
    let verified = "x := io.jwt.verify_es256(input.jws, input.key)";
    let input = json!({ "jws": jws, "key": key.public().to_pem() });
    assert_eq!(engine.query(verified, &input).expect("evaluates"), Some(json!(true)));
    let other = json!({ "jws": jws, "key": Key::generate().expect("randomness").public().to_pem() });
    assert_eq!(engine.query(verified, &other).expect("evaluates"), Some(json!(false)));
    let header = engine.query("x := io.jwt.decode(input.jws)[0]", &input).expect("evaluates").expect("decodes");
    assert_eq!(header, json!({ "alg": "ES256", "kid": key.public().id() }));

    let payload = engine.query("x := io.jwt.decode(input.jws)[1]", &input).expect("evaluates").expect("decodes");
    assert_eq!(payload["scope"], "acme");
    let listed: Vec<&Value> = payload["files"].as_array().expect("files").iter().collect();
    assert_eq!(listed.len(), unsigned.files().count());
    for ((name, bytes), listed) in unsigned.files().zip(listed) {
        assert_eq!(listed["name"], name);
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let raw = engine.query("x := crypto.sha256(input)", &json!(text)).expect("evaluates");
        assert_eq!(raw.as_ref(), Some(&listed["hash"]), "{name}");
    }
}

/// `json.marshal` is the engine's writer of the same form but for HTML escapes, which are taken back here.
#[test]
fn the_canonical_form_is_what_the_genuine_engine_writes() {
    let Some(mut engine) = engine() else { return };
    let written = r#"x := replace(replace(replace(json.marshal(input), "\\u003c", "<"), "\\u003e", ">"), "\\u0026", "&")"#;
    let vector = json!({ "a": { "k": "v" }, "b": [1, 2, { "a": true, "z": null }] });
    let hash = format!("x := crypto.sha256({})", written.trim_start_matches("x := "));
    assert_eq!(
        engine.query(&hash, &vector).expect("evaluates"),
        Some(json!(bundle::sha256_hex(&canonical(&vector).expect("can be written"))))
    );
    for value in [
        vector,
        json!({ "\u{10000}": 1, "\u{ffff}": 2, "b": 3, "B": 4, "": 5, "é": 6, "z\u{2028}": 7 }),
        json!(["<b>&amp;</b>", "\u{2028}\u{2029}", "\"\\/", "\u{7f}\u{80}\u{fffd}", "\u{1f512}"]),
        json!([{}, [], "", null, true, false, [[]], { "a": {} }]),
        json!([0, -1, i64::MIN, i64::MAX, u64::MAX]),
    ] {
        let ours = String::from_utf8(canonical(&value).expect("can be written")).expect("UTF-8");
        assert_eq!(engine.query(written, &value).expect("evaluates"), Some(json!(ours)));
    }
}

#[test]
fn a_changed_character_is_found_by_its_hash() {
    let Some(mut engine) = engine() else { return };
    let list = policy::Revocations::new("acme".into(), 3, Vec::new());
    let terms = RevocationTerms { floor: 1, signed: NOW, fresh_until: NOW, expires: NOW };
    let unsigned = revocations_bundle(&list, &terms).expect("a bundle");
    let payload: Value = serde_json::from_slice(unsigned.payload()).expect("JSON");
    let (_, bytes) = unsigned.files().find(|(name, _)| *name == "writ/revocations/data.json").expect("data");
    let altered = std::str::from_utf8(bytes).expect("UTF-8").replace("\"seq\":3", "\"seq\":4");
    let hash = engine.query("x := crypto.sha256(input)", &json!(altered)).expect("evaluates").expect("a hash");
    assert!(payload["files"].as_array().expect("files").iter().all(|file| file["hash"] != hash));
}

/// The engine reads YAML as an OPA reads its configuration.
#[test]
fn the_printed_configuration_is_what_an_opa_reads() {
    let Some(mut engine) = engine() else { return };
    let (policy_key, revocations_key) = (Key::generate().expect("randomness"), Key::generate().expect("randomness"));
    let pinned = |key: &Key| PinnedKey { id: key.public().id().to_owned(), pem: key.public().to_pem() };
    let config = ClientConfig {
        name: "opa-1".into(),
        tenant: "acme".into(),
        service_url: "https://writ.example.com/t/acme/opa".into(),
        token_path: "/etc/opa/a \"path\".token".into(),
        state_folder: "/var/lib/opa".into(),
        policy_key: pinned(&policy_key),
        revocations_key: pinned(&revocations_key),
    };
    let read = engine.query("x := yaml.unmarshal(input)", &json!(config.to_string())).expect("evaluates").expect("YAML");
    let (policy, revocations) = (&read["bundles"]["writ-policy"], &read["bundles"]["writ-revocations"]);
    for (bundle, key, resource) in [(policy, &policy_key, "bundles/policy"), (revocations, &revocations_key, "bundles/revocations")] {
        assert_eq!(bundle["signing"], json!({ "keyid": key.public().id(), "scope": "acme" }));
        assert_eq!((&bundle["resource"], &bundle["persist"], &bundle["service"]), (&json!(resource), &json!(true), &json!("writ")));
        assert!(bundle["polling"]["long_polling_timeout_seconds"].is_u64());
        assert_eq!(read["keys"][key.public().id()], json!({ "algorithm": "ES256", "key": key.public().to_pem() }));
    }
    assert_eq!(read["services"]["writ"]["url"], "https://writ.example.com/t/acme/opa");
    assert_eq!(read["services"]["writ"]["credentials"]["bearer"]["token_path"], "/etc/opa/a \"path\".token");
    assert_eq!((&read["status"]["service"], &read["decision_logs"]["service"]), (&json!("writ"), &json!("writ")));
    assert_eq!(read["persistence_directory"], "/var/lib/opa");
}

#[test]
fn a_jws_is_three_parts_of_base64url() {
    let key = Key::generate().expect("randomness");
    let signature = key.sign(b"x").expect("signs");
    assert_eq!(URL_SAFE_NO_PAD.encode(signature::fixed(&signature).expect("a signature")).len(), 86);
}
