//! What can go wrong with an engine.

use thiserror::Error;

use crate::http::OutboundError;

/// What is wrong with the settings. No secret stands in it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Unfit {
    /// A token would go where others can read it, or nowhere.
    #[error("its address has to be https://, or http:// on loopback, with host and port only")]
    Address,
    /// It fits in no header.
    #[error("its namespace cannot be sent")]
    Namespace,
    /// No certificates in PEM, or none that can be used.
    #[error("the file of its authorities holds no certificates in PEM that can be used")]
    Authorities,
    /// TLS could not be set up.
    #[error("the system's trust store cannot be read")]
    Tls,
}

/// Why an engine did not do what it was asked to; `Display` is the rest of a sentence that begins with what was called. None holds the
/// token.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TransitError {
    /// The file with the token cannot be read, is empty, or may be read by everybody.
    #[error("cannot be asked: {0}")]
    Token(String),
    /// No answer, or none that could be read.
    #[error(transparent)]
    Http(#[from] OutboundError),
    /// It says no: the token has ended, its policy does not allow this, the key does not sign in this version.
    #[error("refused with status {status}: {said}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// It cannot answer now: sealed, in standby, overloaded.
    #[error("answered with status {status}: {said}")]
    Unable {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// There is no such key, or none that can sign here.
    #[error("has no such key: {0}")]
    NoSuchKey(String),
    /// The answer is not what the documentation says.
    #[error("answered with something unexpected: {0}")]
    Malformed(String),
}
