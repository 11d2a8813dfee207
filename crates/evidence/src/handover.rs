//! One key of the log handing over to the next.
//!
//! The note is a checkpoint (<https://c2sp.org/tlog-checkpoint>) with one extension line, `next-key NAME+HASH+KEY`, signed by both keys: the
//! old one says who signs from here on, the new one that it takes over this very log. A plain checkpoint with two signatures would not do:
//! anybody can add a signature of their own to a note that lies open.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{NoteError, Signer, Verifier};

/// How the extension line begins.
const NEXT: &str = "next-key ";

/// A verified handover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The log when the keys changed.
    pub checkpoint: Checkpoint,
    /// The key that signs from then on.
    pub next: Verifier,
}

impl Handover {
    /// Hands the log over at this checkpoint.
    ///
    /// # Errors
    /// [`NoteError::Name`] if the two keys are of different logs.
    pub fn sign(checkpoint: &Checkpoint, old: &Signer, new: &Signer) -> Result<String, NoteError> {
        if old.verifier().name() != new.verifier().name() {
            return Err(NoteError::Name);
        }
        let text = format!("{}{NEXT}{}\n", checkpoint.text(), new.verifier());
        new.cosign_note(&old.sign_note(&text))
    }

    /// Opens a handover by the key `from`.
    ///
    /// # Errors
    /// [`CheckpointError`] if `from` did not sign it, it names no next key, or that key did not sign it too.
    pub fn open(note: &str, from: &Verifier) -> Result<Self, CheckpointError> {
        let text = from.open_note(note)?;
        let mut named = text.lines().skip(3).filter_map(|line| line.strip_prefix(NEXT));
        let (Some(next), None) = (named.next(), named.next()) else { return Err(CheckpointError::Malformed) };
        let next = Verifier::parse(next)?;
        let checkpoint = Checkpoint::open(note, from)?;
        if Checkpoint::open(note, &next)? != checkpoint {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { checkpoint, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;

    fn signer(seed: u8, name: &str) -> Signer {
        Signer::from_seed(name, &[seed; 32]).expect("a seed")
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "writ/acme".into(), size: 7, root: Hash([1; 32]) }
    }

    #[test]
    fn both_keys_and_the_name_are_needed() {
        let (old, new, other) = (signer(1, "writ/acme"), signer(2, "writ/acme"), signer(3, "writ/acme"));
        let note = Handover::sign(&checkpoint(), &old, &new).expect("one log");
        let handover = Handover::open(&note, old.verifier()).expect("signed by both");
        assert_eq!((&handover.checkpoint, &handover.next), (&checkpoint(), new.verifier()));
        // It is a checkpoint under either key.
        assert_eq!(Checkpoint::open(&note, new.verifier()), Ok(checkpoint()));
        assert_eq!(Handover::open(&note, other.verifier()), Err(NoteError::NotSigned.into()));
        // A stranger's signature on an open checkpoint hands nothing over.
        let cosigned = other.cosign_note(&checkpoint().sign(&old)).expect("a note");
        assert_eq!(Handover::open(&cosigned, old.verifier()), Err(CheckpointError::Malformed));
        // Nor does a name that the old key never wrote, or a new key that did not sign.
        let renamed = note.replace(&new.verifier().to_string(), &other.verifier().to_string());
        assert_eq!(Handover::open(&renamed, old.verifier()), Err(NoteError::BadSignature.into()));
        let alone: Vec<&str> = note.lines().collect();
        let alone = alone[..alone.len() - 1].join("\n") + "\n";
        assert_eq!(Handover::open(&alone, old.verifier()), Err(NoteError::NotSigned.into()));
        assert_eq!(Handover::sign(&checkpoint(), &old, &signer(2, "writ/beta")), Err(NoteError::Name));
    }
}
