//! What was verified by this process already.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::blob::Blob;
use super::workflow::{Judge, Opened};
use crate::layout::Role;
use crate::schema::{KeyRecord, Meta, Root, Targets};

/// Files whose signatures were verified, with what they say. While neither their bytes nor the keys that judge them change, they are not
/// verified again: neither from one step of an update to the next, nor from one update to the next. What comes from a disk is verified again.
#[derive(Debug, Clone, Default)]
pub(super) struct Proofs {
    roots: Proven<Root>,
    metas: Proven<Meta>,
    targets: Proven<Targets>,
    /// How many were verified.
    verified: usize,
}

/// By role, the version in the file's name, and judge.
pub(super) type Proven<T> = BTreeMap<(Role, u64, &'static str), Arc<Proof<T>>>;

/// One file that was verified.
#[derive(Debug)]
pub(super) struct Proof<T> {
    file: Arc<Blob>,
    threshold: u32,
    keys: Vec<(String, Option<KeyRecord>)>,
    opened: Arc<Opened<T>>,
}

impl<T> Proof<T> {
    fn holds_for(&self, file: &Arc<Blob>, judge: Judge<'_>) -> bool {
        let Judge { keys, role, .. } = judge;
        self.file == *file
            && self.threshold == role.threshold
            && self.keys.len() == role.keyids.len()
            && self.keys.iter().zip(&role.keyids).all(|((id, record), wanted)| id == wanted && record.as_ref() == keys.get(wanted))
    }
}

/// A kind of metadata.
pub(super) trait Provable: Sized {
    /// Where proofs of it are.
    fn proven(proofs: &mut Proofs) -> &mut Proven<Self>;
}

impl Provable for Root {
    fn proven(proofs: &mut Proofs) -> &mut Proven<Self> {
        &mut proofs.roots
    }
}

impl Provable for Meta {
    fn proven(proofs: &mut Proofs) -> &mut Proven<Self> {
        &mut proofs.metas
    }
}

impl Provable for Targets {
    fn proven(proofs: &mut Proofs) -> &mut Proven<Self> {
        &mut proofs.targets
    }
}

impl Proofs {
    /// What `file` of this role and name says, if it was verified as these bytes by this judge.
    pub fn find<T: Provable>(&mut self, role: Role, version: u64, file: &Arc<Blob>, judge: Judge<'_>) -> Option<Arc<Opened<T>>> {
        let proof = T::proven(self).get(&(role, version, judge.label)).filter(|proof| proof.holds_for(file, judge))?;
        Some(Arc::clone(&proof.opened))
    }

    /// What the root `file` of this version says, if it was verified as these bytes by the keys that it lists itself.
    pub fn find_root(&self, version: u64, file: &Arc<Blob>) -> Option<Arc<Opened<Root>>> {
        let proof = self.roots.get(&(Role::Root, version, Judge::ITSELF)).filter(|proof| proof.file == *file)?;
        Some(Arc::clone(&proof.opened))
    }

    /// Remembers that it was.
    pub fn add<T: Provable>(&mut self, role: Role, version: u64, file: &Arc<Blob>, judge: Judge<'_>, opened: &Arc<Opened<T>>) {
        let keys = judge.role.keyids.iter().map(|id| (id.clone(), judge.keys.get(id).cloned())).collect();
        let proof = Proof { file: Arc::clone(file), threshold: judge.role.threshold, keys, opened: Arc::clone(opened) };
        T::proven(self).insert((role, version, judge.label), Arc::new(proof));
        self.verified += 1;
    }

    /// How many files were verified since these were taken from [`Self::about`].
    pub fn verified(&self) -> usize {
        self.verified
    }

    /// Those about `files`.
    pub fn about(&self, files: &BTreeMap<String, Arc<Blob>>) -> Self {
        fn about<T>(proven: &Proven<T>, files: &BTreeMap<String, Arc<Blob>>) -> Proven<T> {
            let is_one = |(role, version, _): (Role, u64, _), proof: &Proof<T>| {
                files.get(&role.path(version)).is_some_and(|file| Arc::ptr_eq(file, &proof.file))
            };
            proven.iter().filter(|(mark, proof)| is_one(**mark, proof)).map(|(mark, proof)| (*mark, Arc::clone(proof))).collect()
        }
        Self { roots: about(&self.roots, files), metas: about(&self.metas, files), targets: about(&self.targets, files), verified: 0 }
    }
}
