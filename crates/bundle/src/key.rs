//! ECDSA P-256 keys in the forms that TUF metadata uses.
//!
//! Public keys are SPKI PEM, signatures ASN.1 DER in hex, key ids SHA-256 over the canonical key object: what
//! python-tuf with securesystemslib expects of `"scheme": "ecdsa-sha2-nistp256"`.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

use crate::canonical::canonical;
use crate::digest::sha256_hex;
use crate::repository::{Delegates, RootKeys, Threshold};
use crate::schema::{KeyRecord, KeyValue};

/// DER of a SubjectPublicKeyInfo for P-256 up to the 65 bytes of the uncompressed point.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00,
];
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// A key could not be read, made or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PKCS#8 document with a P-256 private key.
    #[error("not a P-256 private key in PKCS#8")]
    Private,
    /// Not an SPKI PEM with a P-256 public key, or of another type or scheme.
    #[error("not a P-256 public key in SPKI PEM of scheme ecdsa-sha2-nistp256")]
    Public,
    /// The cryptographic library refused.
    #[error("the cryptographic library could not complete the operation")]
    Crypto,
    /// A signer outside of this process did not sign.
    #[error("the signer did not sign: {0}")]
    Signer(String),
}

/// Whatever can sign for a role: a key in memory, a key management service, a smart card behind a program.
pub trait Signer {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// An ASN.1 DER signature, ECDSA P-256 with SHA-256, over `message`.
    ///
    /// # Errors
    /// [`KeyError`] when the signer refuses or cannot be reached.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// A private signing key with its PKCS#8 form, so that it can be sealed and stored.
pub struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl Key {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).map_err(|_| KeyError::Crypto)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a key from its PKCS#8 bytes.
    ///
    /// # Errors
    /// [`KeyError::Private`] if they are something else.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).map_err(|_| KeyError::Private)?;
        let public = PublicKey::new(Point::new(pair.public_key().as_ref())?)?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8.to_vec()), public })
    }

    /// The PKCS#8 bytes. Seal them before they are stored.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl Signer for Key {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Crypto)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.public.id()).finish_non_exhaustive()
    }
}

/// A public verification key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    point: Point,
    id: String,
}

/// A public key's bytes alone, uncompressed: all that verifying takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point([u8; 65]);

impl Point {
    fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 65] = bytes.try_into().map_err(|_| KeyError::Public)?;
        if bytes[0] == 4 { Ok(Self(bytes)) } else { Err(KeyError::Public) }
    }

    fn from_pem(text: &str) -> Result<Self, KeyError> {
        let body = text.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let encoded: String = body.ok_or(KeyError::Public)?.split_whitespace().collect();
        let der = STANDARD.decode(encoded).map_err(|_| KeyError::Public)?;
        Self::new(der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::Public)?)
    }

    /// Reads the key of a record in metadata.
    pub fn from_record(record: &KeyRecord) -> Result<Self, KeyError> {
        if record.keytype != "ecdsa" || record.scheme != "ecdsa-sha2-nistp256" {
            return Err(KeyError::Public);
        }
        Self::from_pem(&record.keyval.public)
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(message, signature).is_ok()
    }
}

impl PublicKey {
    fn new(point: Point) -> Result<Self, KeyError> {
        let id = key_id(&pem(&point.0))?;
        Ok(Self { point, id })
    }

    /// Reads a key from its SPKI PEM.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is not a P-256 key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::new(Point::from_pem(text)?)
    }

    /// The key as SPKI PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem(&self.point.0)
    }

    /// Its TUF key id: SHA-256 over the canonical key object, hex.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key as it stands in metadata.
    pub(crate) fn record(&self) -> KeyRecord {
        KeyRecord { keytype: "ecdsa".to_owned(), scheme: "ecdsa-sha2-nistp256".to_owned(), keyval: KeyValue { public: self.to_pem() } }
    }

    /// Reads a key from metadata.
    pub(crate) fn from_record(record: &KeyRecord) -> Result<Self, KeyError> {
        Self::new(Point::from_record(record)?)
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.point.verifies(message, signature)
    }
}

fn pem(point: &[u8; 65]) -> String {
    let encoded = STANDARD.encode([SPKI_PREFIX.as_slice(), point].concat());
    let (first, second) = encoded.split_at(64);
    format!("{PEM_BEGIN}\n{first}\n{second}\n{PEM_END}\n")
}

fn key_id(pem: &str) -> Result<String, KeyError> {
    let object = json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": pem}});
    Ok(sha256_hex(&canonical(&object).map_err(|_| KeyError::Public)?))
}

/// One key for each role: what a control plane that keeps its keys beside the database holds.
#[derive(Debug)]
pub struct KeySet {
    /// Signs the keys of the others.
    pub root: Key,
    /// The policy key.
    pub targets: Key,
    /// Signs which gateway runs which version.
    pub assignment: Key,
    /// Signs the revocation list.
    pub revocations: Key,
    /// Signs what belongs together.
    pub snapshot: Key,
    /// Signs what is newest.
    pub timestamp: Key,
}

impl KeySet {
    /// Six new keys.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self {
            root: Key::generate()?,
            targets: Key::generate()?,
            assignment: Key::generate()?,
            revocations: Key::generate()?,
            snapshot: Key::generate()?,
            timestamp: Key::generate()?,
        })
    }

    /// What a root with these keys lists, every threshold one.
    #[must_use]
    pub fn root_keys(&self) -> RootKeys {
        RootKeys {
            root: Threshold::one(self.root.public()),
            targets: Threshold::one(self.targets.public()),
            snapshot: Threshold::one(self.snapshot.public()),
            timestamp: Threshold::one(self.timestamp.public()),
        }
    }

    /// What the targets role delegates to, every threshold one.
    #[must_use]
    pub fn delegates(&self) -> Delegates {
        Delegates { assignment: Threshold::one(self.assignment.public()), revocations: Threshold::one(self.revocations.public()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_stored_and_public_forms() {
        let key = Key::generate().expect("randomness");
        let again = Key::from_pkcs8(key.pkcs8()).expect("own PKCS#8");
        let public = PublicKey::from_pem(&key.public().to_pem()).expect("own PEM");
        assert_eq!(&public, again.public());
        assert_eq!(public.id().len(), 64);
        let signature = again.sign(b"order").expect("signs");
        assert!(public.verifies(b"order", &signature));
        assert!(!public.verifies(b"other", &signature));
        assert!(!format!("{key:?}").contains(&hex::encode(key.pkcs8())));
    }

    #[test]
    fn another_curve_or_garbage_is_no_key() {
        assert_eq!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), Err(KeyError::Public));
        assert_eq!(PublicKey::from_pem(""), Err(KeyError::Public));
        assert!(matches!(Key::from_pkcs8(b"no"), Err(KeyError::Private)));
    }
}
