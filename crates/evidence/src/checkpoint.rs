//! Checkpoints of a log (<https://c2sp.org/tlog-checkpoint>): origin, size and root, as a signed note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::note::{NoteError, Signer, Verifier};

/// What a log says of itself at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log: `writ/<tenant>`.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// A checkpoint could not be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is not good.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note's text is not a checkpoint.
    #[error("the note's text is not a checkpoint (origin, size, root)")]
    Malformed,
    /// The checkpoint is of another log than its key.
    #[error("the checkpoint is of log {found:?}, its key of {expected:?}")]
    Origin {
        /// The key's name.
        expected: String,
        /// The checkpoint's origin.
        found: String,
    },
}

/// The origin of a tenant's log, which is also the name of its key.
#[must_use]
pub fn origin(tenant: &str) -> String {
    format!("writ/{tenant}")
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// The checkpoint as a signed note. The signer's name should be the origin.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign_note(&self.text())
    }

    /// Opens a signed note. Extension lines are allowed and ignored.
    ///
    /// # Errors
    /// [`CheckpointError`] if the key did not sign it, it is no checkpoint, or of another log.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, CheckpointError> {
        let text = verifier.open_note(note)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Malformed);
        };
        let bytes = STANDARD.decode(root).ok().and_then(|bytes| bytes.try_into().ok());
        let parsed = size.parse().ok().filter(|number: &u64| number.to_string() == size);
        let (Some(root), Some(size)) = (bytes, parsed) else { return Err(CheckpointError::Malformed) };
        if origin != verifier.name() {
            let expected = verifier.name().to_owned();
            return Err(CheckpointError::Origin { expected, found: origin.to_owned() });
        }
        Ok(Self { origin: origin.to_owned(), size, root: Hash(root) })
    }
}
