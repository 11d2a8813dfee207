//! An agent with a key of its own, which never leaves it.

use crate::{clock, places::Places};
use anyhow::Result;
use serde_json::{Value, json};
use token::SigningKey;

/// An agent.
#[derive(Debug)]
pub struct Agent {
    /// `agt_…`, once it is registered.
    pub id: String,
    key: SigningKey,
}

impl Agent {
    /// With a fresh key, not yet registered.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self> {
        Ok(Self { id: String::new(), key: SigningKey::generate()?.0 })
    }

    /// Its public keys, as the console takes them.
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.public()] })
    }

    /// What proves to the authorization server that it is this agent: short-lived, for that server only, once.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn proof(&self, places: &Places) -> Result<String> {
        let now = clock::now();
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": places.issuer(),
            "iat": now.as_secs(), "exp": now.as_secs() + 60, "jti": format!("{}-{}", self.id, now.as_nanos()),
        });
        Ok(self.key.sign("JWT", self.key.kid(), &claims)?)
    }
}
