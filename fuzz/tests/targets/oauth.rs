//! `control` and `server`: OAuth requests of clients.

use control::oauth::actor::{issuer_unverified, verify};
use control::oauth::{Asked, Back, OAuthError, form_target, is_loopback, matches, parse_scope, well_formed};
use fuzz::samples::NOW;
use fuzz::samples::keys::{jws, token_key};
use fuzz::samples::tokens::ISSUER;
use fuzz::{Choices, edited, edited_text, target};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use std::collections::BTreeSet;
use url::Url;
use writ::oauth::params::{Params, Unreadable};
use writ::oauth::redirect::{with_code, with_error};
use writ::oauth::token::Request;

fn is_an_error(error: &OAuthError) {
    assert!(
        !error.code.is_empty() && error.text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'),
        "{error:?}"
    );
}

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn query() -> String {
    format!(
        "response_type=code&client_id=cli_ide&redirect_uri=http%3A%2F%2F127.0.0.1%3A33418%2Fcallback&scope=logs.read+analytics.query&state=%7B%22a%22%3A1%7D&code_challenge={CHALLENGE}&code_challenge_method=S256&resource=https%3A%2F%2Fgw.example%2Fmcp%2Flogs&prompt=consent&max_age=300&acr_values=mfa"
    )
}

#[test]
fn authorization_requests() {
    let samples = [query(), "a=1&b=&c=x&c=y&d=%20".to_owned()];
    target!(3_000, |mut choices: Choices<'_>| {
        let encoded = edited(&mut choices, &samples);
        let params = match Params::parse(&encoded) {
            Ok(params) => params,
            Err(why) => return assert!(why == Unreadable::Malformed && !why.text().is_empty()),
        };
        let repeated = params.repeated();
        let one = |name: &str| match params.one(name) {
            Ok(value) => {
                assert!(
                    !repeated.contains(name) && value.as_ref().is_none_or(|value| !value.is_empty() && !value.contains(char::is_control))
                );
                value
            }
            Err(why) => {
                assert!(why == Unreadable::Repeated(name.to_owned()) && repeated.contains(name));
                None
            }
        };
        let asked = Asked {
            response_type: one("response_type"),
            code_challenge: one("code_challenge"),
            code_challenge_method: one("code_challenge_method"),
            state: one("state"),
            scope: one("scope"),
            prompt: one("prompt"),
            max_age: one("max_age"),
            acr_values: one("acr_values"),
            repeated,
            ..Asked::default()
        };
        match well_formed(&asked) {
            Ok(()) => {
                assert!(
                    asked.repeated.is_empty()
                        && asked.response_type.as_deref() == Some("code")
                        && asked.code_challenge_method.as_deref() == Some("S256")
                );
                assert!(
                    asked.code_challenge.is_some_and(|challenge| challenge.len() == 43)
                        && asked.state.is_none_or(|state| state.len() <= 4096)
                );
                let scopes = parse_scope(asked.scope.as_deref()).expect("it was read before");
                let written = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
                assert_eq!(parse_scope(Some(&written)), Ok(scopes));
            }
            Err(error) => is_an_error(&error),
        }
    });
}

#[test]
fn token_requests() {
    let samples = [
        format!("grant_type=authorization_code&client_id=cli_ide&code=abc&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&code_verifier={CHALLENGE}&resource=https%3A%2F%2Fgw.example%2Fmcp"),
        "grant_type=refresh_token&client_id=cli_ide&refresh_token=abc&scope=logs.read".to_owned(),
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&client_id=cli_ide&subject_token=a.b.c&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&actor_token=d.e.f&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&resource=https%3A%2F%2Fgw.example".to_owned(),
    ];
    let form = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"))]);
    assert!(samples.iter().all(|sample| Request::read(&form, sample.as_bytes()).is_ok()));
    target!(3_000, |mut choices: Choices<'_>| {
        let mut headers = form.clone();
        if choices.below(8) == 7 {
            let kind = HeaderValue::from_bytes(&edited(&mut choices, &["application/x-www-form-urlencoded", "application/json"]));
            headers.extend(kind.ok().map(|kind| (CONTENT_TYPE, kind)));
        }
        if choices.below(16) == 15 {
            headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        }
        let body = edited(&mut choices, &samples);
        match Request::read(&headers, &body) {
            Ok(request) => {
                let client = match &request {
                    Request::Code(code) => &code.client_id,
                    Request::Refresh(refresh) => &refresh.client_id,
                    Request::Exchange(exchange) => &exchange.client_id,
                };
                assert!(!client.is_empty() && !headers.contains_key(AUTHORIZATION));
                let secret = url::form_urlencoded::parse(&body).any(|(name, value)| name == "client_secret" && !value.is_empty());
                assert!(!secret, "a secret that nobody checks was taken for a proof");
            }
            Err(error) => is_an_error(&error),
        }
    });
}

const REDIRECTS: [&str; 7] = [
    "https://ide.example/cb",
    "https://ide.example:8443/cb?a=1",
    "http://127.0.0.1/callback",
    "http://localhost:8080/cb?a=1",
    "http://[::1]/cb",
    "com.example.ide:/cb",
    "http://127.0.0.1:33418/callback",
];

/// Whatever matches is the registered URI, but for the port of a loopback host; and a browser that is sent there goes nowhere else.
#[test]
fn redirect_uris() {
    target!(4_000, |mut choices: Choices<'_>| {
        let registered = *choices.pick(&REDIRECTS);
        let of: &[&str] = if choices.below(2) == 0 { &[registered] } else { &REDIRECTS };
        let given = edited_text(&mut choices, of);
        if let Some(target) = form_target(&given) {
            assert!(
                !target.contains(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '\'' | '"')),
                "{target:?} would be more than one source"
            );
        }
        if !matches(registered, &given) {
            return;
        }
        let (kept, sent) = (Url::parse(registered).expect("a URI"), Url::parse(&given).expect("a URI that matches is one"));
        assert_eq!(
            (kept.scheme(), kept.host_str(), kept.path(), kept.query()),
            (sent.scheme(), sent.host_str(), sent.path(), sent.query()),
            "{given}"
        );
        assert!(sent.username().is_empty() && sent.fragment().is_none());
        assert!(given == registered || is_loopback(registered) && is_loopback(&given), "{given}");
        let state = edited_text(&mut choices, &["{\"a\":1}", "x&code=evil&iss=evil", "a\r\nset-cookie: b"]);
        let error = OAuthError::new("access_denied", edited_text(&mut choices, &["The person said no"]));
        let back = Back { redirect_uri: given.clone(), state: Some(state.clone()), error, error_uri: None };
        for (answer, expected) in [(with_code(ISSUER, &given, Some(&state), "code_1"), "code"), (with_error(ISSUER, &back), "error")] {
            let response = answer.expect("a redirect");
            let location = response.headers()[LOCATION].to_str().expect("text");
            let there = Url::parse(location).expect("a URL");
            assert_eq!(
                (there.scheme(), there.host_str(), there.port(), there.path()),
                (sent.scheme(), sent.host_str(), sent.port(), sent.path())
            );
            let before = sent.query_pairs().count();
            let added: Vec<(String, String)> =
                there.query_pairs().skip(before).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let names: BTreeSet<&str> = added.iter().map(|(name, _)| name.as_str()).collect();
            assert!(names.len() == added.len() && names.contains(expected));
            assert!(
                added.contains(&("state".to_owned(), state.clone())) && added.last() == Some(&("iss".to_owned(), ISSUER.to_owned())),
                "{location}"
            );
        }
    });
}

/// Proofs of an agent: edited, or signed by its own key with claims that it should not make.
#[test]
fn proofs_of_agents() {
    const AGENT: u8 = 21;
    let key = token_key(AGENT).public().clone();
    let claims = json!({"iss": "agt_1", "sub": "agt_1", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "nbf": NOW, "jti": "p_1"});
    let mut listed = claims.clone();
    listed["aud"] = json!([ISSUER]);
    let payloads = [claims.to_string(), listed.to_string()];
    let header = r#"{"alg":"ES256","typ":"JWT"}"#;
    let proofs = payloads.clone().map(|payload| jws(AGENT, header.as_bytes(), payload.as_bytes()));
    assert!(proofs.iter().all(|proof| verify(proof, "agt_1", &key, &[ISSUER], NOW).is_ok()));
    target!(1_500, |mut choices: Choices<'_>| {
        let edited_only = choices.below(2) == 0;
        let proof = match edited_only {
            true => edited_text(&mut choices, &proofs),
            false => jws(AGENT, header.as_bytes(), &edited(&mut choices, &payloads)),
        };
        let now = if choices.below(2) == 0 { NOW } else { choices.number() };
        let from = issuer_unverified(&proof);
        match verify(&proof, "agt_1", &key, &[ISSUER], now) {
            Ok(said) => {
                assert!(said.iss == "agt_1" && said.sub == "agt_1" && said.exp > now && said.exp <= now.saturating_add(300));
                assert!(!said.jti.is_empty() && said.jti.len() <= 255);
                assert!(!edited_only || said.jti == "p_1" && said.exp == NOW + 60);
            }
            Err(error) => is_an_error(&error),
        }
        if let Err(error) = from {
            is_an_error(&error);
        }
    });
}
