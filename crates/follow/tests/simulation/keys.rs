//! Keys that come from the seed, and sign the same bytes with the same signature (RFC 6979): a world that is played again is the same world.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::key::KeyError;
use bundle::repository::{Delegates, RootKeys, Threshold};
use bundle::{PublicKey, Signer};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// DER of a SubjectPublicKeyInfo for P-256 up to the uncompressed point (RFC 5480).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00,
];

pub struct Key {
    pair: SigningKey,
    public: PublicKey,
}

impl Key {
    pub fn new(rng: &mut ChaCha8Rng) -> Self {
        let pair = SigningKey::from_slice(&rng.random::<[u8; 32]>()).expect("all but one in 2^32 are keys");
        let point = pair.verifying_key().to_sec1_point(false);
        let der = STANDARD.encode([&SPKI_PREFIX, point.as_bytes()].concat());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
        Self { pair, public: PublicKey::from_pem(&pem).expect("a key") }
    }
}

impl Signer for Key {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: Signature = self.pair.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// One for each role.
pub struct Keys {
    pub root: Key,
    pub targets: Key,
    pub assignment: Key,
    pub revocations: Key,
    pub snapshot: Key,
    pub timestamp: Key,
}

impl Keys {
    pub fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut key = || Key::new(rng);
        Self { root: key(), targets: key(), assignment: key(), revocations: key(), snapshot: key(), timestamp: key() }
    }

    pub fn root_keys(&self) -> RootKeys {
        let one = |key: &Key| Threshold::one(&key.public);
        RootKeys { root: one(&self.root), targets: one(&self.targets), snapshot: one(&self.snapshot), timestamp: one(&self.timestamp) }
    }

    pub fn delegates(&self) -> Delegates {
        Delegates { assignment: Threshold::one(&self.assignment.public), revocations: Threshold::one(&self.revocations.public) }
    }
}
