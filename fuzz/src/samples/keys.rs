//! Keys that are nobody's: their private half is one byte, repeated.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle::key::KeyError;
use bundle::{Key, PublicKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

/// DER of a PKCS#8 document with a P-256 private key (RFC 5208, RFC 5915), up to the 32 bytes of the key; without its public half, which is
/// optional.
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];
/// The same with its public half, which follows the key.
const WHOLE_PREFIX: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
/// Before the public half: its tag, and that of the bit string in it.
const PUBLIC_PREFIX: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// PKCS#8 of the key whose private half is `byte`, 32 times. Not for 0 or 255, which are no keys.
#[must_use]
pub fn pkcs8(byte: u8) -> Vec<u8> {
    [PKCS8_PREFIX.as_slice(), &[byte; 32]].concat()
}

/// The same with the public half in it, as keys are made: nothing else in such a document tells one key from another.
///
/// # Panics
/// For 0 and 255.
#[must_use]
pub fn whole_pkcs8(byte: u8) -> Vec<u8> {
    let public = pair(byte).verifying_key().to_sec1_point(false);
    [WHOLE_PREFIX.as_slice(), &[byte; 32], &PUBLIC_PREFIX, public.as_bytes()].concat()
}

fn pair(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).expect("a P-256 key")
}

/// A key of which the same message has the same signature at every run (RFC 6979). Our own keys sign with randomness.
#[derive(Debug)]
pub struct FixedKey {
    pair: SigningKey,
    public: PublicKey,
}

impl FixedKey {
    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl bundle::Signer for FixedKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: Signature = self.pair.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// That key for signing metadata.
///
/// # Panics
/// For 0 and 255.
#[must_use]
pub fn metadata_key(byte: u8) -> FixedKey {
    let public = Key::from_pkcs8(&pkcs8(byte)).expect("a P-256 key").public().clone();
    FixedKey { pair: pair(byte), public }
}

/// That key for signing tokens.
///
/// # Panics
/// For 0 and 255.
#[must_use]
pub fn token_key(byte: u8) -> token::SigningKey {
    token::SigningKey::from_pkcs8(&pkcs8(byte)).expect("a P-256 key")
}

/// A compact JWS over any header and any payload, JSON or not, signed as for ES256 with that key whatever the header says.
///
/// # Panics
/// For 0 and 255.
#[must_use]
pub fn jws(byte: u8, header: &[u8], payload: &[u8]) -> String {
    signed(byte, &format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)))
}

/// A compact JWS, signed again with that key: with the signature that it has at every run.
///
/// # Panics
/// For 0 and 255, and for what is no compact JWS.
#[must_use]
pub fn signed_again(byte: u8, jws: &str) -> String {
    signed(byte, jws.rsplit_once('.').expect("three parts").0)
}

fn signed(byte: u8, message: &str) -> String {
    let signature: Signature = pair(byte).sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}
