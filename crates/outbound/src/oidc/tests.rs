//! Sign-ins at the demo provider, honest and otherwise.

use ::http::{Request, header};
use demo::idp;
use tokio::net::TcpListener;
use url::Url;

use super::{Ask, ClientConfig, Flow, Identity, Prompt, Provider, SignInError, authorize_url, discover, exchange};
use crate::http::{Guarded, Limits, OutboundError, Reach};

const NOW: i64 = 1_800_000_000;
const CALLBACK: &str = "http://127.0.0.1:7400/t/acme/signin/callback";

fn http() -> Guarded {
    Guarded::new(Reach { allow_loopback: true, allow_private: false }, Limits::default()).expect("builds")
}

/// A provider whose clock stands still; `issuer` gets to change how it calls itself.
async fn provider_at(issuer: impl FnOnce(String) -> String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("has one"));
    let client = format!("writ:s3cret/+:{CALLBACK}").parse().expect("parses");
    let mut config = idp::Config::new(issuer(url.clone())).client(client);
    config.clock = idp::Clock::from_fn(|| NOW);
    tokio::spawn(idp::serve(listener, config));
    url
}

async fn provider() -> Provider {
    let url = provider_at(|url| url).await;
    discover(&http(), &url).await.expect("describes itself")
}

fn config() -> ClientConfig {
    ClientConfig::new("writ", Some("s3cret/+".into()), CALLBACK)
}

fn flow() -> Flow {
    Flow { state: "the-state".into(), nonce: "the-nonce".into(), pkce_verifier: "v".repeat(43) }
}

/// What a browser does: answers the form and follows to the callback, whose parameters it returns.
async fn browse(url: &Url, username: &str) -> Vec<(String, String)> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(url.query_pairs()).append_pair("username", username);
    let action = url.join("/authorize").expect("joins");
    let request = Request::post(action.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.finish().into_bytes())
        .expect("a request");
    let response = http().call(request).await.expect("answers");
    let location = response.headers()[header::LOCATION].to_str().expect("text");
    assert!(location.starts_with(CALLBACK), "{location}");
    Url::parse(location).expect("a URL").query_pairs().into_owned().collect()
}

fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}

async fn code_for(provider: &Provider, username: &str) -> String {
    let url = authorize_url(provider, &config(), &flow(), &Ask::default()).expect("a URL");
    let parameters = browse(&url, username).await;
    assert_eq!(parameter(&parameters, "state"), Some("the-state"));
    provider.check_response_issuer(parameter(&parameters, "iss")).expect("names itself");
    parameter(&parameters, "code").expect("a code").into()
}

async fn sign_in(username: &str) -> Result<Identity, SignInError> {
    let provider = provider().await;
    let code = code_for(&provider, username).await;
    exchange(&http(), &provider, &config(), &code, &flow(), NOW).await
}

#[tokio::test]
async fn an_honest_sign_in_tells_who_came() {
    let identity = sign_in("sam").await.expect("signs in");
    assert_eq!(identity.subject, "demo|sam");
    assert_eq!(identity.email.as_deref(), Some("sam@acme.example"));
    assert!(identity.email_verified);
    assert_eq!(identity.groups, Some(vec!["sre".into()]));
    assert_eq!((identity.acr.as_deref(), identity.amr), (Some("aal1"), vec!["pwd".into()]));
    assert_eq!((identity.auth_time, identity.expires), (Some(NOW), NOW + 300));
    assert!(identity.name.is_some() && identity.sid.is_some());
}

#[tokio::test]
async fn tokens_gone_wrong_sign_nobody_in() {
    for (username, code) in [
        ("mallory-issuer", "wrong_issuer"),
        ("mallory-nonce", "wrong_nonce"),
        ("mallory-audience", "wrong_audience"),
        ("mallory-expired", "expired"),
        ("mallory-sig", "bad_signature"),
    ] {
        let error = sign_in(username).await.expect_err(username);
        assert_eq!(error.code(), code, "{username}: {error}");
        assert!(!error.remedy().is_empty());
    }
}

#[tokio::test]
async fn missing_groups_and_unverified_addresses_are_told_apart() {
    assert_eq!(sign_in("nogroups").await.expect("signs in").groups, None);
    assert!(!sign_in("unverified").await.expect("signs in").email_verified);
}

#[tokio::test]
async fn the_clock_is_the_callers() {
    let provider = provider().await;
    for (now, fine) in [(NOW + 299, true), (NOW + 300, false), (NOW - 120, true), (NOW - 121, false)] {
        let code = code_for(&provider, "dev").await;
        let result = exchange(&http(), &provider, &config(), &code, &flow(), now).await;
        assert_eq!(result.is_ok(), fine, "{}", now - NOW);
    }
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_verifier_and_secret() {
    let provider = provider().await;
    let refused = |error: SignInError, wanted: &str| match error {
        SignInError::TokenExchangeFailed { error, .. } => assert_eq!(error, wanted),
        other => panic!("{other}"),
    };
    let code = code_for(&provider, "dev").await;
    exchange(&http(), &provider, &config(), &code, &flow(), NOW).await.expect("the first time");
    let again = exchange(&http(), &provider, &config(), &code, &flow(), NOW).await;
    refused(again.expect_err("the second time"), "invalid_grant");

    let code = code_for(&provider, "dev").await;
    let other = Flow { pkce_verifier: "w".repeat(43), ..flow() };
    let stolen = exchange(&http(), &provider, &config(), &code, &other, NOW).await;
    refused(stolen.expect_err("another verifier"), "invalid_grant");

    let code = code_for(&provider, "dev").await;
    let config = ClientConfig { client_secret: Some("guess".into()), ..config() };
    let guessed = exchange(&http(), &provider, &config, &code, &flow(), NOW).await;
    refused(guessed.expect_err("another secret"), "invalid_client");
}

#[tokio::test]
async fn a_step_up_is_asked_for_and_answered() {
    let provider = provider().await;
    let ask = Ask { login_hint: Some("dev".into()), prompt: Some(Prompt::Login), acr_values: vec!["aal2".into()], max_age: Some(60) };
    let url = authorize_url(&provider, &config(), &flow(), &ask).expect("a URL");
    let query = url.query().expect("has one");
    for part in ["login_hint=dev", "prompt=login", "acr_values=aal2", "max_age=60", "code_challenge_method=S256"] {
        assert!(query.contains(part), "{part} in {query}");
    }
    let parameters = browse(&url, "dev").await;
    let code = parameter(&parameters, "code").expect("a code");
    let identity = exchange(&http(), &provider, &config(), code, &flow(), NOW).await.expect("signs in");
    assert_eq!(identity.acr.as_deref(), Some("aal2"));
}

#[tokio::test]
async fn rotated_keys_are_fetched_by_themselves() {
    let stale = provider().await;
    // Another provider's keys stand in for yesterday's.
    let mut provider = provider().await;
    provider.metadata = provider.metadata.clone().set_jwks(stale.metadata.jwks().clone());
    let code = code_for(&provider, "dev").await;
    exchange(&http(), &provider, &config(), &code, &flow(), NOW).await.expect("signs in");
}

#[tokio::test]
async fn the_issuer_must_be_the_configured_one_exactly() {
    let other = provider_at(|url| format!("{url}/other")).await;
    let error = discover(&http(), &other).await.expect_err("another name");
    assert_eq!(error, SignInError::WrongIssuer { expected: other.clone(), found: format!("{other}/other") });
    let url = provider_at(|url| url).await;
    let slash = discover(&http(), &format!("{url}/")).await.expect_err("a trailing slash");
    assert_eq!(slash.code(), "wrong_issuer");
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_noticed() {
    let provider = provider().await;
    for iss in [None, Some("https://elsewhere.example")] {
        assert_eq!(provider.check_response_issuer(iss).expect_err("not it").code(), "wrong_issuer");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_or_no_provider_is_said_to_be_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("has one"));
    drop(listener);
    assert_eq!(discover(&http(), &url).await.expect_err("is down").code(), "idp_unreachable");
    let url = provider_at(|url| url).await;
    let error = discover(&http(), &format!("{url}/nothing/here")).await.expect_err("is nothing");
    assert_eq!(error, SignInError::IdpUnreachable(OutboundError::BadStatus(404)));
}

#[tokio::test]
async fn words_of_a_provider_are_shown_without_their_tricks() {
    let mut provider = provider().await;
    let error =
        provider.hold_keys(serde_json::json!({"keys": format!("\u{202e}{}", "x".repeat(100_000))})).expect_err("no list").to_string();
    assert!(!error.contains('\u{202e}') && error.len() < 1_000, "{error}");
}

#[test]
fn secrets_are_not_in_debug_output() {
    let shown = format!("{:?} {:?}", config(), flow());
    assert!(!shown.contains("s3cret") && !shown.contains("the-state") && !shown.contains("vvv"), "{shown}");
}

#[tokio::test]
async fn a_verifier_that_is_too_short_is_refused() {
    let short = Flow { pkce_verifier: "short".into(), ..flow() };
    let error = authorize_url(&provider().await, &config(), &short, &Ask::default()).expect_err("too short");
    assert_eq!(error.code(), "misconfigured");
}

#[tokio::test]
async fn the_demo_provider_sends_nobody_to_an_address_that_is_not_registered() {
    let provider = provider().await;
    let url = authorize_url(&provider, &config(), &flow(), &Ask::default()).expect("a URL");
    for (parameter, status) in [("redirect_uri", 400), ("client_id", 400), ("response_type", 303), ("code_challenge_method", 303)] {
        let mut altered = url.clone();
        altered.query_pairs_mut().clear().extend_pairs(
            url.query_pairs().map(|(name, value)| if name == parameter { (name, format!("{value}x").into()) } else { (name, value) }),
        );
        let response = http().call(Request::get(altered.as_str()).body(Vec::new()).expect("a request")).await.expect("answers");
        assert_eq!(response.status(), status, "{parameter}");
        assert_eq!(response.headers().contains_key(header::LOCATION), status == 303, "{parameter}");
    }
    let page = http().call(Request::get(url.as_str()).body(Vec::new()).expect("a request")).await.expect("answers");
    let html = String::from_utf8(page.into_body()).expect("text");
    assert!(html.contains(r#"<label for="username">"#) && html.contains(r#"<button type="submit">"#));
}
