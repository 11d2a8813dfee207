//! ES256 keys: generated here, kept as PKCS#8 by whoever stores them, shown to others as JWKs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A key that could not be made or read. Says nothing about the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no P-256 key in PKCS#8.
    #[error("not an ECDSA P-256 key in PKCS#8")]
    NotP256,
    /// The random generator or the signing failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// A private ES256 key with its `kid`.
pub struct SigningKey {
    kid: String,
    /// Read once: reading costs more than signing.
    pair: EcdsaKeyPair,
    public: PublicJwk,
}

/// A public EC key as a JWK (RFC 7517, RFC 7518 section 6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
    /// Key id.
    #[serde(default)]
    pub kid: String,
    /// `ES256`.
    #[serde(default)]
    pub alg: String,
    /// `sig`.
    #[serde(default, rename = "use")]
    pub usage: String,
}

impl PublicJwk {
    /// Whether it is a P-256 key with coordinates of the right size.
    pub fn is_p256(&self) -> bool {
        let sized = |part: &str| URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| bytes.len() == 32);
        self.kty == "EC" && self.crv == "P-256" && sized(&self.x) && sized(&self.y)
    }
}

impl SigningKey {
    /// Makes a new key and returns it with its PKCS#8 form, which the caller stores encrypted.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the system gives no randomness.
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).map_err(|_| KeyError::Crypto)?;
        let bytes = Zeroizing::new(pkcs8.as_ref().to_vec());
        Ok((Self::from_pkcs8(&bytes)?, bytes))
    }

    /// Reads a key. Its `kid` is the start of the SHA-256 of the public point, so equal keys have equal ids.
    ///
    /// # Errors
    /// [`KeyError::NotP256`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| KeyError::NotP256)?;
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, point);
        let kid = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]);
        let public = PublicJwk {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: URL_SAFE_NO_PAD.encode(&point[1..33]),
            y: URL_SAFE_NO_PAD.encode(&point[33..65]),
            kid: kid.clone(),
            alg: "ES256".to_owned(),
            usage: "sig".to_owned(),
        };
        Ok(Self { kid, pair, public })
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half.
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// Signs `claims` as a compact JWS with this `typ` and `kid`.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the claims do not serialize or the signing fails.
    pub fn sign(&self, typ: &str, kid: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = Header { typ: Some(typ.to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| KeyError::Crypto);
        let mut jws = part(serde_json::to_vec(&header))?;
        jws.push('.');
        jws.push_str(&part(serde_json::to_vec(claims))?);
        let signature = self.pair.sign(&SystemRandom::new(), jws.as_bytes()).map_err(|_| KeyError::Crypto)?;
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut jws);
        Ok(jws)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}
