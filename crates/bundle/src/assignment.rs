//! `assignment/rings.json`: which gateway runs which of the policy versions that `targets` lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The assignment document, signed by the online `assignment` role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Ring name to policy version.
    pub rings: BTreeMap<String, u64>,
    /// Gateway id to its place. A gateway that is not named here runs nothing new.
    pub gateways: BTreeMap<String, Placement>,
    /// Lowest version that may be assigned, beside the floor that the policy key signs.
    #[serde(default)]
    pub min_version: u64,
}

/// Where one gateway stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The ring that it follows.
    pub ring: String,
    /// A version that it is pinned to instead of its ring's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<u64>,
}

impl Assignment {
    /// All gateways in one ring, `all`.
    #[must_use]
    pub fn single_ring(version: u64, gateways: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let place = || Placement { ring: "all".to_owned(), pinned: None };
        Self {
            rings: BTreeMap::from([("all".to_owned(), version)]),
            gateways: gateways.into_iter().map(|id| (id.into(), place())).collect(),
            min_version: 0,
        }
    }

    /// The version that this gateway is to run; `None` if the document does not say.
    #[must_use]
    pub fn version_for(&self, gateway: &str) -> Option<u64> {
        let place = self.gateways.get(gateway)?;
        place.pinned.or_else(|| self.rings.get(&place.ring).copied())
    }
}
