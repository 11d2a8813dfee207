//! What is assigned, and the steps that change it.

use crate::assignment::{Assignment, Member, Members, Pinned, Ring};
use std::collections::BTreeMap;

/// What is assigned to whom, and the rollout under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    rings: Vec<Ring>,
    pins: BTreeMap<String, Pinned>,
    rollout: Option<Rollout>,
}

/// A version on its way through the rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// What is rolled out.
    pub version: u64,
    /// What everybody ran last, and runs again after a revert.
    pub stable: u64,
    /// How many rings have it, from the first on; at least one.
    pub reached: usize,
    /// Whether a person stopped it. It moves no further by itself.
    pub halted: bool,
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// Every ring runs the same version.
    #[error("no rollout is under way")]
    NoRollout,
    /// A halted rollout stands still until it is resumed or reverted.
    #[error("the rollout is halted")]
    Halted,
    /// It is not halted.
    #[error("the rollout is not halted")]
    NotHalted,
    /// Rings stay as they are while a version is on its way through them.
    #[error("a rollout is under way")]
    UnderWay,
}

/// What a higher floor changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raised {
    /// The rollout ended: there is nothing left that it could go back to.
    pub finished: bool,
    /// Pins that named what may run no more.
    pub unpinned: Vec<String>,
}

impl Course {
    /// What was stored. `rings` are not empty and end with everybody who is left.
    #[must_use]
    pub const fn new(rings: Vec<Ring>, pins: BTreeMap<String, Pinned>, rollout: Option<Rollout>) -> Self {
        Self { rings, pins, rollout }
    }

    /// The rings in order, with what each runs.
    #[must_use]
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// Exceptions, by gateway.
    #[must_use]
    pub const fn pins(&self) -> &BTreeMap<String, Pinned> {
        &self.pins
    }

    /// The rollout under way.
    #[must_use]
    pub const fn rollout(&self) -> Option<Rollout> {
        self.rollout
    }

    /// Where a gateway stands among the rings: the first that it belongs to.
    #[must_use]
    pub fn place(&self, member: &Member<'_>) -> Option<usize> {
        self.rings.iter().position(|ring| ring.members.include(member))
    }

    /// What is to run where nobody said otherwise: what everybody ran last.
    #[must_use]
    pub fn stable(&self) -> u64 {
        self.rollout.map_or_else(|| self.rings.last().map_or(0, |ring| ring.version), |rollout| rollout.stable)
    }

    /// The lowest version that anybody may be told to run, now or after a revert; 0 if nothing is assigned.
    #[must_use]
    pub fn lowest(&self) -> u64 {
        let all = self.rings.iter().map(|ring| ring.version).chain(self.pins.values().map(|pinned| pinned.version));
        all.chain([self.stable()]).min().unwrap_or(0)
    }

    /// The document to sign.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        Assignment { rings: self.rings.clone(), pins: self.pins.clone(), min_version: 0 }
    }

    /// A new version begins its way in the first ring. A rollout under way gives way to it, and rings that it had reached keep what they run
    /// until the new version reaches them. Where there is one ring, or where nothing ran before, everybody gets it at once.
    pub fn publish(&mut self, version: u64) {
        let stable = self.stable();
        if stable == 0 || self.rings.len() < 2 {
            return self.everywhere(version);
        }
        self.rings[0].version = version;
        self.rollout = Some(Rollout { version, stable, reached: 1, halted: false });
    }

    /// Everybody gets a version at once: one that changes nothing for callers, such as other keys. A rollout under way ends.
    pub fn everywhere(&mut self, version: u64) {
        for ring in &mut self.rings {
            ring.version = version;
        }
        self.rollout = None;
    }

    /// The next ring gets it. Answers which one, or nothing when the last had it already and the rollout is done.
    ///
    /// # Errors
    /// [`Impossible::NoRollout`], [`Impossible::Halted`].
    pub fn promote(&mut self) -> Result<Option<usize>, Impossible> {
        let rollout = self.rollout.as_mut().ok_or(Impossible::NoRollout)?;
        if rollout.halted {
            return Err(Impossible::Halted);
        }
        if rollout.reached >= self.rings.len() {
            self.rollout = None;
            return Ok(None);
        }
        let next = rollout.reached;
        self.rings[next].version = rollout.version;
        rollout.reached += 1;
        Ok(Some(next))
    }

    /// It stands still until a person goes on.
    ///
    /// # Errors
    /// [`Impossible::NoRollout`], [`Impossible::Halted`].
    pub fn halt(&mut self) -> Result<(), Impossible> {
        let rollout = self.rollout.as_mut().ok_or(Impossible::NoRollout)?;
        if std::mem::replace(&mut rollout.halted, true) { Err(Impossible::Halted) } else { Ok(()) }
    }

    /// It goes on from where it was halted.
    ///
    /// # Errors
    /// [`Impossible::NoRollout`], [`Impossible::NotHalted`].
    pub fn resume(&mut self) -> Result<(), Impossible> {
        let rollout = self.rollout.as_mut().ok_or(Impossible::NoRollout)?;
        if std::mem::replace(&mut rollout.halted, false) { Ok(()) } else { Err(Impossible::NotHalted) }
    }

    /// Everybody runs again what everybody ran last. Answers that version.
    ///
    /// # Errors
    /// [`Impossible::NoRollout`].
    pub fn revert(&mut self) -> Result<u64, Impossible> {
        let stable = self.rollout.ok_or(Impossible::NoRollout)?.stable;
        self.everywhere(stable);
        Ok(stable)
    }

    /// Other rings. All run what everybody runs.
    ///
    /// # Errors
    /// [`Impossible::UnderWay`].
    pub fn arrange(&mut self, rings: Vec<(String, Members)>) -> Result<(), Impossible> {
        if self.rollout.is_some() {
            return Err(Impossible::UnderWay);
        }
        let version = self.stable();
        self.rings = rings.into_iter().map(|(name, members)| Ring { name, members, version }).collect();
        Ok(())
    }

    /// Nothing below `floor` may run any more; `newest` is never below. A rollout that could only go back to what may run no more reaches
    /// everybody.
    pub fn raise(&mut self, floor: u64, newest: u64) -> Raised {
        let low = |pinned: &Pinned| pinned.version < floor;
        let unpinned = self.pins.iter().filter(|(_, pinned)| low(pinned)).map(|(gateway, _)| gateway.clone()).collect();
        self.pins.retain(|_, pinned| !low(pinned));
        // No ring runs what is older than the stable version.
        let finished = self.stable() < floor;
        if finished {
            self.everywhere(newest);
        }
        Raised { finished, unpinned }
    }

    /// A gateway runs another version than its ring for a while.
    pub fn pin(&mut self, gateway: String, pinned: Pinned) {
        self.pins.insert(gateway, pinned);
    }

    /// It runs its ring's version again. Whether it was pinned.
    pub fn unpin(&mut self, gateway: &str) -> bool {
        self.pins.remove(gateway).is_some()
    }
}
