//! The provider's ES256 key.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const FILE: &str = "idp-signing-key.p8";

pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    kid: String,
}

impl SigningKey {
    /// Reads the key kept in `dir`, or makes one and keeps it there (mode 0600).
    pub(super) fn load_or_generate(dir: Option<&Path>) -> io::Result<Self> {
        let Some(dir) = dir else { return Self::from_pkcs8(&generate()?) };
        let path = dir.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => Self::from_pkcs8(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(dir)?;
                let bytes = generate()?;
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(&bytes)?;
                Self::from_pkcs8(&bytes)
            }
            Err(error) => Err(error),
        }
    }

    fn from_pkcs8(bytes: &[u8]) -> io::Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("signing key: {error}")))?;
        let kid = URL_SAFE_NO_PAD.encode(&Sha256::digest(pair.public_key().as_ref())[..12]);
        Ok(Self { pair, kid })
    }

    /// The public half as a JWK (RFC 7518, section 6.2).
    pub(super) fn jwk(&self) -> Value {
        // An uncompressed point: one byte 0x04, then 32 bytes x, then 32 bytes y.
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        })
    }

    /// A compact JWS over `claims`; with `spoiled` one bit of the signature is wrong.
    pub(super) fn sign(&self, claims: &Value, spoiled: bool) -> Result<String, aws_lc_rs::error::Unspecified> {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": self.kid });
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = self.pair.sign(&SystemRandom::new(), input.as_bytes())?.as_ref().to_vec();
        if spoiled {
            signature[40] ^= 1;
        }
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn generate() -> io::Result<Vec<u8>> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map(|document| document.as_ref().to_vec())
        .map_err(|_| io::Error::other("the system could not make a signing key"))
}
