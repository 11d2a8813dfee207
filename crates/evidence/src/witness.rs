//! What a witness does with a checkpoint that it is shown.
//!
//! A gateway is a witness of the tenant's audit log: it keeps the last checkpoint that it cosigned, and cosigns a newer one only after a
//! proof that the older is a prefix of it. A log that was cut, edited or forked finds no honest witness any more.

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::Hash;
use crate::note::Verifier;
use crate::proof::verify_consistency;

/// The last checkpoint that was cosigned. Keep it on disk before a cosignature of it leaves the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWitnessed {
    /// The log's key did not sign it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is smaller than one that was cosigned before.
    #[error("the log had {held} entries when it was last witnessed and has {offered} now: entries are missing")]
    Shrunk {
        /// Witnessed before.
        held: u64,
        /// Shown now.
        offered: u64,
    },
    /// It is not an extension of the one that was cosigned before.
    #[error("the log of {offered} entries does not contain the log of {held} entries as it was witnessed: it was rewritten or forked")]
    Inconsistent {
        /// Witnessed before.
        held: u64,
        /// Shown now.
        offered: u64,
    },
}

impl NotWitnessed {
    /// The stable code, part of the acknowledgement.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "checkpoint_not_signed",
            Self::Shrunk { .. } => "audit_log_shrunk",
            Self::Inconsistent { .. } => "audit_log_forked",
        }
    }
}

/// Checks a checkpoint against the last one. `proof` is the RFC 6962 consistency proof from the held size to the new one; with nothing
/// held there is nothing to prove.
///
/// # Errors
/// [`NotWitnessed`]: keep what is held, and tell somebody.
pub fn consider(held: Option<&Head>, note: &str, log: &Verifier, proof: &[Hash]) -> Result<Head, NotWitnessed> {
    let shown = Checkpoint::open(note, log)?;
    let next = Head { origin: shown.origin, size: shown.size, root: shown.root };
    // Of another log: its key would have to be ours, which the policy says. Then the old log is no measure of the new one.
    let Some(held) = held.filter(|held| held.origin == next.origin) else { return Ok(next) };
    if next.size < held.size {
        return Err(NotWitnessed::Shrunk { held: held.size, offered: next.size });
    }
    if !verify_consistency(held.size, &held.root, next.size, &next.root, proof) {
        return Err(NotWitnessed::Inconsistent { held: held.size, offered: next.size });
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Signer;
    use crate::tree::Levels;

    fn leaves(count: u64, salt: u8) -> Vec<Hash> {
        (0..count).map(|at| crate::hash::digest(&[&at.to_be_bytes(), &[salt]])).collect()
    }

    fn shown(signer: &Signer, levels: &Levels, size: u64) -> String {
        Checkpoint { origin: "writ/acme".into(), size, root: levels.root(size).expect("in range") }.sign(signer)
    }

    #[test]
    fn only_what_extends_is_cosigned() {
        let signer = Signer::from_seed("writ/acme", &[1; 32]).expect("a key");
        let (log, fork) = (Levels::new(leaves(40, 0)), Levels::new(leaves(40, 1)));
        let first = consider(None, &shown(&signer, &log, 7), signer.verifier(), &[]).expect("the first is taken as it is");
        assert_eq!(first.size, 7);
        let proof = log.consistency(7, 33).expect("in range");
        let next = consider(Some(&first), &shown(&signer, &log, 33), signer.verifier(), &proof).expect("an extension");
        assert_eq!(consider(Some(&next), &shown(&signer, &log, 33), signer.verifier(), &[]), Ok(next.clone()));

        let refused = |note: &str, proof: &[Hash]| consider(Some(&first), note, signer.verifier(), proof).expect_err("refused").code();
        assert_eq!(refused(&shown(&signer, &log, 6), &[]), "audit_log_shrunk");
        assert_eq!(refused(&shown(&signer, &log, 33), &[]), "audit_log_forked");
        assert_eq!(refused(&shown(&signer, &fork, 33), &fork.consistency(7, 33).expect("in range")), "audit_log_forked");
        assert_eq!(refused(&shown(&signer, &fork, 7), &[]), "audit_log_forked");
        let stranger = Signer::from_seed("writ/acme", &[2; 32]).expect("a key");
        assert_eq!(refused(&shown(&stranger, &log, 33), &proof), "checkpoint_not_signed");
    }
}
