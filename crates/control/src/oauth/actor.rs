//! An agent's own proof of who it is: a short JWT by its registered key (RFC 7523 section 3, as the `actor_token` of RFC 8693).

use super::error::{OAuthError, invalid_grant, invalid_request};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use token::PublicJwk;

/// The longest life of a proof, in seconds.
const LONGEST_S: i64 = 300;
/// How far the agent's clock may be ahead, in seconds.
const SKEW_S: i64 = 60;
/// The longest proof, in bytes.
const LARGEST: usize = 8192;

/// What a proof says. Numbers must be numbers and strings strings: nothing that is of another type counts as absent.
#[derive(Debug, Clone, Deserialize)]
pub struct Proof {
    /// The agent.
    pub iss: String,
    /// The agent again: it speaks for itself.
    pub sub: String,
    /// For whom.
    pub aud: Audience,
    /// When it ends, Unix seconds.
    pub exp: i64,
    /// When it was made, Unix seconds.
    #[serde(default)]
    pub iat: Option<i64>,
    /// Since when it is valid, Unix seconds.
    #[serde(default)]
    pub nbf: Option<i64>,
    /// Its id: it is good once.
    pub jti: String,
}

/// One audience, alone or as the only one of a list: a proof for several parties could be passed on by any of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A string.
    One(String),
    /// A list.
    List(Vec<String>),
}

impl Audience {
    fn only(&self) -> Option<&str> {
        match self {
            Self::One(one) => Some(one),
            Self::List(list) => match list.as_slice() {
                [one] => Some(one),
                _ => None,
            },
        }
    }
}

/// Who the proof says it is from, unverified: only to find the key with which to verify it.
///
/// # Errors
/// `invalid_request` for what is no proof.
pub fn issuer_unverified(proof: &str) -> Result<String, OAuthError> {
    let malformed = || invalid_request("actor_token is not a JWT with the claims of an agent's proof");
    if proof.len() > LARGEST {
        return Err(malformed());
    }
    let header = jsonwebtoken::decode_header(proof).map_err(|_| malformed())?;
    if header.alg != Algorithm::ES256 {
        return Err(invalid_request("actor_token must be signed with ES256"));
    }
    // An access token is a JWT too; it must never pass for a proof.
    if !header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) {
        return Err(invalid_request("actor_token is a JWT of another type"));
    }
    let claims = proof.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Proof = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(malformed)?;
    Ok(claims.iss)
}

/// Verifies a proof of `agent` by its registered key, at `now_s`, Unix seconds.
///
/// # Errors
/// `invalid_grant` or `invalid_request`.
pub fn verify(proof: &str, agent: &str, key: &PublicJwk, audiences: &[&str], now_s: i64) -> Result<Proof, OAuthError> {
    let key = DecodingKey::from_ec_components(&key.x, &key.y).map_err(|_| invalid_grant("the agent has no usable key"))?;
    let mut validation = Validation::new(Algorithm::ES256);
    // Judged below, with the caller's clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let proof = jsonwebtoken::decode::<Proof>(proof, &key, &validation)
        .map_err(|_| invalid_grant("actor_token is not signed by the agent's registered key"))?
        .claims;
    if proof.iss != agent || proof.sub != agent {
        return Err(invalid_grant("iss and sub of actor_token must both be the agent's id"));
    }
    if !proof.aud.only().is_some_and(|aud| audiences.contains(&aud)) {
        return Err(invalid_grant("actor_token is for another audience: use the issuer, and nothing else"));
    }
    if proof.exp <= now_s || proof.exp > now_s.saturating_add(LONGEST_S) {
        return Err(invalid_grant("actor_token has ended, or lives longer than 5 minutes"));
    }
    if [proof.iat, proof.nbf].into_iter().flatten().any(|at| at > now_s.saturating_add(SKEW_S)) {
        return Err(invalid_grant("actor_token is not valid yet"));
    }
    if proof.jti.is_empty() || proof.jti.len() > 255 {
        return Err(invalid_request("jti of actor_token must be 1 to 255 characters"));
    }
    Ok(proof)
}
