//! A signature on its way back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{CeremonyError, read, write};

const FORMAT: &str = "writ-signature/1";

/// One key's signature over a candidate: what goes back to the control plane. It says nothing that must be kept secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureFile {
    /// The tenant's slug.
    pub tenant: String,
    /// The candidate's number.
    pub candidate: u64,
    /// Id of the key that signed.
    pub keyid: String,
    /// ASN.1 DER in hex.
    pub sig: String,
    /// Its signatures over bundles for OPAs, by the policy's version, ASN.1 DER in hex. Empty unless the candidate asks this key for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub for_opas: BTreeMap<u64, String>,
}

impl SignatureFile {
    /// A signature by the key `keyid`.
    #[must_use]
    pub fn new(tenant: &str, candidate: u64, keyid: &str, sig: &str) -> Self {
        Self { tenant: tenant.to_owned(), candidate, keyid: keyid.to_owned(), sig: sig.to_owned(), for_opas: BTreeMap::new() }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`CeremonyError::Format`].
    pub fn read(bytes: &[u8]) -> Result<Self, CeremonyError> {
        read(bytes, FORMAT)
    }

    /// The document as it is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        write(self, FORMAT)
    }
}
