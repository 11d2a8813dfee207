//! Tokens that must not verify, one for each way in which they were forged somewhere before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use policy::{Issuer, SubjectKind};
use serde_json::{Value, json};
use token::{ActClaim, Assertion, AssertionClaims, AssertionError, CLOCK_SKEW, Claims, Refused, SigningKey, VerifyingKeys};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://writ.example/t/acme";

fn key() -> SigningKey {
    SigningKey::generate().expect("randomness").0
}

fn keys(issuer: &str, key: &SigningKey) -> Vec<Issuer> {
    vec![Issuer { issuer: issuer.into(), jwks: json!({"keys": [key.public()]}) }]
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        aud: "http://gw/mcp/incident".into(),
        sub: "usr_a".into(),
        sub_profile: SubjectKind::User,
        client_id: "cli_a".into(),
        client_class: "ide".into(),
        scope: "logs.read  analytics.query".into(),
        iat: NOW,
        exp: NOW + 600,
        jti: "jti".into(),
        sid: "ses".into(),
        lineage: "lin".into(),
        tenant: "acme".into(),
        roles: vec!["sre".into()],
        grants: Vec::new(),
        act: None,
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        seq: 3,
    }
}

/// A key whose private half is kept, to sign what an issuer never would.
struct Forge {
    key: SigningKey,
    private: EncodingKey,
}

impl Forge {
    fn new() -> Self {
        let (key, pkcs8) = SigningKey::generate().expect("randomness");
        Self { key, private: EncodingKey::from_ec_der(&pkcs8) }
    }

    /// A compact JWS over any header and claims, signed as for ES256 whatever the header says.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, Algorithm::ES256).expect("signs");
        format!("{message}.{signature}")
    }
}

fn header(key: &SigningKey) -> Value {
    json!({"typ": "at+jwt", "alg": "ES256", "kid": key.kid()})
}

fn body() -> Value {
    serde_json::to_value(claims()).expect("serialises")
}

#[test]
fn an_honest_token_becomes_its_facts() {
    let key = key();
    let agent = |id: &str, act| Box::new(ActClaim { sub: id.into(), sub_profile: "ai_agent".into(), class: "assistant".into(), act });
    let claims = Claims { act: Some(*agent("agt_outer", Some(agent("agt_inner", None)))), ..claims() };
    let facts = VerifyingKeys::from_issuers(&keys(ISSUER, &key)).verify(&claims.sign(&key).expect("signs"), NOW).expect("verifies");
    assert_eq!(facts.scope, ["analytics.query".to_owned(), "logs.read".to_owned()].into());
    assert_eq!(facts.agent.map(|agent| agent.id).as_deref(), Some("agt_outer"));
    assert_eq!(facts.inner_actors.iter().map(|actor| actor.id.as_str()).collect::<Vec<_>>(), ["agt_inner"]);
    assert_eq!((facts.issuer.as_str(), facts.subject.as_str(), facts.seq), (ISSUER, "usr_a", 3));
}

#[test]
fn headers_that_lie() {
    let forge = Forge::new();
    let key = &forge.key;
    let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, key));
    assert!(verifying.verify(&forge.sign(&header(key), &body()), NOW).is_ok(), "the forge itself works");
    let with = |name: &str, value: Value| {
        let mut header = header(key);
        header[name] = value;
        header
    };
    let thief = Forge::new();
    let mut injected = with("jwk", json!(thief.key.public()));
    injected["jku"] = json!("https://evil.example/jwks");
    for (what, token, refused) in [
        ("alg none", forge.sign(&with("alg", json!("none")), &body()), Refused::Malformed),
        ("alg RS256", forge.sign(&with("alg", json!("RS256")), &body()), Refused::WrongAlgorithm),
        ("alg ES384", forge.sign(&with("alg", json!("ES384")), &body()), Refused::WrongAlgorithm),
        ("an ID token", forge.sign(&with("typ", json!("JWT")), &body()), Refused::WrongType),
        ("an upstream assertion", forge.sign(&with("typ", json!("writ-upstream+jwt")), &body()), Refused::WrongType),
        ("no typ", forge.sign(&json!({"alg": "ES256", "kid": key.kid()}), &body()), Refused::WrongType),
        ("no kid", forge.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &body()), Refused::UnknownKey),
        ("another kid", forge.sign(&with("kid", json!("../../key")), &body()), Refused::UnknownKey),
        ("its own key in the header", thief.sign(&injected, &body()), Refused::BadSignature),
        ("a thief's key under our kid", thief.sign(&header(key), &body()), Refused::BadSignature),
    ] {
        assert_eq!(verifying.verify(&token, NOW), Err(refused), "{what}");
    }
}

#[test]
fn unsigned_and_cut_tokens() {
    let key = key();
    let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, &key));
    let token = claims().sign(&key).expect("signs");
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        message.to_owned(),
        format!("{message}."),
        format!("{token}.{signature}"),
        format!(" {token}"),
        format!("{token}="),
    ] {
        assert!(verifying.verify(&bad, NOW).is_err(), "{bad:?}");
    }
}

#[test]
fn the_public_key_is_no_secret_for_hs256() {
    let key = key();
    let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, &key));
    let public = serde_json::to_string(key.public()).expect("serialises");
    let point =
        [URL_SAFE_NO_PAD.decode(&key.public().x).expect("base64"), URL_SAFE_NO_PAD.decode(&key.public().y).expect("base64")].concat();
    for secret in [public.as_bytes(), &point, key.public().x.as_bytes(), b""] {
        let header = Header { typ: Some("at+jwt".into()), kid: Some(key.kid().into()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).expect("signs");
        assert_eq!(verifying.verify(&token, NOW), Err(Refused::WrongAlgorithm));
    }
}

#[test]
fn claims_of_the_wrong_kind() {
    let forge = Forge::new();
    let key = &forge.key;
    let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, key));
    for (name, value, refused) in [
        ("exp", json!("1900000000"), Refused::Malformed),
        ("exp", json!(1_900_000_000.5), Refused::Malformed),
        ("exp", json!(null), Refused::Malformed),
        ("iat", json!("0"), Refused::Malformed),
        ("aud", json!(["http://gw/mcp/incident", "http://gw/mcp/other"]), Refused::Malformed),
        ("sub_profile", json!("root"), Refused::Malformed),
        ("scope", json!(["logs.read"]), Refused::Malformed),
        ("seq", json!(-1), Refused::Malformed),
        ("grants", json!([{"id": "g", "scopes": [], "resource": "r", "client": "c", "exp": 1, "surprise": 1}]), Refused::Malformed),
        ("iss", json!("https://writ.example/t/other"), Refused::UnknownKey),
        ("iss", json!("https://writ.example/t/acme/"), Refused::UnknownKey),
    ] {
        let mut body = body();
        body[name] = value.clone();
        assert_eq!(verifying.verify(&forge.sign(&header(key), &body), NOW), Err(refused), "{name} = {value}");
    }
    for missing in ["exp", "iat", "sub", "aud", "jti", "sid", "seq", "tenant", "client_id", "client_class", "sub_profile"] {
        let mut body = body();
        body.as_object_mut().expect("an object").remove(missing);
        assert_eq!(verifying.verify(&forge.sign(&header(key), &body), NOW), Err(Refused::Malformed), "without {missing}");
    }
}

#[test]
fn a_key_speaks_for_its_own_issuer_only() {
    let (ours, theirs) = (key(), key());
    let mut issuers = keys(ISSUER, &ours);
    issuers.extend(keys("https://other.example", &theirs));
    let verifying = VerifyingKeys::from_issuers(&issuers);
    assert_eq!(verifying.verify(&claims().sign(&theirs).expect("signs"), NOW), Err(Refused::UnknownKey));
    assert!(verifying.verify(&claims().sign(&ours).expect("signs"), NOW).is_ok());
}

#[test]
fn times_are_judged_to_the_second() {
    let key = key();
    let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, &key));
    let token = claims().sign(&key).expect("signs");
    assert!(verifying.verify(&token, NOW + 599).is_ok());
    assert_eq!(verifying.verify(&token, NOW + 600), Err(Refused::Expired));
    assert!(verifying.verify(&token, NOW - CLOCK_SKEW).is_ok());
    assert_eq!(verifying.verify(&token, NOW - CLOCK_SKEW - 1), Err(Refused::NotYetValid));
    for extreme in [i64::MIN, i64::MAX] {
        let token = Claims { iat: extreme, exp: extreme, ..claims() }.sign(&key).expect("signs");
        assert!(verifying.verify(&token, NOW).is_err());
    }
}

#[test]
fn chains_of_actors_are_refused_beyond_their_bound_and_never_cut() {
    let key = key();
    let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, &key));
    let chain = |length: usize| {
        let mut act = None;
        for at in 0..length {
            act = Some(Box::new(ActClaim { sub: format!("agt_{at}"), sub_profile: "ai_agent".into(), class: "assistant".into(), act }));
        }
        Claims { act: act.map(|act| *act), ..claims() }.sign(&key).expect("signs")
    };
    assert_eq!(verifying.verify(&chain(4), NOW).map(|facts| facts.inner_actors.len()), Ok(3));
    for length in [5, 6, 50] {
        assert_eq!(verifying.verify(&chain(length), NOW), Err(Refused::ChainTooDeep), "{length}");
    }
}

#[test]
fn keys_that_are_not_for_signing_es256_are_left_out() {
    let key = key();
    let token = claims().sign(&key).expect("signs");
    let jwk = |change: fn(&mut Value)| {
        let mut jwk = json!(key.public());
        change(&mut jwk);
        VerifyingKeys::from_issuers(&[Issuer { issuer: ISSUER.into(), jwks: json!({"keys": [jwk]}) }])
    };
    assert!(jwk(|_| ()).verify(&token, NOW).is_ok());
    let changes: [fn(&mut Value); 5] = [
        |jwk| jwk["kty"] = json!("RSA"),
        |jwk| jwk["crv"] = json!("P-384"),
        |jwk| jwk["alg"] = json!("ES384"),
        |jwk| jwk["kid"] = json!(""),
        |jwk| jwk["x"] = json!("AA"),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(jwk(change).verify(&token, NOW), Err(Refused::UnknownKey), "change {at}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn a_flipped_bit_anywhere_is_refused(at in 0usize..10_000, bit in 0u8..7) {
        let key = key();
        let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, &key));
        let mut bytes = claims().sign(&key).expect("signs").into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        // Seven bits a character: what comes out is still text.
        let flipped = String::from_utf8(bytes).expect("ASCII");
        proptest::prop_assert!(verifying.verify(&flipped, NOW).is_err());
    }

    #[test]
    fn nonsense_is_refused_without_a_panic(text in "\\PC{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_=-]{0,40}", 0..5)) {
        let key = key();
        let verifying = VerifyingKeys::from_issuers(&keys(ISSUER, &key));
        proptest::prop_assert!(verifying.verify(&text, NOW).is_err());
        proptest::prop_assert!(verifying.verify(&parts.join("."), NOW).is_err());
    }
}

#[test]
fn assertions_are_short_and_for_one_reader() {
    let (key, other) = (key(), key());
    let claims = AssertionClaims {
        iss: "gw_1".into(),
        sub: "gw_1".into(),
        aud: "https://writ.example/t/acme/delivery".into(),
        iat: NOW,
        exp: NOW + Assertion::LIFE,
        jti: "j".into(),
        client_id: None,
        agent: None,
        scope: None,
        ..AssertionClaims::default()
    };
    let text = Assertion::Gateway.sign(&key, "gw_1", &claims).expect("signs");
    let verify = |kind: Assertion, text: &str, key: &SigningKey, audience: &str, now| kind.verify(text, key.public(), audience, now);
    assert_eq!(Assertion::Gateway.kid_unverified(&text).as_deref(), Ok("gw_1"));
    assert_eq!(verify(Assertion::Gateway, &text, &key, &claims.aud, NOW), Ok(claims.clone()));
    assert_eq!(verify(Assertion::Upstream, &text, &key, &claims.aud, NOW), Err(AssertionError::WrongType));
    assert_eq!(verify(Assertion::Gateway, &text, &other, &claims.aud, NOW), Err(AssertionError::BadSignature));
    assert_eq!(verify(Assertion::Gateway, &text, &key, "https://writ.example/t/other/delivery", NOW), Err(AssertionError::WrongAudience));
    assert_eq!(verify(Assertion::Gateway, &text, &key, &claims.aud, NOW + 2 * Assertion::LIFE), Err(AssertionError::Expired));
    let long = AssertionClaims { exp: NOW + Assertion::LIFE + 1, ..claims.clone() };
    let long = Assertion::Gateway.sign(&key, "gw_1", &long).expect("signs");
    assert_eq!(verify(Assertion::Gateway, &long, &key, &claims.aud, NOW), Err(AssertionError::Expired));
    for extreme in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (i64::MIN, i64::MIN), (i64::MAX, i64::MAX)] {
        let odd = AssertionClaims { iat: extreme.0, exp: extreme.1, ..claims.clone() };
        let odd = Assertion::Gateway.sign(&key, "gw_1", &odd).expect("signs");
        assert_eq!(verify(Assertion::Gateway, &odd, &key, &claims.aud, NOW), Err(AssertionError::Expired), "{extreme:?}");
    }
}

#[test]
fn keys_never_show_their_private_half() {
    let (key, pkcs8) = SigningKey::generate().expect("randomness");
    let again = SigningKey::from_pkcs8(&pkcs8).expect("reads");
    assert_eq!((key.kid(), key.public()), (again.kid(), again.public()));
    let shown = format!("{key:?} {}", serde_json::to_string(key.public()).expect("serialises"));
    assert!(!shown.contains("\"d\"") && !shown.contains(&hex(&pkcs8[36..68])), "{shown}");
    assert!(SigningKey::from_pkcs8(b"not a key").is_err());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
