//! Proofs from tiles: the leaves of one tile and the roots of all tiles are enough for any proof.
//!
//! In a tree of `n` leaves, each 256 leaves that are complete form a full subtree, and the rest one more node after them. RFC 6962 splits
//! at powers of two, so the tree over those nodes is the upper part of the tree over the leaves, and a path through the tree is a path
//! through a tile followed by one through the nodes.

use super::sequence::{as_i64, broken, hashes};
use crate::error::Result;
use ::evidence::tree::consistency_ranges;
use ::evidence::{Hash, Levels, Tree};
use store::Reader;

/// Leaves in a tile.
pub(super) const TILE: u64 = 256;

/// Builds proofs in the tree of one size.
pub(super) struct Prover<'r> {
    db: &'r Reader<'r>,
    size: u64,
    nodes: Levels,
    /// The tile read last: its index and its leaves.
    tile: Option<(u64, Levels)>,
}

impl<'r> Prover<'r> {
    /// For the tree over the first `size` leaves.
    pub async fn new(db: &'r Reader<'r>, size: u64) -> Result<Self> {
        let whole = size / TILE;
        let rows = db.audit_tiles(as_i64(whole)).await?;
        let read: Option<Vec<Hash>> = rows.iter().map(|row| Hash::from_hex(&row.hash)).collect();
        let mut nodes = read.filter(|nodes| nodes.len() as u64 == whole).ok_or_else(|| broken("a tile of the log"))?;
        if !size.is_multiple_of(TILE) {
            let rest = hashes(db.audit_leaves(as_i64(whole * TILE), as_i64(size)).await?)?;
            nodes.push(Tree::over(rest).root());
        }
        Ok(Self { db, size, nodes: Levels::new(nodes), tile: None })
    }

    /// The proof that the leaf at `index` is in the tree.
    pub async fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>> {
        let at = index / TILE;
        let start = at * TILE;
        let width = self.size.min(start + TILE).saturating_sub(start);
        let within = self.leaves(at).await?.inclusion(index - start, width);
        let above = self.nodes.inclusion(at, self.nodes.size());
        match (within, above) {
            (Some(mut path), Some(above)) => {
                path.extend(above);
                Ok(path)
            }
            _ => Err(broken("a tile of the log")),
        }
    }

    /// The proof that the tree of `old` leaves is a prefix of this one.
    pub async fn consistency(&mut self, old: u64) -> Result<Vec<Hash>> {
        if old > self.size {
            return Err(broken("a head of the log"));
        }
        let mut proof = Vec::new();
        for (start, end) in consistency_ranges(old, self.size) {
            // A range either lies within one tile, or goes from the start of one to the end of one, or of the log.
            let whole = start.is_multiple_of(TILE) && (end.is_multiple_of(TILE) || end == self.size);
            proof.push(match whole {
                true => self.nodes.subtree(start / TILE, end.div_ceil(TILE)),
                false => {
                    let at = start / TILE * TILE;
                    self.leaves(start / TILE).await?.subtree(start - at, end - at)
                }
            });
        }
        Ok(proof)
    }

    /// The leaves of one tile.
    async fn leaves(&mut self, at: u64) -> Result<&Levels> {
        if self.tile.as_ref().is_none_or(|(read, _)| *read != at) {
            let (start, end) = (at * TILE, self.size.min((at + 1) * TILE));
            let leaves = hashes(self.db.audit_leaves(as_i64(start), as_i64(end)).await?)?;
            if leaves.len() as u64 != end - start {
                return Err(broken("a tile of the log"));
            }
            self.tile = Some((at, Levels::new(leaves)));
        }
        self.tile.as_ref().map(|(_, leaves)| leaves).ok_or_else(|| broken("a tile of the log"))
    }
}
