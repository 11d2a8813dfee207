//! Randomness is a parameter: ids and secrets come from one injected generator.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The source of ids and secrets.
pub struct Chance(Mutex<Source>);

struct Source {
    generator: Box<dyn Generator>,
    /// The newest id, so that ids of one millisecond stand in the order in which they were made.
    newest: ulid::Ulid,
}

trait Generator: CryptoRng + Send {}
impl<T: CryptoRng + Send> Generator for T {}

impl Chance {
    /// From a generator that is fit for secrets; tests bring a seeded one.
    pub fn new(generator: impl CryptoRng + Send + 'static) -> Self {
        Self(Mutex::new(Source { generator: Box::new(generator), newest: ulid::Ulid::nil() }))
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        // A panic elsewhere leaves a generator as random as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new id: the prefix, `_`, and a lower-case ULID. Ids sort by time, and within a millisecond by the order in which they were made.
    pub fn id(&self, prefix: &str, now_ms: i64) -> String {
        let mut source = self.source();
        let mut bytes = [0u8; 10];
        source.generator.fill_bytes(&mut bytes);
        let random = bytes.iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
        let fresh = ulid::Ulid::from_parts(u64::try_from(now_ms).unwrap_or_default(), random);
        let follows = source.newest.timestamp_ms() == fresh.timestamp_ms();
        source.newest = source.newest.increment().filter(|_| follows).unwrap_or(fresh);
        format!("{prefix}_{}", source.newest.to_string().to_ascii_lowercase())
    }

    /// A secret of 256 bits, 43 characters of base64url.
    pub fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        self.source().generator.fill_bytes(&mut bytes);
        bytes
    }
}

/// SHA-256 in hex: how secrets are kept, and what digests look like.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}
