//! Appending to the log, and building proofs from stored leaf hashes.

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, empty_root, node_hash};

/// The state of an append-only tree: its size and the roots of its full subtrees, at most 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    size: u64,
    /// Roots of the full subtrees, largest (leftmost) first: one for each set bit of `size`.
    peaks: Vec<Hash>,
}

impl Tree {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree over these leaf hashes.
    pub fn over(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::new();
        for leaf in leaves {
            tree.append(leaf);
        }
        tree
    }

    /// Appends a leaf hash and returns its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        let mut node = leaf;
        // Each trailing one of the old size is a full subtree that the new leaf completes to one twice as large.
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
        index
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root hash (RFC 6962 `MTH`).
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// Whether a state read from storage has the shape that its size demands.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        self.peaks.len() == self.size.count_ones() as usize
    }
}

/// All full subtrees over a list of leaf hashes (64 bytes a leaf): builds any proof in logarithmic time.
#[derive(Debug, Clone)]
pub struct Levels {
    /// `levels[h][i]` is the root of the full subtree of height `h` over leaves `i << h ..`.
    levels: Vec<Vec<Hash>>,
}

impl Levels {
    /// Hashes the full subtrees over `leaves`.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let level = below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            levels.push(level);
        }
        Self { levels }
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// Root of the tree over the first `size` leaves; `None` if there are fewer.
    #[must_use]
    pub fn root(&self, size: u64) -> Option<Hash> {
        if size > self.size() {
            return None;
        }
        Some(if size == 0 { empty_root() } else { self.subtree(0, size) })
    }

    /// Proof that leaf `index` is in the tree over the first `size` leaves (RFC 6962 `PATH`); `None` out of range.
    #[must_use]
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size || size > self.size() {
            return None;
        }
        let (mut start, mut end, mut path) = (0, size, Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.subtree(middle, end));
                end = middle;
            } else {
                path.push(self.subtree(start, middle));
                start = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// Proof that the tree over `old` leaves is a prefix of the one over `new` (RFC 6962 `PROOF`); `None` out of range.
    #[must_use]
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        if old > new || new > self.size() {
            return None;
        }
        Some(consistency_ranges(old, new).into_iter().map(|(start, end)| self.subtree(start, end)).collect())
    }

    /// Root over leaves `start..end`, where `start` is a multiple of the power of two that spans the range.
    #[must_use]
    pub fn subtree(&self, start: u64, end: u64) -> Hash {
        let width = end - start;
        if width.is_power_of_two() {
            let height = width.trailing_zeros();
            return self.levels[height as usize][(start >> height) as usize];
        }
        let middle = start + split(width);
        node_hash(&self.subtree(start, middle), &self.subtree(middle, end))
    }
}

/// The ranges of leaves whose subtree roots make up the consistency proof from `old` to `new` leaves, in the proof's order. Each starts at a
/// multiple of the power of two that spans it. Empty when there is nothing to prove.
#[must_use]
pub fn consistency_ranges(old: u64, new: u64) -> Vec<(u64, u64)> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let (mut start, mut end, mut whole, mut path) = (0, new, true, Vec::new());
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push((middle, end));
            end = middle;
        } else {
            path.push((start, middle));
            start = middle;
            whole = false;
        }
    }
    if !whole {
        path.push((start, end));
    }
    path.reverse();
    path
}

/// Largest power of two smaller than `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (u64::BITS - 1 - (width - 1).leading_zeros())
}
