//! A policy set in less memory.

use crate::model::PolicySet;
use std::collections::BTreeMap;
use std::mem::take;

/// The same map, its nodes full. A map that is read in order, as JSON is, is left half empty behind: each node is split in two when the next
/// entry no longer fits, and nothing ever comes to the first half again.
fn full<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    *map = take(map).into_iter().collect();
}

impl PolicySet {
    /// The same set, for whoever keeps it for long.
    #[must_use]
    pub fn packed(mut self) -> Self {
        for server in self.servers.values_mut() {
            full(&mut server.tools);
        }
        full(&mut self.servers);
        full(&mut self.scopes);
        full(&mut self.roles);
        full(&mut self.narrowed);
        self
    }
}
