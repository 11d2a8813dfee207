//! Verifying an access token against the keys that policy names.

use crate::claims::Claims;
use crate::key::PublicJwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use policy::{Issuer, TokenFacts};
use std::collections::HashMap;

/// How far a token's `iat` may lie ahead of the verifier's clock, in seconds. `exp` gets no leeway.
pub const CLOCK_SKEW: i64 = 60;

/// Why a token was refused. Never holds any part of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a compact JWS with claims of the right types.
    #[error("the token is malformed")]
    Malformed,
    /// Another kind of JWT.
    #[error("the token is not an access token")]
    WrongType,
    /// Signed with an algorithm other than ES256.
    #[error("the token's algorithm is not accepted")]
    WrongAlgorithm,
    /// No key of that id is known for that issuer.
    #[error("the token's issuer or key is not known")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is not valid")]
    BadSignature,
    /// It has ended.
    #[error("the token has ended")]
    Expired,
    /// It was issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Too many actors.
    #[error("the token's chain of actors is too deep")]
    ChainTooDeep,
}

/// The keys of all issuers of one policy, ready for use.
#[derive(Debug, Clone, Default)]
pub struct VerifyingKeys {
    by_kid: HashMap<String, Vec<(String, DecodingKey)>>,
}

impl VerifyingKeys {
    /// Takes the EC keys out of the issuers' JWK sets; keys of other kinds are left out, since no token of ours uses them.
    pub fn from_issuers(issuers: &[Issuer]) -> Self {
        let mut by_kid: HashMap<String, Vec<(String, DecodingKey)>> = HashMap::new();
        for issuer in issuers {
            let keys = issuer.jwks.get("keys").and_then(|keys| keys.as_array());
            for key in keys.into_iter().flatten() {
                let Ok(jwk) = serde_json::from_value::<PublicJwk>(key.clone()) else { continue };
                if !jwk.is_p256() || jwk.alg != "ES256" || jwk.kid.is_empty() {
                    continue;
                }
                if let Ok(decoding) = DecodingKey::from_ec_components(&jwk.x, &jwk.y) {
                    by_kid.entry(jwk.kid).or_default().push((issuer.issuer.clone(), decoding));
                }
            }
        }
        Self { by_kid }
    }

    /// Verifies `token` and returns its facts. Audience, revocation and scopes are policy's to judge.
    ///
    /// # Errors
    /// [`Refused`]: which check failed.
    pub fn verify(&self, token: &str, now: i64) -> Result<TokenFacts, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Malformed)?;
        if !matches!(header.typ.as_deref(), Some("at+jwt" | "application/at+jwt")) {
            return Err(Refused::WrongType);
        }
        if header.alg != Algorithm::ES256 {
            return Err(Refused::WrongAlgorithm);
        }
        let candidates = header.kid.as_ref().and_then(|kid| self.by_kid.get(kid)).ok_or(Refused::UnknownKey)?;
        for (issuer, key) in candidates {
            let Ok(claims) = decode(token, key) else { continue };
            if claims.iss != *issuer {
                return Err(Refused::UnknownKey);
            }
            if now >= claims.exp {
                return Err(Refused::Expired);
            }
            if claims.iat > now.saturating_add(CLOCK_SKEW) {
                return Err(Refused::NotYetValid);
            }
            return claims.into_facts().ok_or(Refused::ChainTooDeep);
        }
        // The signature is checked before the claims are read, so which of the two failed can be told.
        match candidates.iter().any(|(_, key)| decode_any(token, key)) {
            true => Err(Refused::Malformed),
            false => Err(Refused::BadSignature),
        }
    }
}

/// Time and audience are judged by us, with the caller's clock and the caller's resource.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn decode(token: &str, key: &DecodingKey) -> Result<Claims, jsonwebtoken::errors::Error> {
    jsonwebtoken::decode::<Claims>(token, key, &validation()).map(|data| data.claims)
}

fn decode_any(token: &str, key: &DecodingKey) -> bool {
    jsonwebtoken::decode::<serde_json::Value>(token, key, &validation()).is_ok()
}
