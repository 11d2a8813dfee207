//! The token and userinfo endpoints.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Client, Fault, Person,
    people::ACR_VALUES,
    state::{Code, Idp, TOKEN_LIFE},
};

#[derive(Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    client_id: Option<String>,
    client_secret: Option<String>,
}

pub(super) async fn token(State(idp): State<Arc<Idp>>, headers: HeaderMap, Form(request): Form<Request>) -> Response {
    let Some(client) = authenticate(&idp, &headers, &request) else {
        let body = json!({ "error": "invalid_client", "error_description": "Unknown client or wrong secret." });
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"demo-idp\"")], Json(body)).into_response();
    };
    if request.grant_type != "authorization_code" {
        return refuse("unsupported_grant_type", "Only authorization_code is supported.");
    }
    let Some(code) = idp.take_code(&request.code) else {
        return refuse("invalid_grant", "The code is unknown, used or expired.");
    };
    if code.client_id != client.client_id || code.redirect_uri != request.redirect_uri {
        return refuse("invalid_grant", "The code was issued for another client or redirect URI.");
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(&request.code_verifier)) != code.challenge {
        return refuse("invalid_grant", "The PKCE verifier does not match the challenge.");
    }
    let fault = code.person.fault;
    match idp.key.sign(&id_token(&idp, &code), fault == Some(Fault::BadSignature)) {
        Ok(id_token) => Json(json!({
            "access_token": idp.remember_access(code.person),
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE,
            "id_token": id_token,
            "scope": "openid email profile groups",
        }))
        .into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "server_error" }))).into_response(),
    }
}

pub(super) async fn userinfo(State(idp): State<Arc<Idp>>, headers: HeaderMap) -> Response {
    let token = credentials(&headers, "Bearer ").unwrap_or_default();
    match idp.access(token) {
        Some(person) => Json(profile(&person)).into_response(),
        None => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            (StatusCode::UNAUTHORIZED, challenge).into_response()
        }
    }
}

/// `client_secret_basic`, whose halves are form-encoded (RFC 6749, section 2.3.1), or `client_secret_post`; not both.
fn authenticate<'i>(idp: &'i Idp, headers: &HeaderMap, request: &Request) -> Option<&'i Client> {
    let (id, secret) = match (headers.contains_key(header::AUTHORIZATION), &request.client_secret) {
        (true, None) => {
            let pair = STANDARD.decode(credentials(headers, "Basic ")?).ok()?;
            let pair = String::from_utf8(pair).ok()?;
            let (id, secret) = pair.split_once(':')?;
            (form_decode(id), form_decode(secret))
        }
        (false, Some(secret)) => (request.client_id.clone()?, secret.clone()),
        _ => return None,
    };
    idp.client(&id).filter(|client| client.has_secret(&secret))
}

fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (given, rest) = value.split_at_checked(scheme.len())?;
    given.eq_ignore_ascii_case(scheme).then_some(rest.trim())
}

fn form_decode(text: &str) -> String {
    // A pair without `=` is all name; `=` and `&` themselves arrive encoded.
    url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

fn id_token(idp: &Idp, code: &Code) -> Value {
    let now = idp.clock.now();
    let fault = code.person.fault;
    let or = |wrong: Fault, lie: &str, truth: &str| if fault == Some(wrong) { lie.into() } else { String::from(truth) };
    let mut claims = profile(&code.person);
    claims["iss"] = or(Fault::WrongIssuer, "https://elsewhere.example", &idp.issuer).into();
    claims["aud"] = or(Fault::WrongAudience, "another-client", &code.client_id).into();
    claims["iat"] = now.into();
    claims["exp"] = if fault == Some(Fault::Expired) { now - 3600 } else { now + TOKEN_LIFE }.into();
    claims["auth_time"] = code.auth_time.into();
    claims["acr"] = code.acr.into();
    claims["amr"] = if code.acr == ACR_VALUES[0] { json!(["pwd"]) } else { json!(["pwd", "otp", "mfa"]) };
    claims["sid"] = idp.entropy.token().into();
    if let Some(nonce) = &code.nonce {
        claims["nonce"] = or(Fault::WrongNonce, "not-the-nonce-you-sent", nonce).into();
    }
    claims
}

fn profile(person: &Person) -> Value {
    let mut claims = json!({ "sub": person.subject(), "name": person.name, "preferred_username": person.username });
    if let Some(email) = &person.email {
        claims["email"] = email.as_str().into();
        claims["email_verified"] = person.email_verified.into();
    }
    if let Some(groups) = &person.groups {
        claims["groups"] = json!(groups);
    }
    claims
}

fn refuse(error: &str, description: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "error_description": description }))).into_response()
}
