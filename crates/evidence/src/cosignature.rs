//! Cosignatures of checkpoints (<https://c2sp.org/tlog-cosignature>, the Ed25519 form `cosignature/v1`).
//!
//! A cosignature says: as of this time, this is the largest tree that I have seen of this log, and it is consistent with all that I saw
//! before. Whoever holds cosignatures of many gateways holds proof that all of them were shown one and the same log.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::hash::digest;
use crate::note::NoteError;

/// Signature type of Ed25519 cosignatures in notes and keys.
const COSIGNATURE_TYPE: u8 = 4;

/// Signs checkpoints as a witness. The seed is the secret to keep.
pub struct Cosigner {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    key: CosignerKey,
}

impl Cosigner {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`NoteError::Name`], or [`NoteError::Seed`] if the system gives no randomness.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(seed.as_mut_slice()).map_err(|_| NoteError::Seed)?;
        Self::from_seed(name, &seed)
    }

    /// The key of this 32-byte seed. One seed must not be used under two names: the signed message does not hold the name.
    ///
    /// # Errors
    /// [`NoteError::Name`] or [`NoteError::Seed`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Seed)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Seed)?;
        Ok(Self { seed: Zeroizing::new(*seed), pair, key: CosignerKey::new(name, public)? })
    }

    /// The secret.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> &CosignerKey {
        &self.key
    }

    /// The signature line for a checkpoint's text (its signatures left out, its final newline included) at `time`, Unix seconds.
    #[must_use]
    pub fn cosign(&self, text: &str, time: u64) -> String {
        let signature = self.pair.sign(&message(text, time));
        let bytes = [self.key.hash.as_slice(), &time.to_be_bytes(), signature.as_ref()].concat();
        format!("\u{2014} {} {}\n", self.key.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner").field("key", &self.key).finish_non_exhaustive()
    }
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// Verifies cosignatures. Its text form is a note verifier key of type 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: String,
    hash: [u8; 4],
    public: [u8; 32],
}

impl CosignerKey {
    fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
            return Err(NoteError::Name);
        }
        let id = digest(&[name.as_bytes(), b"\n", &[COSIGNATURE_TYPE], &public]).0;
        Ok(Self { name: name.to_owned(), hash: [id[0], id[1], id[2], id[3]], public })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`NoteError::VerifierKey`] unless it is exactly what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(NoteError::VerifierKey) };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::VerifierKey)?;
        let Some((&COSIGNATURE_TYPE, public)) = bytes.split_first() else { return Err(NoteError::VerifierKey) };
        let parsed = Self::new(name, public.try_into().map_err(|_| NoteError::VerifierKey)?)?;
        if parsed.to_string() == text { Ok(parsed) } else { Err(NoteError::VerifierKey) }
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When this key cosigned `text`, Unix seconds, if `line` is its signature over it.
    ///
    /// # Errors
    /// [`NoteError::Note`] for what is no signature line, [`NoteError::NotSigned`] for another key's, [`NoteError::BadSignature`].
    pub fn verify(&self, text: &str, line: &str) -> Result<u64, NoteError> {
        let line = line.strip_suffix('\n').unwrap_or(line).strip_prefix("\u{2014} ").ok_or(NoteError::Note)?;
        let (name, encoded) = line.split_once(' ').ok_or(NoteError::Note)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Note)?;
        let (hash, rest) = bytes.split_at_checked(4).ok_or(NoteError::Note)?;
        if name != self.name || hash != self.hash {
            return Err(NoteError::NotSigned);
        }
        let (time, signature) = rest.split_at_checked(8).ok_or(NoteError::Note)?;
        let time = u64::from_be_bytes(time.try_into().map_err(|_| NoteError::Note)?);
        match UnparsedPublicKey::new(&ED25519, self.public).verify(&message(text, time), signature) {
            Ok(()) if i64::try_from(time).is_ok() => Ok(time),
            _ => Err(NoteError::BadSignature),
        }
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[COSIGNATURE_TYPE], self.public.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "writ/acme\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_cosignature_is_of_one_key_one_text_and_one_time() {
        let cosigner = Cosigner::from_seed("writ/acme/gw-1", &[7; 32]).expect("a key");
        let line = cosigner.cosign(TEXT, 1_679_315_147);
        let key = CosignerKey::parse(&cosigner.key().to_string()).expect("its own form");
        assert_eq!(key.verify(TEXT, &line), Ok(1_679_315_147));
        assert_eq!(key.verify(&TEXT.replace('7', "8"), &line), Err(NoteError::BadSignature));
        let other = Cosigner::from_seed("writ/acme/gw-1", &[8; 32]).expect("a key");
        assert_eq!(other.key().verify(TEXT, &line), Err(NoteError::NotSigned));
        for at in 0..line.len() - 1 {
            let mut altered = line.clone().into_bytes();
            altered[at] ^= 1;
            let Ok(altered) = String::from_utf8(altered) else { continue };
            assert!(key.verify(TEXT, &altered).is_err(), "byte {at}");
        }
    }

    /// The layout of the specification: a key id over the name and type 4, then the time in eight bytes, then the signature.
    #[test]
    fn the_line_is_laid_out_as_specified() {
        let cosigner = Cosigner::from_seed("witness.example.com/w1", &[7; 32]).expect("a key");
        let line = cosigner.cosign(TEXT, 1);
        let encoded = line.strip_prefix("— witness.example.com/w1 ").and_then(|rest| rest.strip_suffix('\n')).expect("name first");
        let bytes = STANDARD.decode(encoded).expect("base64");
        assert_eq!((bytes.len(), &bytes[4..12]), (4 + 8 + 64, [0, 0, 0, 0, 0, 0, 0, 1].as_slice()));
        let id = digest(&[b"witness.example.com/w1\n", &[4], &cosigner.key.public]).0;
        assert_eq!(bytes[..4], id[..4]);
    }
}
