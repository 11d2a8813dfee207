//! This gateway as a witness of the tenant's audit log.

use crate::data::{DataDir, DataError};
use evidence::witness::{Head, NotWitnessed, consider};
use evidence::{Cosigner, Hash, Verifier};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A checkpoint as the control plane shows it, with the proof that it extends the one that was witnessed last.
#[derive(Debug, Clone, Deserialize)]
pub struct Shown {
    /// The signed note.
    pub checkpoint: String,
    /// Consistency proof, hex.
    #[serde(default)]
    pub proof: Vec<Hash>,
}

/// What is told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// Our key in note form.
    pub key: String,
    /// How many entries the log had when it was witnessed last; 0 if never.
    pub size: u64,
    /// Our signature line over that checkpoint.
    pub cosignature: Option<String>,
}

/// Keeps what was witnessed, and cosigns what extends it.
pub struct Witness {
    data: Arc<DataDir>,
    cosigner: Cosigner,
    head: Option<Head>,
    cosignature: Option<String>,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("head", &self.head).finish_non_exhaustive()
    }
}

impl Witness {
    /// With its own key, made at the first start, and what it witnessed last.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn open(data: Arc<DataDir>, tenant: &str, gateway_id: &str) -> Result<Self, DataError> {
        let cosigner = data.cosigner(&format!("writ/{tenant}/{gateway_id}"))?;
        let head = data.witnessed()?;
        Ok(Self { data, cosigner, head, cosignature: None })
    }

    /// What to tell.
    pub fn said(&self) -> Witnessed {
        let size = self.head.as_ref().map_or(0, |head| head.size);
        Witnessed { key: self.cosigner.key().to_string(), size, cosignature: self.cosignature.clone() }
    }

    /// Cosigns what is shown, if it extends what was witnessed before; that is kept on disk before the signature leaves.
    ///
    /// # Errors
    /// [`NotWitnessed`]. What was witnessed before stays.
    pub fn consider(&mut self, shown: &Shown, log: &str, now: i64) -> Result<(), NotWitnessed> {
        // Without a policy there is no key to hold the log against.
        let Ok(verifier) = Verifier::parse(log) else { return Ok(()) };
        let head = consider(self.head.as_ref(), &shown.checkpoint, &verifier, &shown.proof)?;
        if self.head.as_ref() != Some(&head) {
            if let Err(error) = self.data.keep_witnessed(&head) {
                tracing::error!(%error, "a checkpoint is not cosigned: what was witnessed cannot be kept on disk");
                return Ok(());
            }
            self.head = Some(head);
        }
        let text = verifier.open_note(&shown.checkpoint).map_err(evidence::checkpoint::CheckpointError::Note)?;
        self.cosignature = Some(self.cosigner.cosign(text, u64::try_from(now).unwrap_or_default()));
        Ok(())
    }
}
