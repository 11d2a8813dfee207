//! `outbound` and `control`: where keys lie in a key management service, and what Vault or OpenBao answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::{PublicKey, Signer as _};
use control::Reference;
use fuzz::samples::keys::metadata_key;
use fuzz::{Choices, edited, edited_text, target};
use outbound::transit::{KeyName, TransitError, answer};
use serde_json::{Value, json};
use url::Url;

const MESSAGE: &[u8] = b"metadata";

/// It is the rest of a sentence that is printed and logged: short, and nothing in it moves a cursor or turns the direction of what follows.
fn says_what_is_wrong(error: &TransitError) {
    let text = error.to_string();
    assert!(
        !text.is_empty()
            && text.len() < 4_000
            && !text.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')),
        "{text:?}"
    );
}

#[test]
fn references() {
    let samples = ["vault:transit/acme-timestamp@1", "vault:team/a/transit/x_1.y@12", "vault:transit/acme-timestamp", "kms:eu-1/0f@2"];
    let address = Url::parse("https://vault.example:8200").expect("a URL");
    target!(12_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &samples);
        let Some(reference) = Reference::parse(&text) else { return };
        let (kind, rest) = reference.parts();
        assert_eq!((reference.as_str(), format!("{kind}:{rest}")), (text.as_str(), text.clone()));
        assert!(!kind.is_empty() && !rest.is_empty() && text.len() <= 300 && text.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(name) = KeyName::parse(rest) else { return };
        // One key has one name, and whichever version it is pinned to, it is the same key.
        assert_eq!(name.to_string(), rest);
        assert!(name.version() != Some(0));
        let pinned = name.at(7);
        assert_eq!(KeyName::parse(&pinned.to_string()), Some(pinned));
        // The path that is called is the one that is named: it goes neither up nor elsewhere, and has no query.
        let path = format!("/v1/{}", rest.split('@').next().unwrap_or_default());
        let url = address.join(&path).expect("a path");
        assert_eq!(url.as_str(), format!("{address}{}", path.trim_start_matches('/')));
        assert!(url.path_segments().is_some_and(|mut segments| segments.all(|segment| !segment.is_empty())));
    });
}

/// Names, and statuses that an answer may have.
fn asked(choices: &mut Choices<'_>) -> (KeyName, u16) {
    let name =
        *choices.pick(&["transit/acme-timestamp", "transit/acme-timestamp@1", "transit/acme-timestamp@2", "a/b/k@18446744073709551615"]);
    let status = *choices.pick(&[200, 200, 200, 200, 200, 200, 204, 307, 400, 403, 404, 412, 429, 472, 473, 500, 503]);
    (KeyName::parse(name).expect("a name"), status)
}

/// Refusals.
fn refusals() -> [Value; 2] {
    [json!({"errors": ["permission denied", "1 error occurred:\n\t* \u{202e}no\n"]}), json!({"errors": []})]
}

/// What an error may say of an answer with this status.
fn is_of_its_status(error: &TransitError, status: u16) {
    says_what_is_wrong(error);
    match error {
        TransitError::Refused { status: said, .. } => assert!(*said == status && status != 200 && status < 472),
        TransitError::Unable { status: said, .. } => assert!(*said == status && (matches!(status, 300..400 | 412 | 429) || status >= 472)),
        TransitError::NoSuchKey(_) => assert!(matches!(status, 200 | 404)),
        TransitError::Malformed(_) => assert_eq!(status, 200),
        TransitError::Token(_) | TransitError::Http(_) => panic!("nobody was called: {error}"),
    }
}

#[test]
fn public_halves() {
    let key =
        |byte: u8| json!({"creation_time": "2026-01-01T00:00:00Z", "name": "P-256", "public_key": metadata_key(byte).public().to_pem()});
    let answer = |kind: &str, latest: u64, keys: Value| {
        json!({"request_id": "0", "lease_id": "", "renewable": false, "lease_duration": 0, "warnings": null,
            "data": {"type": kind, "latest_version": latest, "keys": keys, "name": "acme-timestamp", "exportable": false, "supports_signing": true}})
    };
    let [denied, silent] = refusals();
    let samples = [
        answer("ecdsa-p256", 2, json!({"1": key(21), "2": key(22)})),
        answer("ecdsa-p256", 1, json!({"1": key(21)})),
        answer("ecdsa-p256", 0, json!({"0": key(21)})),
        answer("aes256-gcm96", 1, json!({"1": 1_767_225_600})),
        denied,
        silent,
    ]
    .map(|answer| answer.to_string());
    target!(4_000, |mut choices: Choices<'_>| {
        let ((name, status), body) = (asked(&mut choices), edited(&mut choices, &samples));
        let (version, pem) = match answer::public_half(&name, status, &body) {
            Ok(found) => found,
            Err(error) => return is_of_its_status(&error, status),
        };
        let said = &serde_json::from_slice::<Value>(&body).expect("it was read")["data"];
        assert_eq!((status, said["type"].as_str()), (200, Some("ecdsa-p256")));
        assert_eq!(Some(version), name.version().or(said["latest_version"].as_u64()));
        assert_eq!(said["keys"][version.to_string()]["public_key"], pem);
        // What is pinned now can be asked for later.
        let pinned = name.at(version);
        assert_eq!(KeyName::parse(&pinned.to_string()), Some(pinned));
        if let Ok(public) = PublicKey::from_pem(&pem) {
            assert_eq!(PublicKey::from_pem(&public.to_pem()).expect("read again").id(), public.id());
        }
    });
}

#[test]
fn signatures() {
    let key = metadata_key(21);
    let honest = key.sign(MESSAGE).expect("signs");
    let answer = |version: u64, der: &[u8]| json!({"request_id": "0", "data": {"signature": format!("vault:v{version}:{}", STANDARD.encode(der)), "key_version": version}});
    let [denied, silent] = refusals();
    let another = metadata_key(22).sign(MESSAGE).expect("signs");
    let samples = [answer(1, &honest), answer(2, &honest), answer(1, &another), answer(u64::MAX, &honest), denied, silent]
        .map(|answer| answer.to_string());
    target!(4_000, |mut choices: Choices<'_>| {
        let ((name, status), body) = (asked(&mut choices), edited(&mut choices, &samples));
        let version = name.version().unwrap_or(1);
        match answer::signature(&name, version, status, &body) {
            Ok(der) => {
                assert!(status == 200 && (!key.public().verifies(MESSAGE, &der) || der == honest));
                let said = &serde_json::from_slice::<Value>(&body).expect("it was read")["data"]["signature"];
                // Its bytes have one spelling.
                assert_eq!(*said, format!("vault:v{version}:{}", STANDARD.encode(&der)));
            }
            Err(error) => is_of_its_status(&error, status),
        }
    });
}
