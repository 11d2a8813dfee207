//! Secrets at rest: AES-256-GCM under a master key that lives beside the database, or is given.

use crate::chance::Chance;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The key that all others are sealed under.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// From 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// A sealed secret: nonce, ciphertext and tag in base64.
pub type Sealed = String;

/// A secret that could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Another master key, another place, or damage.
    #[error("a stored secret cannot be opened with this master key")]
    NotOurs,
    /// The cryptographic library failed.
    #[error("a secret could not be sealed")]
    Crypto,
}

/// Seals and opens. What a secret is for is bound to it, so one cannot be put in another's place.
pub struct Vault(LessSafeKey);

impl Vault {
    /// Over a master key.
    ///
    /// # Errors
    /// [`VaultError::Crypto`].
    pub fn new(master: &MasterKey) -> Result<Self, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, master.0.as_slice()).map_err(|_| VaultError::Crypto)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals `secret`. Use cases seal through [`crate::Scene::seal`]. `place` says whose and what for, such as `acme/token/key_01…`.
    ///
    /// # Errors
    /// [`VaultError::Crypto`].
    pub(crate) fn seal(&self, chance: &Chance, place: &str, secret: &[u8]) -> Result<Sealed, VaultError> {
        let nonce: [u8; 12] = chance.bytes();
        let mut sealed = secret.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_| VaultError::Crypto)?;
        Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`VaultError::NotOurs`].
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| VaultError::NotOurs)?;
        let (nonce, body) = bytes.split_at_checked(12).ok_or(VaultError::NotOurs)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::NotOurs)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| VaultError::NotOurs)?.len();
        body.truncate(length);
        Ok(body)
    }
}
