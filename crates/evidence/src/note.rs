//! C2SP signed notes with Ed25519 keys (<https://c2sp.org/signed-note>).

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::hash::digest;

/// Signature type of Ed25519 in notes and keys.
const ED25519_TYPE: u8 = 1;

/// A key or a note could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A key name is empty or holds white space or a plus sign.
    #[error("a key name must not be empty or hold white space or '+'")]
    Name,
    /// Not a verifier key `name+hash+base64`.
    #[error("not an Ed25519 verifier key in note form")]
    VerifierKey,
    /// Not a 32-byte seed, or no randomness.
    #[error("not an Ed25519 seed")]
    Seed,
    /// Not text, a blank line, and signatures.
    #[error("not a signed note")]
    Note,
    /// No signature by this key.
    #[error("the note is not signed by the key")]
    NotSigned,
    /// A signature by this key that does not fit.
    #[error("the note's signature does not fit its text")]
    BadSignature,
}

/// Signs notes. The seed is the secret to seal and store.
pub struct Signer {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`NoteError::Name`], or [`NoteError::Seed`] if the system gives no randomness.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(seed.as_mut_slice()).map_err(|_| NoteError::Seed)?;
        Self::from_seed(name, &seed)
    }

    /// The key of this 32-byte seed.
    ///
    /// # Errors
    /// [`NoteError::Name`] or [`NoteError::Seed`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Seed)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Seed)?;
        Ok(Self { seed: Zeroizing::new(*seed), pair, verifier: Verifier::new(name, public)? })
    }

    /// The secret.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs `text`, which must end in a newline, as a note.
    #[must_use]
    pub fn sign_note(&self, text: &str) -> String {
        let Verifier { name, hash, .. } = &self.verifier;
        let signature = [hash.as_slice(), &self.sign(text.as_bytes())].concat();
        format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(signature))
    }

    /// Adds this key's signature to a note that others have signed.
    ///
    /// # Errors
    /// [`NoteError::Note`] if it is none.
    pub fn cosign_note(&self, note: &str) -> Result<String, NoteError> {
        let at = note.rfind("\n\n").ok_or(NoteError::Note)?;
        if !note.ends_with('\n') || at + 2 == note.len() {
            return Err(NoteError::Note);
        }
        let own = self.sign_note(&note[..=at]);
        Ok(format!("{note}{}", &own[at + 2..]))
    }

    /// A bare signature, for the parts of an export.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// Verifies notes. Its text form is `name+hash+base64`, a note verifier key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    hash: [u8; 4],
    public: [u8; 32],
}

impl Verifier {
    /// A verifier for this key.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
            return Err(NoteError::Name);
        }
        let id = digest(&[name.as_bytes(), b"\n", &[ED25519_TYPE], &public]).0;
        Ok(Self { name: name.to_owned(), hash: [id[0], id[1], id[2], id[3]], public })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`NoteError::VerifierKey`] unless it is exactly what [`fmt::Display`] writes for an Ed25519 key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::VerifierKey);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::VerifierKey)?;
        let Some((&ED25519_TYPE, public)) = bytes.split_first() else { return Err(NoteError::VerifierKey) };
        let verifier = Self::new(name, public.try_into().map_err(|_| NoteError::VerifierKey)?)?;
        if verifier.to_string() == text { Ok(verifier) } else { Err(NoteError::VerifierKey) }
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key has signed, its final newline included. Signatures by other keys are ignored.
    ///
    /// # Errors
    /// [`NoteError::Note`], [`NoteError::NotSigned`] or [`NoteError::BadSignature`].
    pub fn open_note<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let at = note.rfind("\n\n").ok_or(NoteError::Note)?;
        let (text, signatures) = (&note[..=at], &note[at + 2..]);
        if !signatures.ends_with('\n') {
            return Err(NoteError::Note);
        }
        for line in signatures.lines() {
            let line = line.strip_prefix("\u{2014} ").ok_or(NoteError::Note)?;
            let (name, encoded) = line.split_once(' ').ok_or(NoteError::Note)?;
            let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Note)?;
            let (hash, signature) = bytes.split_at_checked(4).ok_or(NoteError::Note)?;
            if name == self.name && hash == self.hash {
                let good = self.verifies(text.as_bytes(), signature);
                return if good { Ok(text) } else { Err(NoteError::BadSignature) };
            }
        }
        Err(NoteError::NotSigned)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], self.public.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.hash))
    }
}
