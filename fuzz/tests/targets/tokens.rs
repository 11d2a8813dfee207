//! `token`: access tokens, assertions, key sets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::samples::keys::{jws, signed_again, token_key};
use fuzz::samples::tokens::{AUDIENCE, ISSUER, KEY, assertion_claims, claims, issuers, tokens};
use fuzz::samples::{NOW, TENANT};
use fuzz::{Choices, edited, edited_text, target};
use policy::{Issuer, TokenFacts};
use serde_json::{Value, json};
use token::{Assertion, CLOCK_SKEW, DEEPEST_CHAIN, PublicJwk, VerifyingKeys};

fn now(choices: &mut Choices<'_>) -> i64 {
    if choices.below(3) == 0 { choices.number() } else { NOW }
}

/// The token with one of its parts edited as what it is, and its signature left as it was.
fn edited_inside(choices: &mut Choices<'_>, tokens: &[String]) -> String {
    let mut parts: Vec<String> = choices.pick(tokens).split('.').map(str::to_owned).collect();
    let at = choices.below(parts.len());
    let inner = URL_SAFE_NO_PAD.decode(&parts[at]).expect("base64");
    parts[at] = URL_SAFE_NO_PAD.encode(edited(choices, &[inner]));
    parts.join(".")
}

#[test]
fn access_tokens() {
    let (keys, tokens) = (VerifyingKeys::from_issuers(&issuers()), tokens());
    let honest: Vec<TokenFacts> = tokens.iter().map(|token| keys.verify(token, NOW).expect("a good token")).collect();
    target!(2_000, |mut choices: Choices<'_>| {
        let token = if choices.below(2) == 0 { edited_text(&mut choices, &tokens) } else { edited_inside(&mut choices, &tokens) };
        match keys.verify(&token, now(&mut choices)) {
            Ok(facts) => assert!(honest.contains(&facts), "an edited token says {facts:?}"),
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    });
}

/// Header and claims that an issuer would never write, signed by its key all the same.
#[test]
fn access_tokens_of_a_hostile_issuer() {
    let keys = VerifyingKeys::from_issuers(&issuers());
    let headers = [
        json!({"typ": "at+jwt", "alg": "ES256", "kid": token_key(KEY).kid()}).to_string(),
        r#"{"typ":"JWT","alg":"none","crit":["b64"],"jwk":{}}"#.to_owned(),
    ];
    let payloads: Vec<String> = claims().iter().map(|claims| serde_json::to_string(claims).expect("serialises")).collect();
    target!(1_500, |mut choices: Choices<'_>| {
        let header = if choices.below(3) == 0 { edited(&mut choices, &headers) } else { headers[0].clone().into_bytes() };
        let token = jws(KEY, &header, &edited(&mut choices, &payloads));
        let now = now(&mut choices);
        if let Ok(facts) = keys.verify(&token, now) {
            assert_eq!(facts.issuer, ISSUER);
            assert!(now < facts.exp && facts.iat <= now.saturating_add(CLOCK_SKEW));
            assert!(usize::from(facts.agent.is_some()) + facts.inner_actors.len() <= DEEPEST_CHAIN);
            assert!(facts.agent.is_some() || facts.inner_actors.is_empty());
            let header: Value = serde_json::from_slice(&header).expect("a header that was read");
            assert!(header["alg"] == "ES256" && header["typ"].as_str().is_some_and(|typ| typ.ends_with("at+jwt")));
        }
    });
}

#[test]
fn assertions() {
    let key = token_key(KEY);
    let samples = assertion_claims();
    let signed: Vec<String> =
        samples.iter().map(|(kind, claims)| signed_again(KEY, &kind.sign(&key, "gw_1", claims).expect("signs"))).collect();
    let payloads: Vec<String> = samples.iter().map(|(_, claims)| serde_json::to_string(claims).expect("serialises")).collect();
    let headers = ["gateway+jwt", "writ-upstream+jwt"].map(|typ| json!({"typ": typ, "alg": "ES256", "kid": "gw_1"}).to_string());
    target!(2_000, |mut choices: Choices<'_>| {
        let (at, now) = (choices.below(2), now(&mut choices));
        let kind = samples[at].0;
        let edited_only = choices.below(2) == 0;
        let assertion = match edited_only {
            true => edited_text(&mut choices, &signed),
            false => jws(KEY, headers[at].as_bytes(), &edited(&mut choices, &payloads)),
        };
        let kid = kind.kid_unverified(&assertion);
        if let Ok(said) = kind.verify(&assertion, key.public(), AUDIENCE, now) {
            assert!(kid.is_ok());
            assert!(said.aud == AUDIENCE && said.exp.saturating_sub(said.iat) <= Assertion::LIFE);
            assert!(said.exp.saturating_add(Assertion::LIFE) > now && said.iat.saturating_sub(Assertion::LIFE) <= now);
            assert!(!edited_only || said == samples[at].1, "an edited assertion says {said:?}");
        }
    });
}

/// No key set makes a token verify that was signed by a key which is not in it.
#[test]
fn key_sets() {
    let key = token_key(KEY).public().clone();
    let mut other = token_key(KEY + 1).public().clone();
    other.kid.clone_from(&key.kid);
    let samples = [
        json!({"keys": [key]}).to_string(),
        json!({"keys": [other, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}).to_string(),
        json!({"keys": [other, key]}).to_string(),
    ];
    let token = &tokens()[0];
    target!(2_000, |mut choices: Choices<'_>| {
        let Ok(jwks) = serde_json::from_str::<Value>(&edited_text(&mut choices, &samples)) else { return };
        let keys = VerifyingKeys::from_issuers(&[Issuer { issuer: ISSUER.into(), jwks: jwks.clone() }]);
        if let Ok(facts) = keys.verify(token, NOW) {
            assert_eq!(facts.tenant, TENANT);
            let listed = jwks["keys"].as_array().expect("a list").iter().any(|found| found["x"] == key.x && found["y"] == key.y);
            assert!(listed, "a key that is not in {jwks} verified");
        }
        for jwk in jwks["keys"].as_array().into_iter().flatten() {
            if let Ok(jwk) = serde_json::from_value::<PublicJwk>(jwk.clone()) {
                let again: PublicJwk = serde_json::from_value(json!(jwk)).expect("reads its own");
                assert_eq!((&again, again.is_p256()), (&jwk, jwk.is_p256()));
            }
        }
    });
}
