//! How calls were decided, by policy version: what the rule of rollouts compares.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// So many versions are kept; a gateway that sees more forgets the oldest.
const MOST: usize = 64;
/// So many are told: the policy in force, and what was in force before.
const TOLD: usize = 4;

/// Counts since the process started. They only grow.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<BTreeMap<u64, (u64, u64)>>);

/// The counts of one version, as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Version of the policy.
    pub policy_version: u64,
    /// Calls that were allowed.
    pub allowed: u64,
    /// Calls that were denied.
    pub denied: u64,
}

impl Tallies {
    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, (u64, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call was decided by the policy of this version.
    pub fn count(&self, policy_version: u64, is_allowed: bool) {
        let mut counts = self.counts();
        let (allowed, denied) = counts.entry(policy_version).or_default();
        *(if is_allowed { allowed } else { denied }) += 1;
        if counts.len() > MOST {
            counts.pop_first();
        }
    }

    /// What to tell, with zeros for the version in force if nothing was decided by it: the newest versions, and that one.
    pub fn told(&self, in_force: Option<u64>) -> Vec<Counted> {
        let counts = self.counts();
        let mut told: Vec<u64> = counts.keys().rev().take(TOLD).copied().collect();
        told.extend(in_force.filter(|version| !told.contains(version)));
        let counted = |policy_version: u64| {
            let (allowed, denied) = counts.get(&policy_version).copied().unwrap_or_default();
            Counted { policy_version, allowed, denied }
        };
        told.into_iter().map(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_grow_by_version_and_old_versions_are_forgotten() {
        let tallies = Tallies::default();
        assert_eq!(tallies.told(None), []);
        assert_eq!(tallies.told(Some(3)), [Counted { policy_version: 3, allowed: 0, denied: 0 }]);
        for (version, is_allowed) in [(3, true), (3, false), (4, true), (3, false)] {
            tallies.count(version, is_allowed);
        }
        let three = Counted { policy_version: 3, allowed: 1, denied: 2 };
        assert_eq!(tallies.told(Some(3)), [Counted { policy_version: 4, allowed: 1, denied: 0 }, three]);
        (10..100).for_each(|version| tallies.count(version, true));
        let kept = tallies.counts().len();
        assert_eq!((kept, tallies.told(Some(99)).len()), (MOST, TOLD));
        assert_eq!(tallies.told(Some(3)).last(), Some(&Counted { policy_version: 3, allowed: 0, denied: 0 }));
    }
}
