//! Why a use case did not do what it was asked to.

use crate::permission::Permission;
use crate::service::NotSigned;
use store::{Retry, StoreError};

/// The result of use cases and questions.
pub type Result<T> = std::result::Result<T, Error>;

/// One field that is wrong, in words for the person who filled it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The form field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// Why not. Each maps to one kind of answer at the edge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing in this tenant, or nothing that this actor may know of.
    #[error("not found")]
    NotFound,
    /// The actor lacks the permission.
    #[error("not permitted: {0:?}")]
    Forbidden(Permission),
    /// The input is wrong; nothing was changed.
    #[error("invalid input")]
    Invalid(Vec<Invalid>),
    /// It changed meanwhile: the caller shows both and asks again.
    #[error("changed meanwhile: {0}")]
    Changed(String),
    /// A rule says no. The code is stable, the text is for the person.
    #[error("{code}: {text}")]
    Refused {
        /// Stable code.
        code: &'static str,
        /// For the person who asked.
        text: String,
    },
    /// Too much at once: nothing was done, and trying again later helps.
    #[error("too much at once")]
    Busy,
    /// A key that lies in a key management service has not signed: nothing was changed, and trying again may help.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret could not be opened or a signature not made.
    #[error("{what}")]
    Internal {
        /// What was being done; holds no secret.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// One wrong field.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![Invalid { field, reason: reason.into() }])
    }

    /// A rule says no.
    pub fn refused(code: &'static str, text: impl Into<String>) -> Self {
        Self::Refused { code, text: text.into() }
    }

    /// Something failed that should not.
    pub fn internal(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal { what, source: source.into() }
    }
}

impl Retry for Error {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}
