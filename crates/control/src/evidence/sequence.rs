//! Giving committed events their places in the log.
//!
//! One sequencer at a time, without a lease to lose: on SQLite all units run in the one writer; on PostgreSQL two sequencers that overlap
//! write the same rows, so the database lets one commit and has the other run again, when it finds nothing left to do. Positions are
//! dense because they are given in the transaction that writes leaves, tiles and the checkpoint. Events stand in the order of (time, id)
//! among those that were committed when the sequencer ran; one that commits later stands later, whatever its time.

use super::proofs::TILE;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::scene::{Scene, Upkeep};
use crate::tenancy::keys;
use ::evidence::{Checkpoint, Hash, Salt, Tree, checkpoint, leaf_hash};
use store::{AuditLeaf, AuditTile, TenantId};

/// How many events one transaction places.
const BATCH: u64 = 500;

/// Places events that have no place yet, and signs a checkpoint over the log as it is then. Run it every second.
pub struct PlaceEvents;

/// What [`PlaceEvents`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// How many events were placed.
    pub count: u64,
    /// Whether there may be more.
    pub more: bool,
}

impl Upkeep for PlaceEvents {
    type Out = Placed;

    async fn run(&self, scene: &Scene<'_>) -> Result<(Placed, bool)> {
        let events = scene.db.audit_unsequenced(BATCH).await?;
        let count = events.len() as u64;
        if count == 0 {
            return Ok((Placed { count, more: false }, false));
        }
        let mut tree = match scene.db.newest_checkpoint().await? {
            Some(newest) => read_tree(&newest)?,
            None => Tree::new(),
        };
        let tile_start = tree.size() - tree.size() % TILE;
        let mut open = hashes(scene.db.audit_leaves(as_i64(tile_start), as_i64(tree.size())).await?)?;
        let (mut places, mut leaves, mut tiles) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()), Vec::new());
        for event in events {
            let salt = Salt::from_hex(&event.salt).ok_or_else(|| broken("the salt of an event"))?;
            let hash = leaf_hash(&salt, event.body.as_bytes());
            let position = as_i64(tree.append(hash));
            places.push((event.id, position));
            leaves.push(AuditLeaf { id: position.to_string(), position, hash: hash.to_string() });
            open.push(hash);
            if open.len() as u64 == TILE {
                let position = position / as_i64(TILE);
                tiles.push(AuditTile { id: position.to_string(), position, hash: Tree::over(open.drain(..)).root().to_string() });
            }
        }
        // Before the leaves: whoever else is placing these events conflicts here, and is run again.
        scene.db.set_positions(&places).await?;
        scene.db.insert_all(leaves).await?;
        scene.db.insert_all(tiles).await?;
        scene.db.insert(signed(scene, &tree).await?).await?;
        Ok((Placed { count, more: count == BATCH }, false))
    }
}

/// Has the keys that sign now sign the newest checkpoint, too: whoever only knows a new one can verify what they are shown.
pub(crate) async fn sign_anew(scene: &Scene<'_>) -> Result<()> {
    let Some(newest) = scene.db.newest_checkpoint().await? else { return Ok(()) };
    let note = signed(scene, &read_tree(&newest)?).await?.note;
    Ok(scene.db.put(store::Checkpoint { note, ..newest }).await?)
}

async fn signed(scene: &Scene<'_>, tree: &Tree) -> Result<store::Checkpoint> {
    let (tenant, vault) = (&scene.cx.tenant, &scene.parts.vault);
    let head = Checkpoint { origin: checkpoint::origin(tenant.as_str()), size: tree.size(), root: tree.root() };
    let signer = keys::log_signer(&scene.db, vault).await?;
    let mut note = head.sign(&signer);
    // Until everybody knows a new key, the one before signs along.
    for key in scene.db.keys_for(keys::AUDIT_LOG).await?.iter().filter(|key| key.active == 1) {
        if key.public != signer.verifier().to_string() {
            let along = keys::log_signer_of(tenant, vault, key)?.cosign_note(&note);
            note = along.map_err(|error| Error::internal("signing a checkpoint", error))?;
        }
    }
    Ok(store::Checkpoint {
        id: tree.size().to_string(),
        size: as_i64(tree.size()),
        root: tree.root().to_string(),
        note,
        tree: serde_json::to_string(tree).map_err(|error| Error::internal("writing the log's state", error))?,
        at_ms: scene.cx.now_ms,
    })
}

/// The tree as it was at a checkpoint.
pub(crate) fn read_tree(row: &store::Checkpoint) -> Result<Tree> {
    let tree: Tree = serde_json::from_str(&row.tree).map_err(|error| Error::internal("reading the log's state", error))?;
    let sound = tree.is_well_formed() && as_i64(tree.size()) == row.size && tree.root().to_string() == row.root;
    if sound { Ok(tree) } else { Err(broken("the log's state")) }
}

/// Leaf hashes as they are stored.
pub(super) fn hashes(leaves: Vec<AuditLeaf>) -> Result<Vec<Hash>> {
    leaves.into_iter().map(|leaf| Hash::from_hex(&leaf.hash).ok_or_else(|| broken("a leaf of the log"))).collect()
}

pub(super) fn broken(what: &'static str) -> Error {
    Error::internal("reading the audit log", format!("{what} is not as it was written"))
}

/// Positions fit: a log of 2^63 events is not written in anyone's time.
pub(super) fn as_i64(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Places all events that were committed before; how many.
///
/// # Errors
/// When the database fails or the log's key cannot be opened.
pub async fn place_all(control: &Control, tenant: &TenantId) -> Result<u64> {
    let mut count = 0;
    loop {
        let placed = control.keep(tenant, PlaceEvents).await?;
        count += placed.count;
        if !placed.more {
            return Ok(count);
        }
    }
}
