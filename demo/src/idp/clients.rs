//! The relying parties that may ask for sign-ins.

use std::str::FromStr;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One relying party.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its identifier.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where a browser may be sent with a code: compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after sign-out: compared character by character.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
}

impl Client {
    /// Whether `given` is this client's secret. Compares digests, so the time taken says nothing about the secret.
    pub(crate) fn has_secret(&self, given: &str) -> bool {
        !self.client_secret.is_empty() && Sha256::digest(given) == Sha256::digest(&self.client_secret)
    }
}

/// `client_id:secret:redirect_uri`, as the command line has it.
impl FromStr for Client {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(id), Some(secret), Some(redirect)) if !id.is_empty() && !secret.is_empty() && !redirect.is_empty() => Ok(Self {
                client_id: id.into(),
                client_secret: secret.into(),
                redirect_uris: vec![redirect.into()],
                post_logout_redirect_uris: Vec::new(),
            }),
            _ => Err("expected CLIENT_ID:SECRET:REDIRECT_URI".into()),
        }
    }
}
