//! Why nobody should sign a document.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::Refused;
use crate::key::KeyError;
use crate::layout::Role;
use crate::repository::SignError;

/// A document is not fit to be signed, or was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// Not a document of this kind.
    #[error("this is not a {expected} document: {why}")]
    Format {
        /// The format that was expected.
        expected: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The roots or the list that it builds on do not verify.
    #[error("what it builds on does not verify: {0}")]
    Foundation(#[from] Refused),
    /// What it says in words is not what would be signed.
    #[error("what the document says in words is not what would be signed; do not sign it")]
    Words,
    /// What would be signed cannot be explained from what it builds on.
    #[error("what would be signed for {0} holds more or other changes than the document explains; do not sign it")]
    Unexplained(Role),
    /// The policy is not what its configuration compiles to.
    #[error(
        "the policy that would be signed is not what the configuration compiles to here (SHA-256 {compiled}, the document has {offered}); \
         do not sign it. Is this program the same version as the control plane's?"
    )]
    NotCompiled {
        /// SHA-256 of what the configuration compiles to here, hex.
        compiled: String,
        /// SHA-256 of what was offered, hex; `none` when it offers no policy under that name.
        offered: String,
    },
    /// The policy to compare with is not the newest that the list holds.
    #[error("the earlier policy in the document is not the newest that the signed list holds")]
    Before,
    /// The key may sign none of it.
    #[error("key {0} may sign nothing in this document")]
    NotASigner(String),
    /// Two copies are of different documents.
    #[error("these are copies of different documents")]
    OtherDocument,
    /// The metadata itself.
    #[error(transparent)]
    Metadata(#[from] SignError),
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A document as it is kept: what it is, then the rest; indented, since people look into it.
pub(super) fn write(document: &impl Serialize, format: &'static str) -> String {
    #[derive(Serialize)]
    struct Document<'a, T> {
        format: &'static str,
        #[serde(flatten)]
        document: &'a T,
    }
    serde_json::to_string_pretty(&Document { format, document }).expect("maps, strings and numbers always serialise") + "\n"
}

/// Reads a document that says to be of `format`.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], format: &'static str) -> Result<T, CeremonyError> {
    let wrong = |why: String| CeremonyError::Format { expected: format, why };
    let mut document: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    match document.as_object_mut().and_then(|map| map.remove("format")) {
        Some(Value::String(found)) if found == format => serde_json::from_value(document).map_err(|error| wrong(error.to_string())),
        Some(found) => Err(wrong(format!("it says to be {found}"))),
        None => Err(wrong("it does not say what it is".to_owned())),
    }
}
