//! A bundle before and after its signature.

use crate::archive::{Files, pack};
use crate::canonical::canonical;
use crate::lane::Lane;
use crate::manifest::manifest;
use crate::refused::Refused;
use crate::revision::Revision;
use crate::signature;
use bundle::{PublicKey, Signer, sha256_hex};
use serde_json::Value;

/// A bundle that lacks nothing but its signature. Equal contents make equal ones, here and on the machine that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    lane: Lane,
    revision: Revision,
    files: Files,
    payload: Vec<u8>,
}

/// A signed bundle, as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Which of the two.
    pub lane: Lane,
    /// What its manifest says that it holds.
    pub revision: Revision,
    /// The id of the key that signed it.
    pub key_id: String,
    /// The archive.
    pub bytes: Vec<u8>,
    /// Its SHA-256, lower-case hex; in quotes it is the entity tag.
    pub sha256: String,
}

impl Unsigned {
    /// Of these documents and modules, with paths below the archive's root. `signed` in Unix seconds.
    pub(crate) fn new(
        lane: Lane,
        tenant: &str,
        revision: Revision,
        metadata: &Value,
        documents: impl IntoIterator<Item = (&'static str, Value)>,
        modules: impl IntoIterator<Item = (&'static str, String)>,
        signed: i64,
    ) -> Result<Self, Refused> {
        let mut files = Files::new();
        files.insert(".manifest".to_owned(), canonical(&manifest(lane, &revision, metadata))?);
        for (path, document) in documents {
            files.insert(format!("{path}/data.json"), canonical(&document)?);
        }
        for (path, module) in modules {
            files.insert(path.to_owned(), module.into_bytes());
        }
        let payload = signature::payload(&files, tenant, signed)?;
        Ok(Self { lane, revision, files, payload })
    }

    /// Which of the two it is.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// What its manifest says that it holds.
    #[must_use]
    pub const fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Its files with their bytes, without the signature.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// What the signature says: every file with its hash, the tenant as the scope, the time.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes that this key has to sign, wherever it is: ECDSA P-256 with SHA-256.
    #[must_use]
    pub fn signing_input(&self, key: &PublicKey) -> Vec<u8> {
        signature::signing_input(&self.payload, key).into_bytes()
    }

    /// Signs with a key that is at hand.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Archive, Refused> {
        let der = signer.sign(&self.signing_input(signer.public()))?;
        self.complete(signer.public(), &der)
    }

    /// Completes it with a signature that was made elsewhere, ASN.1 DER, over [`Unsigned::signing_input`] of the same key.
    ///
    /// # Errors
    /// [`Refused::BadSignature`] unless it is that.
    pub fn complete(&self, key: &PublicKey, der: &[u8]) -> Result<Archive, Refused> {
        let input = signature::signing_input(&self.payload, key);
        signature::check(&input, key, der)?;
        let signed = signature::file(&input, der).ok_or_else(|| Refused::BadSignature(key.id().to_owned()))?;
        let mut files = self.files.clone();
        files.insert(signature::FILE.to_owned(), signed);
        let bytes = pack(&files)?;
        let sha256 = sha256_hex(&bytes);
        Ok(Archive { lane: self.lane, revision: self.revision.clone(), key_id: key.id().to_owned(), bytes, sha256 })
    }
}
