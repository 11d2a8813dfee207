//! The authorization server as a program sees it: its endpoints, called directly where the SDK has no call for it, or where
//! something must be sent that no honest client sends.

use crate::places::Places;
use anyhow::{Context as _, Result, anyhow};
use reqwest::StatusCode;
use serde_json::Value;

/// RFC 8693.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// PKCE with a fixed pair (RFC 7636, appendix B): these flows are tried, not protected.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge of [`VERIFIER`].
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What the token endpoint answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The JSON document.
    pub body: Value,
}

impl Answer {
    /// The OAuth error code.
    pub fn error(&self) -> Option<&str> {
        self.body["error"].as_str()
    }

    /// The access token.
    ///
    /// # Errors
    /// With the OAuth error when there is none.
    pub fn token(&self) -> Result<String> {
        self.body["access_token"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| anyhow!("the token endpoint answered {}: {}", self.status, self.body))
    }
}

/// Sends a form to the token endpoint.
///
/// # Errors
/// When it does not answer with JSON.
pub async fn token(places: &Places, form: &[(&str, &str)]) -> Result<Answer> {
    let response = reqwest::Client::new().post(places.at("/token")).form(form).send().await.context("asking the token endpoint")?;
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).with_context(|| format!("the token endpoint answered {status} with `{text}`"))?;
    Ok(Answer { status, body })
}

/// What an agent sends to act for a person.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The client that the agent runs in.
    pub client_id: &'a str,
    /// The person's token.
    pub subject_token: &'a str,
    /// The agent's own proof.
    pub actor_token: &'a str,
    /// For which server.
    pub resource: &'a str,
    /// With which scopes; empty: what can be had.
    pub scope: &'a str,
}

/// Token exchange (RFC 8693), which the SDK has no call for.
///
/// # Errors
/// As [`token()`].
pub async fn exchange(places: &Places, ask: Exchange<'_>) -> Result<Answer> {
    let mut form = vec![
        ("grant_type", TOKEN_EXCHANGE),
        ("client_id", ask.client_id),
        ("subject_token", ask.subject_token),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", ask.actor_token),
        ("actor_token_type", JWT),
        ("resource", ask.resource),
    ];
    if !ask.scope.is_empty() {
        form.push(("scope", ask.scope));
    }
    token(places, &form).await
}

/// The authorization endpoint's address with these parameters.
///
/// # Errors
/// When the base is no URL.
pub fn authorize_url(places: &Places, parameters: &[(&str, &str)]) -> Result<String> {
    Ok(url::Url::parse_with_params(&places.at("/authorize"), parameters)?.to_string())
}

/// The claims of a token, read without verifying: for saying what is in it.
///
/// # Errors
/// When it is no JWT.
pub fn claims(token: &str) -> Result<Value> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let middle = token.split('.').nth(1).context("not a JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle)?)?)
}
