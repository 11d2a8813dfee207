//! Showing the log to its witnesses, the gateways: a checkpoint, and the proof that it extends the one that each saw last.
//!
//! The checkpoint that is shown is renewed every few seconds only, so that a whole fleet cosigns the same one, and a proof is made once for
//! all gateways that saw the same.

use super::proofs::Prover;
use super::sequence::as_i64;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use ::evidence::{Checkpoint, Hash, checkpoint};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::TenantId;

/// For so long the same checkpoint is shown, in milliseconds: as long as it takes a fleet to report once.
const ROUND_MS: i64 = 8_000;
/// The most different proofs that are kept in a round. Gateways saw one of the last few checkpoints, unless they slept.
const MOST_PROOFS: usize = 1_024;

/// What a witness is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The signed note.
    pub checkpoint: String,
    /// RFC 6962 consistency proof from the size that it witnessed last; empty if it has nothing to hold against.
    pub proof: Arc<Vec<Hash>>,
}

struct Round {
    began_ms: i64,
    /// The newest policy that somebody who was shown it runs.
    policy: u64,
    size: u64,
    note: String,
    proofs: HashMap<u64, Arc<Vec<Hash>>>,
}

/// The rounds of all tenants.
#[derive(Default)]
pub(crate) struct Showing(Mutex<HashMap<TenantId, Round>>);

impl Showing {
    fn rounds(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Round>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The checkpoint of the round that lasts, if it tells who saw `held` entries anything. A newer policy ends it, since that may name
    /// another key of the log: whoever runs it could not verify what was signed before.
    fn lasting(&self, cx: &Ctx, held: u64, policy: u64) -> Option<(u64, String)> {
        let rounds = self.rounds();
        let round = rounds.get(&cx.tenant)?;
        let lasts = (round.began_ms..round.began_ms + ROUND_MS).contains(&cx.now_ms) && held <= round.size && policy <= round.policy;
        lasts.then(|| (round.size, round.note.clone()))
    }

    fn proof(&self, cx: &Ctx, size: u64, held: u64) -> Option<Arc<Vec<Hash>>> {
        let rounds = self.rounds();
        rounds.get(&cx.tenant).filter(|round| round.size == size)?.proofs.get(&held).cloned()
    }

    fn begin(&self, cx: &Ctx, size: u64, note: &str, policy: u64) {
        let mut rounds = self.rounds();
        let policy = rounds.get(&cx.tenant).map_or(policy, |before| before.policy.max(policy));
        let round = Round { began_ms: cx.now_ms, policy, size, note: note.to_owned(), proofs: HashMap::new() };
        match rounds.get_mut(&cx.tenant) {
            // Nothing was added to the log: its proofs go on to hold.
            Some(before) if before.note == round.note => (before.began_ms, before.policy) = (cx.now_ms, policy),
            _ => drop(rounds.insert(cx.tenant.clone(), round)),
        }
    }

    fn keep(&self, cx: &Ctx, size: u64, held: u64, proof: &Arc<Vec<Hash>>) {
        let mut rounds = self.rounds();
        if let Some(round) = rounds.get_mut(&cx.tenant).filter(|round| round.size == size && round.proofs.len() < MOST_PROOFS) {
            round.proofs.insert(held, Arc::clone(proof));
        }
    }
}

/// What to show a witness that saw a log of `held` entries and runs `policy`; nothing while the log is empty. Who saw more entries than
/// there are is shown the newest checkpoint all the same: that is what it has to tell.
pub(crate) async fn show(control: &Control, cx: &Ctx, held: u64, policy: u64) -> Result<Option<Shown>> {
    let showing = control.showing();
    let db = control.read(cx);
    let (size, note) = match showing.lasting(cx, held, policy) {
        Some(lasting) => lasting,
        None => {
            let Some(newest) = db.newest_checkpoint().await? else { return Ok(None) };
            let size = u64::try_from(newest.size).unwrap_or_default();
            showing.begin(cx, size, &newest.note, policy);
            (size, newest.note)
        }
    };
    let proof = match showing.proof(cx, size, held) {
        Some(proof) => proof,
        None if held == 0 || held >= size => Arc::default(),
        None => {
            let proof = Arc::new(Prover::new(&db, size).await?.consistency(held).await?);
            showing.keep(cx, size, held, &proof);
            proof
        }
    };
    Ok(Some(Shown { checkpoint: note, proof }))
}

/// The text of the checkpoint of this size, as witnesses sign it; none if none was signed.
pub(crate) async fn checkpoint_text(control: &Control, cx: &Ctx, size: u64) -> Result<Option<String>> {
    let Some(row) = control.read(cx).get::<store::Checkpoint>(&as_i64(size).to_string()).await? else { return Ok(None) };
    let root = Hash::from_hex(&row.root).ok_or_else(|| Error::internal("reading a checkpoint", "its root is not a hash"))?;
    Ok(Some(Checkpoint { origin: checkpoint::origin(cx.tenant.as_str()), size, root }.text()))
}
