//! Randomness is a parameter: ids and secrets come from one injected generator.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};

/// The source of ids and secrets.
pub struct Chance(Mutex<Box<dyn Generator>>);

trait Generator: RngCore + CryptoRng + Send {}
impl<T: RngCore + CryptoRng + Send> Generator for T {}

impl Chance {
    /// From a generator that is fit for secrets; tests bring a seeded one.
    pub fn new(generator: impl RngCore + CryptoRng + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(generator)))
    }

    fn fill(&self, bytes: &mut [u8]) {
        // A panic elsewhere leaves a generator as random as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }

    /// A new id: the prefix, `_`, and a lower-case ULID, which sorts by time.
    pub fn id(&self, prefix: &str, now_ms: i64) -> String {
        let mut bytes = [0u8; 10];
        self.fill(&mut bytes);
        let random = bytes.iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
        let ulid = ulid::Ulid::from_parts(u64::try_from(now_ms).unwrap_or_default(), random);
        format!("{prefix}_{}", ulid.to_string().to_ascii_lowercase())
    }

    /// A secret of 256 bits, 43 characters of base64url.
    pub fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// SHA-256 in hex: how secrets are kept, and what digests look like.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}
