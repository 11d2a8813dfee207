//! Why a bundle could not be made.

use bundle::key::KeyError;

/// Why a bundle could not be made. Says what is wrong and where, for the person who can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A name with a character that not all OPAs hash alike.
    #[error("{0:?} holds a control character, which an OPA's bundle cannot carry")]
    ControlCharacter(String),
    /// A number whose text not all programs write alike.
    #[error("{0} is not a whole number, and an OPA's bundle carries only those")]
    NotAnInteger(String),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A signature that is not ASN.1 DER of two numbers, or not this key's over these files.
    #[error("the signature is not that of key {0} over this bundle")]
    BadSignature(String),
    /// The archive could not be written.
    #[error("the archive could not be written: {0}")]
    Archive(String),
}
