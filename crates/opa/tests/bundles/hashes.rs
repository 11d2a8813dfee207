//! Hashes of documents: ours and an OPA's are the same for whatever we can write.

use crate::support::*;
use bundle::Key;
use opa::canonical::canonical;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Documents of strings and whole numbers, with keys beyond the basic plane and everything that is escaped anywhere.
fn document() -> impl Strategy<Value = Value> {
    let text = prop::collection::vec(
        prop::sample::select("ab<>&\"\\/é\u{7f}\u{80}\u{2028}\u{2029}\u{fffd}\u{ffff}\u{10000}\u{1f512}".chars().collect::<Vec<_>>()),
        0..6,
    );
    let text = text.prop_map(|chars| chars.into_iter().collect::<String>());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-z]{1,4}", value, 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_we_write_is_hashed_as_we_hash_it(document in document()) {
        let key = Key::generate().expect("randomness");
        let bytes = canonical(&document).expect("can be written");
        prop_assert_eq!(&serde_json::from_slice::<Value>(&bytes).expect("JSON"), &document);
        // Signed over the hash of the bytes, and handed over written in another way.
        let mut files = vec![("a/data.json".to_owned(), bytes)];
        let signed = resigned(&key, &files, "acme");
        prop_assert!(opened(&signed, &pinned(&key, "acme")).is_ok());
        files[0].1 = serde_json::to_string_pretty(&document).expect("writes").into_bytes();
        let mut again = files;
        again.push(crate::support::files(&signed).pop().expect("a signature"));
        prop_assert!(opened(&packed(&again), &pinned(&key, "acme")).is_ok());
    }
}

#[test]
fn numbers_keep_their_text() {
    // 1.0 and 1 are different documents to an OPA, which is why we write neither fractions nor exponents.
    let key = Key::generate().expect("randomness");
    let signed = resigned(&key, &[named("a/data.json", "{\"x\":1}")], "acme");
    let mut changed = files(&signed);
    changed[0].1 = b"{\"x\":1.0}".to_vec();
    assert_eq!(opened(&packed(&changed), &pinned(&key, "acme")), Err(opa_peer::Refused::Digest("a/data.json".into())));
    assert!(canonical(&json!({ "x": 1.0 })).is_err());
}

#[test]
fn a_digest_is_hex_in_either_case() {
    let key = Key::generate().expect("randomness");
    let files = vec![named("a/data.json", "{}")];
    let mut listing = listing(&files, "acme");
    let upper = listing["files"][0]["hash"].as_str().expect("hex").to_uppercase();
    listing["files"][0]["hash"] = json!(upper);
    let signature = json!({ "signatures": [jws(&key, key.public().id(), &listing)] }).to_string();
    let mut all = files;
    all.push(named(".signatures.json", &signature));
    opened(&packed(&all), &pinned(&key, "acme")).expect("is taken");
}
