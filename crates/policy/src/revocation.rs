//! What was taken away. It moves on a lane of its own, so rolling policy back never brings it back.

use crate::mark::{Mark, RevocationKey};
use crate::target::{Kind, Target};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The tenant's revocation list as it is signed and sent: entries in order, and the sequence of the last change.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    tenant: String,
    seq: u64,
    entries: Vec<Entry>,
    index: Index,
}

/// One line of the list. Whom it concerns is a keyed hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its id, `rev_…`.
    pub id: String,
    /// The sequence it was made at. Tokens carry the sequence they were issued at; only sequences are compared, never clocks.
    pub seq: u64,
    /// What kind of thing it takes away.
    pub kind: Kind,
    /// Which one.
    pub mark: Mark,
    /// When everything that it could block has expired by itself (Unix seconds). `None`: it stays until a person lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl Entry {
    /// The line that takes `target` away.
    pub fn new(key: &RevocationKey, id: impl Into<String>, seq: u64, target: &Target, until: Option<i64>) -> Self {
        Self { id: id.into(), seq, kind: target.kind(), mark: key.mark(target), until }
    }
}

/// Look-up tables: one set a kind, so that kinds without an entry cost no hash.
#[derive(Debug, Clone, Default)]
struct Index {
    exact: HashMap<Kind, HashSet<Mark>>,
    /// The last cut-off of each subject.
    subjects: HashMap<Mark, u64>,
    tenant: bool,
}

/// The list as bytes hold it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    tenant: String,
    seq: u64,
    entries: Vec<Entry>,
}

impl Serialize for Revocations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { tenant: self.tenant.clone(), seq: self.seq, entries: self.entries.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Revocations {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self::new(wire.tenant, wire.seq, wire.entries))
    }
}

impl Revocations {
    /// The list with its look-up tables.
    pub fn new(tenant: String, seq: u64, entries: Vec<Entry>) -> Self {
        let mut index = Index::default();
        for entry in &entries {
            match entry.kind {
                Kind::Subject => {
                    let cut = index.subjects.entry(entry.mark).or_default();
                    *cut = (*cut).max(entry.seq);
                }
                Kind::Tenant => index.tenant = true,
                kind => {
                    index.exact.entry(kind).or_default().insert(entry.mark);
                }
            }
        }
        Self { tenant, seq, entries, index }
    }

    /// Whose list it is.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The sequence of the last change.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// All entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the list names exactly this. Nothing is hashed for a kind that has no entry.
    pub(crate) fn holds(&self, key: &RevocationKey, kind: Kind, parts: &[&str]) -> bool {
        self.index.exact.get(&kind).is_some_and(|marks| marks.contains(&key.mark_of(kind, parts)))
    }

    pub(crate) const fn tenant_blocked(&self) -> bool {
        self.index.tenant
    }

    /// Whether tokens of `subject` issued at `seq` are cut off.
    pub(crate) fn cuts_off(&self, key: &RevocationKey, subject: &str, seq: u64) -> bool {
        let cuts = &self.index.subjects;
        !cuts.is_empty() && cuts.get(&key.mark_of(Kind::Subject, &[subject])).is_some_and(|cut| seq < *cut)
    }
}
