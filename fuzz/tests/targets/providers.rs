//! `outbound`: identity providers, and the addresses that may be called.

use fuzz::samples::NOW;
use fuzz::samples::keys::{jws, token_key};
use fuzz::{Choices, edited, edited_text, target};
use outbound::oidc::{ClientConfig, Flow, Identity, Provider, SignInError, TokenAnswer, verify};
use outbound::{Guarded, Limits, Reach};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

const ISSUER: &str = "https://idp.example/a";
const KEY: u8 = 41;

fn document() -> Value {
    json!({
        "issuer": ISSUER, "authorization_endpoint": "https://idp.example/a/authorize", "token_endpoint": "https://idp.example/a/token",
        "jwks_uri": "https://idp.example/a/jwks", "end_session_endpoint": "https://idp.example/a/logout",
        "response_types_supported": ["code"], "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "scopes_supported": ["openid", "email", "groups"], "claims_supported": ["sub", "email"], "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true, "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    })
}

fn keys() -> Value {
    let key = token_key(KEY).public().clone();
    json!({"keys": [{"kty": "EC", "crv": "P-256", "x": key.x, "y": key.y, "kid": "k1", "use": "sig", "alg": "ES256"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "k2", "alg": "RS256"}, {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "k3"}]})
}

fn provider() -> Provider {
    let mut provider = Provider::described(ISSUER, document()).expect("a provider");
    provider.hold_keys(keys()).expect("keys");
    provider
}

/// It can be shown: short, and nothing in it moves a cursor or turns the direction of what follows.
fn says_what_is_wrong(error: &SignInError) {
    let text = error.to_string();
    assert!(
        text.len() < 5_000
            && !text.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')),
        "{text:?}"
    );
    assert!(!error.code().is_empty() && !error.remedy().is_empty());
}

#[test]
fn documents_and_key_sets() {
    let (documents, sets) = ([document().to_string()], [keys().to_string(), json!({"keys": []}).to_string()]);
    target!(3_000, |mut choices: Choices<'_>| {
        let Ok(document) = serde_json::from_str::<Value>(&edited_text(&mut choices, &documents)) else { return };
        let mut described = match Provider::described(ISSUER, document.clone()) {
            Ok(described) => described,
            Err(error) => return says_what_is_wrong(&error),
        };
        assert_eq!((described.issuer(), document["issuer"].as_str()), (ISSUER, Some(ISSUER)));
        assert!(
            described.end_session_endpoint().is_none_or(|end| document["end_session_endpoint"].as_str().is_some_and(|said| Url::parse(
                said
            )
            .as_ref()
                == Ok(end)))
        );
        let promised = document["authorization_response_iss_parameter_supported"] == true;
        assert_eq!(
            (described.check_response_issuer(None).is_err(), described.check_response_issuer(Some(ISSUER)).is_ok()),
            (promised, true)
        );
        let Ok(set) = serde_json::from_str::<Value>(&edited_text(&mut choices, &sets)) else { return };
        match described.hold_keys(set.clone()) {
            Ok(()) => assert!(set["keys"].as_array().is_some_and(|keys| !keys.is_empty())),
            Err(error) => says_what_is_wrong(&error),
        }
    });
}

fn config() -> ClientConfig {
    ClientConfig::new("writ", Some("s3cret".into()), "https://writ.example/t/acme/signin/callback")
}

fn flow() -> Flow {
    Flow { state: "the-state".into(), nonce: "the-nonce".into(), pkce_verifier: "v".repeat(43) }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "writ", "sub": "sam", "exp": NOW + 300, "iat": NOW, "nonce": "the-nonce", "auth_time": NOW - 10, "azp": "writ",
        "email": "sam@acme.example", "email_verified": true, "name": "Sam", "groups": ["sre", "ops"], "acr": "aal2", "amr": ["pwd", "otp"], "sid": "s1"})
}

fn answer(id_token: &str) -> String {
    json!({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": id_token}).to_string()
}

const HEADER: &str = r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#;

/// Whoever comes in is who the token names, for us, now, in this sign-in.
fn is_what_the_token_says(identity: &Identity, claims: &Value, now: i64) {
    let audience = match &claims["aud"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    assert!(audience.contains(&json!("writ")) && claims["iss"] == ISSUER && claims["nonce"] == "the-nonce", "{claims}");
    assert!(claims.get("azp").is_none_or(|party| party.is_null() || party == "writ"), "{claims}");
    assert_eq!((identity.issuer.as_str(), Some(identity.subject.as_str())), (ISSUER, claims["sub"].as_str()));
    assert!(!identity.subject.is_empty() && identity.subject.len() <= 255 && now < identity.expires, "{claims}");
    assert_eq!(
        identity.groups.is_some(),
        claims["groups"].is_string() || claims["groups"].as_array().is_some_and(|list| list.iter().all(Value::is_string))
    );
    assert!(!identity.email_verified || claims["email_verified"] == true || claims["email_verified"] == "true", "{claims}");
}

#[test]
fn id_tokens() {
    let (provider, config, flow) = (provider(), config(), flow());
    let mut listed = claims();
    (listed["aud"], listed["email_verified"]) = (json!(["writ"]), json!("true"));
    let payloads = [claims(), listed].map(|claims| claims.to_string());
    let answers = payloads.clone().map(|payload| answer(&jws(KEY, HEADER.as_bytes(), payload.as_bytes())));
    let read = |text: &str| serde_json::from_str::<TokenAnswer>(text);
    let honest = answers.clone().map(|answer| verify(&provider, &config, &flow, &read(&answer).expect("an answer"), NOW).expect("good"));
    let headers = [
        HEADER.to_owned(),
        r#"{"alg":"none"}"#.to_owned(),
        r#"{"alg":"HS256","kid":"k1"}"#.to_owned(),
        r#"{"alg":"RS256","kid":"k2"}"#.to_owned(),
    ];
    target!(2_500, |mut choices: Choices<'_>| {
        let now = if choices.below(3) == 0 { choices.number() } else { NOW };
        // Edited on its way, or signed by the provider's own key as no provider would.
        if choices.below(3) == 0 {
            let Ok(answer) = read(&edited_text(&mut choices, &answers)) else { return };
            match verify(&provider, &config, &flow, &answer, now) {
                Ok(identity) => assert!(honest.contains(&identity), "an edited token says {identity:?}"),
                Err(error) => says_what_is_wrong(&error),
            }
            return;
        }
        let header = if choices.below(3) == 0 { edited(&mut choices, &headers) } else { HEADER.into() };
        let payload = edited(&mut choices, &payloads);
        let Ok(answer) = read(&answer(&jws(KEY, &header, &payload))) else { return };
        match verify(&provider, &config, &flow, &answer, now) {
            Ok(identity) => {
                let header: Value = serde_json::from_slice(&header).expect("a header that was read");
                assert_eq!(header["alg"], "ES256");
                is_what_the_token_says(&identity, &serde_json::from_slice(&payload).expect("claims that were read"), now);
            }
            Err(error) => says_what_is_wrong(&error),
        }
    });
}

/// Whether the world at large can be reached there: by the special-purpose registries of the IANA, written down a second time.
fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let private = address.is_private() || a == 100 && (64..128).contains(&b);
    let special = a == 0
        || a >= 224
        || address.is_link_local()
        || address.is_documentation()
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99);
    !(private || special || address.is_loopback() || a == 198 && (b & 0xfe) == 18)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public(mapped);
    }
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        [first, second, ..] => {
            (first & 0xe000) == 0x2000
                && first != 0x2002
                && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
                && !(first == 0x3fff && second < 0x1000)
        }
    }
}

#[test]
fn addresses() {
    let samples = [
        "https://mcp.example/mcp",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user:pw@1.1.1.1/",
        "http://10.0.0.1/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00:ec2::254]/",
        "https://1.1.1.1/",
        "https://[2606:4700::1]/",
        "https://100.100.100.200/",
        "https://127.0.0.1.:443/",
    ];
    let guards = [(false, false), (true, false), (false, true)]
        .map(|(allow_loopback, allow_private)| Guarded::new(Reach { allow_loopback, allow_private }, Limits::default()).expect("builds"));
    target!(4_000, |mut choices: Choices<'_>| {
        let Ok(url) = Url::parse(&edited_text(&mut choices, &samples)) else { return };
        let at = choices.below(guards.len());
        if let Err(error) = guards[at].check(&url) {
            return assert!(!error.code().is_empty() && !error.remedy().is_empty());
        }
        assert!(url.username().is_empty() && url.password().is_none(), "{url}");
        let public = match url.host().expect("a host") {
            Host::Ipv4(address) => Some(is_public(address)),
            Host::Ipv6(address) => Some(is_public_v6(address)),
            // A name is judged when it is looked up; what is an address in disguise is none.
            Host::Domain(name) => {
                assert!(name.trim_end_matches('.').parse::<Ipv4Addr>().is_err(), "{url}");
                None
            }
        };
        match (at, url.scheme(), public) {
            (0, scheme, public) => assert!(scheme == "https" && public != Some(false), "{url}"),
            (_, "https", _) => {}
            (_, scheme, public) => assert!(scheme == "http" && public != Some(true), "{url} would cross the internet in the clear"),
        }
        if let (Some(false), Some(Host::Ipv4(address))) = (public, url.host()) {
            let inside = if at == 1 { address.is_loopback() } else { address.is_private() || address.octets()[0] == 100 };
            assert!(inside && address.octets() != [100, 100, 100, 200], "{url}");
        }
    });
}
