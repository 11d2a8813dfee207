//! Short signed assertions between Writ's own parts: a gateway to the control plane, and a gateway to the MCP server behind it.

use crate::key::{KeyError, PublicJwk, SigningKey};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};

/// The kind of an assertion, its `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assertion {
    /// A gateway to the delivery endpoints.
    Gateway,
    /// A gateway to an upstream MCP server, naming who calls.
    Upstream,
}

impl Assertion {
    const fn typ(self) -> &'static str {
        match self {
            Self::Gateway => "gateway+jwt",
            Self::Upstream => "writ-upstream+jwt",
        }
    }

    /// The longest life that is accepted, in seconds.
    pub const LIFE: i64 = 60;

    /// Signs `claims` as this kind; `kid` tells the verifier whose key it is.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn sign(self, key: &SigningKey, kid: &str, claims: &AssertionClaims) -> Result<String, KeyError> {
        key.sign(self.typ(), kid, claims)
    }

    /// The `kid` of an assertion of this kind, unverified: only to find the key with which to verify it.
    ///
    /// # Errors
    /// [`AssertionError::Malformed`] or [`AssertionError::WrongType`].
    pub fn kid_unverified(self, assertion: &str) -> Result<String, AssertionError> {
        let header = jsonwebtoken::decode_header(assertion).map_err(|_| AssertionError::Malformed)?;
        if header.typ.as_deref() != Some(self.typ()) || header.alg != Algorithm::ES256 {
            return Err(AssertionError::WrongType);
        }
        header.kid.ok_or(AssertionError::Malformed)
    }

    /// Verifies an assertion of this kind.
    ///
    /// # Errors
    /// [`AssertionError`]: which check failed.
    pub fn verify(self, assertion: &str, key: &PublicJwk, audience: &str, now: i64) -> Result<AssertionClaims, AssertionError> {
        let claims = self.signed(assertion, key)?;
        claims.stand(audience, now)?;
        Ok(claims)
    }

    /// What an assertion of this kind says, verified to be signed with `key`, and nothing else: whether it [stands](AssertionClaims::stand)
    /// here and now is another question, which has another answer later.
    ///
    /// # Errors
    /// [`AssertionError`]: which check failed.
    pub fn signed(self, assertion: &str, key: &PublicJwk) -> Result<AssertionClaims, AssertionError> {
        self.kid_unverified(assertion)?;
        let key = DecodingKey::from_ec_components(&key.x, &key.y).map_err(|_| AssertionError::Malformed)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(assertion, &key, &validation).map(|decoded| decoded.claims).map_err(|_| AssertionError::BadSignature)
    }
}

impl AssertionClaims {
    /// Whether they are meant for `audience` and hold at `now`, Unix seconds.
    ///
    /// # Errors
    /// [`AssertionError`]: which check failed.
    pub fn stand(&self, audience: &str, now: i64) -> Result<(), AssertionError> {
        if self.aud != audience {
            return Err(AssertionError::WrongAudience);
        }
        let life = Assertion::LIFE;
        let (early, late) = (now < self.iat.saturating_sub(life), now >= self.exp.saturating_add(life));
        if early || late || self.exp.saturating_sub(self.iat) > life {
            return Err(AssertionError::Expired);
        }
        Ok(())
    }
}

/// What an assertion says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionClaims {
    /// Who says it: a gateway's id.
    pub iss: String,
    /// Whom it is about: the gateway itself, or the calling user.
    pub sub: String,
    /// For whom.
    pub aud: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Ends at, Unix seconds, at most [`Assertion::LIFE`] later.
    pub exp: i64,
    /// Its id.
    pub jti: String,
    /// The calling client, towards an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The acting agent, towards an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The scope that the decision rests on, towards an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The decision that let the call through, towards an upstream: the request's id in answer, log line and decision log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Version of the policy that it was decided by, towards an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<u64>,
}

/// Why an assertion was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a JWS with the claims of an assertion.
    #[error("the assertion is malformed")]
    Malformed,
    /// Another kind of JWT.
    #[error("the assertion is of another type")]
    WrongType,
    /// The signature does not fit.
    #[error("the assertion's signature is not valid")]
    BadSignature,
    /// For someone else.
    #[error("the assertion is for another audience")]
    WrongAudience,
    /// Too old, too new, or made to live too long.
    #[error("the assertion has ended, is not valid yet, or lives too long")]
    Expired,
}
