//! The OAuth errors, and never a redirect to an address that nobody vouched for.

use super::rig::{Complete, Rig};
use anyhow::{Context as _, Result};
use end2end::{
    browser::Arrived,
    console::{Person, signin},
    oauth::{self, CHALLENGE, VERIFIER},
};

const CALLBACK: &str = "http://127.0.0.1:33418/callback";

fn request<'a>(client: &'a str, resource: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", "logs.read"),
        ("state", "st"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", resource),
    ]
}

fn with<'a>(mut request: Vec<(&'static str, &'a str)>, name: &'static str, value: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    request.retain(|(found, _)| *found != name);
    request.extend(value.map(|value| (name, value)));
    request
}

async fn open(rig: &Rig, person: &mut Person, parameters: &[(&str, &str)]) -> Result<Arrived> {
    person.browser.hand_over("http://127.0.0.1:33418/");
    let url = oauth::authorize_url(&rig.places, parameters)?;
    signin::through(&mut person.browser, url, person.username).await
}

/// Allows what the consent page asks, if it asks.
async fn code(rig: &Rig, person: &mut Person, parameters: &[(&str, &str)]) -> Result<String> {
    let mut arrived = open(rig, person, parameters).await?;
    if let Arrived::Page(page) = arrived {
        arrived = person.browser.submit(page.form("/authorize")?.press("decision", "allow")?).await?;
    }
    let callback = arrived.callback()?;
    let value = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(value("state").as_deref(), Some("st"), "{callback}");
    assert_eq!(value("iss").as_deref(), Some(rig.places.issuer().as_str()), "{callback}");
    value("code").with_context(|| format!("no code in {callback}"))
}

fn exchange<'a>(client: &'a str, code: &'a str, resource: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("resource", resource),
    ]
}

/// A token for `logs.read` at *incident*, as an IDE gets it.
pub async fn token_of(rig: &Rig, dev: &mut Person, client: &str) -> Result<String> {
    let resource = rig.places.resource("incident");
    let code = code(rig, dev, &request(client, &resource)).await?;
    oauth::token(&rig.places, &exchange(client, &code, &resource)).await?.token()
}

#[tokio::test]
async fn a_request_that_names_no_known_client_and_address_stays_on_a_page() -> Result<()> {
    let (rig, Complete { client, .. }) = Rig::complete().await?;
    let (mut dev, resource) = (rig.person("dev")?, rig.places.resource("incident"));
    let good = request(&client, &resource);
    for bad in [
        with(good.clone(), "client_id", Some("cli_unknown")),
        with(good.clone(), "client_id", None),
        with(good.clone(), "redirect_uri", Some("http://127.0.0.1:33418/other")),
        with(good.clone(), "redirect_uri", Some("https://evil.example/callback")),
        with(good.clone(), "redirect_uri", Some("http://127.0.0.1:33418/callback/../other")),
        with(good.clone(), "redirect_uri", Some("http://127.0.0.1:33418@evil.example/callback")),
    ] {
        let page = open(&rig, &mut dev, &bad).await?.page().with_context(|| format!("{bad:?} was redirected"))?;
        assert_eq!(page.status.as_u16(), 400, "{bad:?}: {}", page.summary());
        assert_eq!(page.url.path(), "/t/acme/authorize", "{bad:?}: {}", page.summary());
    }
    Ok(())
}

#[tokio::test]
async fn a_request_of_a_known_client_gets_the_error_at_its_address() -> Result<()> {
    let (rig, Complete { client, .. }) = Rig::complete().await?;
    let (mut dev, resource) = (rig.person("dev")?, rig.places.resource("incident"));
    let (good, unknown) = (request(&client, &resource), rig.places.resource("unknown"));
    for (bad, error) in [
        (with(good.clone(), "code_challenge", None), "invalid_request"),
        (with(good.clone(), "code_challenge_method", Some("plain")), "invalid_request"),
        (with(good.clone(), "response_type", Some("token")), "unsupported_response_type"),
        (with(good.clone(), "resource", Some(&unknown)), "invalid_target"),
    ] {
        let callback = open(&rig, &mut dev, &bad).await?.callback().with_context(|| format!("{bad:?}"))?;
        let value = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(value("error").as_deref(), Some(error), "{bad:?}: {callback}");
        assert_eq!(value("state").as_deref(), Some("st"), "{callback}");
        assert_eq!(value("iss").as_deref(), Some(rig.places.issuer().as_str()), "{callback}");
    }
    Ok(())
}

#[tokio::test]
async fn a_code_works_once_for_whom_it_was_made() -> Result<()> {
    let (rig, Complete { client, mut ada, .. }) = Rig::complete().await?;
    let (mut dev, resource) = (rig.person("dev")?, rig.places.resource("incident"));
    let other = ada.register_client("Another", end2end::walk::REDIRECT).await?;

    // Wrong in one thing: refused.
    let wrong = "wrong-verifier-wrong-verifier-wrong-verifier-wrong";
    for (name, value) in [("code_verifier", wrong), ("client_id", other.as_str()), ("redirect_uri", "http://127.0.0.1:1/callback")] {
        let code = code(&rig, &mut dev, &request(&client, &resource)).await?;
        let answer = oauth::token(&rig.places, &with(exchange(&client, &code, &resource), name, Some(value))).await?;
        assert_eq!(answer.error(), Some("invalid_grant"), "{name}: {}", answer.body);
    }

    let code = code(&rig, &mut dev, &request(&client, &resource)).await?;
    let form = exchange(&client, &code, &resource);
    let token = oauth::token(&rig.places, &form).await?.token()?;
    let call = async || end2end::ask::tool(&resource, &token, "logs.read", end2end::ask::arguments("logs.read")).await;
    assert!(call().await?.worked());

    // Replayed: refused, and what came of it is taken back.
    let replayed = oauth::token(&rig.places, &form).await?;
    assert_eq!(replayed.error(), Some("invalid_grant"), "{}", replayed.body);
    ada.converged("gw-1").await?;
    let after = call().await?;
    assert_eq!(after.status.as_u16(), 401, "the token of a replayed code still works: {}", after.shown());
    Ok(())
}

#[tokio::test]
async fn a_refresh_token_rotates_and_one_that_is_used_twice_ends_its_family() -> Result<()> {
    let (rig, Complete { client, mut ada, .. }) = Rig::complete().await?;
    let (mut dev, resource) = (rig.person("dev")?, rig.places.resource("incident"));
    let code = code(&rig, &mut dev, &request(&client, &resource)).await?;
    let first = oauth::token(&rig.places, &exchange(&client, &code, &resource)).await?;
    let refresh = |answer: &oauth::Answer| answer.body["refresh_token"].as_str().map(str::to_owned).context("no refresh token");
    let old = refresh(&first)?;
    let form = |token: &str| {
        ["grant_type", "refresh_token", "client_id", &client, "refresh_token", token, "resource", &resource].map(str::to_owned)
    };
    let send = async |token: &str| {
        let words = form(token);
        let pairs: Vec<(&str, &str)> = words.chunks(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
        oauth::token(&rig.places, &pairs).await
    };
    let second = send(&old).await?;
    let new = refresh(&second)?;
    assert_ne!(old, new, "the refresh token did not rotate");
    let third = send(&new).await?;
    third.token()?;

    // The first one turns up again, long after its successor was used: somebody has a copy.
    let stolen = send(&old).await?;
    assert_eq!(stolen.error(), Some("invalid_grant"), "{}", stolen.body);
    let dead = send(&refresh(&third)?).await?;
    assert_eq!(dead.error(), Some("invalid_grant"), "the family lives on: {}", dead.body);
    ada.converged("gw-1").await?;
    let token = third.token()?;
    let call = end2end::ask::tool(&resource, &token, "logs.read", end2end::ask::arguments("logs.read")).await?;
    assert_eq!(call.status.as_u16(), 401, "a token of the family still works: {}", call.shown());
    Ok(())
}
