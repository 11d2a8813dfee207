//! `assignment/rings.json`: which gateway runs which of the policy versions that `targets` lists.
//!
//! The document names rules, not gateways, so that it stays small however large the fleet is, and so that a gateway which enrols needs no
//! new signature. Each gateway finds its own place in it.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The assignment document, signed by the online `assignment` role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Who runs what, in order: the first ring that a gateway belongs to is its ring.
    pub rings: Vec<Ring>,
    /// Gateways, by id, that run another version than their ring for a while.
    #[serde(default)]
    pub pins: BTreeMap<String, Pinned>,
    /// Lowest version that may be assigned, beside the floor that the policy key signs.
    #[serde(default)]
    pub min_version: u64,
}

/// A part of the fleet that moves together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub members: Members,
    /// The version that it runs.
    pub version: u64,
}

/// Who belongs to a ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Members {
    /// Every gateway: the last ring is of this kind.
    All,
    /// Those that carry all these labels.
    Labels(BTreeMap<String, String>),
    /// So many of ten thousand, by [`place`]: always the same ones, however large the fleet grows.
    Share(u16),
}

/// An exception for one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// What it runs instead of its ring's version.
    pub version: u64,
    /// Until when, Unix seconds. From then on its ring counts again.
    pub until: i64,
}

/// A gateway as rings see it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The tenant's slug.
    pub tenant: &'a str,
    /// The gateway's id.
    pub gateway: &'a str,
    /// What its operator labelled it with.
    pub labels: &'a BTreeMap<String, String>,
}

/// A gateway's place between 0 and 9,999: the first four bytes of SHA-256 over `tenant/gateway`, modulo 10,000.
#[must_use]
pub fn place(tenant: &str, gateway: &str) -> u16 {
    let digest = digest(&SHA256, format!("{tenant}/{gateway}").as_bytes());
    let digest = digest.as_ref();
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 10_000;
    u16::try_from(number).unwrap_or_default()
}

impl Members {
    /// Whether a gateway belongs.
    #[must_use]
    pub fn include(&self, member: &Member<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Labels(wanted) => wanted.iter().all(|(name, value)| member.labels.get(name) == Some(value)),
            Self::Share(share) => place(member.tenant, member.gateway) < *share,
        }
    }
}

impl Assignment {
    /// All gateways in one ring, `all`.
    #[must_use]
    pub fn single_ring(version: u64) -> Self {
        let all = Ring { name: "all".to_owned(), members: Members::All, version };
        Self { rings: vec![all], pins: BTreeMap::new(), min_version: 0 }
    }

    /// The ring of a gateway; `None` if it belongs to none.
    #[must_use]
    pub fn ring_of(&self, member: &Member<'_>) -> Option<&Ring> {
        self.rings.iter().find(|ring| ring.members.include(member))
    }

    /// The version that a gateway is to run at `now`, Unix seconds; `None` if the document does not say.
    #[must_use]
    pub fn version_for(&self, member: &Member<'_>, now: i64) -> Option<u64> {
        match self.pins.get(member.gateway) {
            Some(pinned) if now < pinned.until => Some(pinned.version),
            _ => self.ring_of(member).map(|ring| ring.version),
        }
    }

    /// Every version that some gateway may be told to run.
    pub fn versions(&self) -> impl Iterator<Item = u64> + '_ {
        self.rings.iter().map(|ring| ring.version).chain(self.pins.values().map(|pinned| pinned.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn document() -> Assignment {
        let ring = |name: &str, members, version| Ring { name: name.to_owned(), members, version };
        Assignment {
            rings: vec![
                ring("canary", Members::Labels(labels(&[("env", "test")])), 9),
                ring("early", Members::Share(1_000), 8),
                ring("all", Members::All, 7),
            ],
            pins: [("gw_pinned".to_owned(), Pinned { version: 5, until: 100 })].into(),
            min_version: 0,
        }
    }

    #[test]
    fn the_first_ring_that_fits_counts_and_a_pin_until_its_end() {
        let (none, test) = (labels(&[]), labels(&[("env", "test"), ("region", "eu")]));
        let version = |gateway, labels, now| document().version_for(&Member { tenant: "acme", gateway, labels }, now);
        assert_eq!(version("gw_1", &test, 0), Some(9));
        assert_eq!(version("gw_pinned", &test, 99), Some(5));
        assert_eq!(version("gw_pinned", &test, 100), Some(9));
        let early = (0..).map(|n| format!("gw_{n}")).find(|id| place("acme", id) < 1_000).expect("one in ten");
        let late = (0..).map(|n| format!("gw_{n}")).find(|id| place("acme", id) >= 1_000).expect("nine in ten");
        assert_eq!((version(&early, &none, 0), version(&late, &none, 0)), (Some(8), Some(7)));
    }

    #[test]
    fn places_are_spread_and_stable() {
        // printf 'acme/gw_1' | sha256sum: the first four bytes modulo 10,000.
        assert_eq!(place("acme", "gw_1"), 652);
        let share = (0..10_000).filter(|n| place("acme", &format!("gw_{n}")) < 1_000).count();
        assert!((800..1_200).contains(&share), "{share} of 10,000 in a tenth");
    }

    #[test]
    fn what_is_not_known_is_not_read() {
        for bad in [r#"{"rings":[],"gateways":{}}"#, r#"{"rings":[{"name":"a","members":{"regions":[]},"version":1}]}"#] {
            assert!(serde_json::from_str::<Assignment>(bad).is_err(), "{bad}");
        }
    }
}
