//! What was taken away. It moves on a lane of its own, so rolling policy back never brings it back.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The tenant's revocation list as it is signed and sent: entries in order, and the sequence of the last change.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    tenant: String,
    seq: u64,
    entries: Vec<Entry>,
    index: Index,
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its id, `rev_…`.
    pub id: String,
    /// The sequence it was made at. Tokens carry the sequence they were issued at; only sequences are compared, never clocks.
    pub seq: u64,
    /// What it takes away.
    pub target: Target,
    /// When everything that it could block has expired by itself (Unix seconds). `None`: it stays until a person lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// What an entry takes away. The first group *invalidates* what exists and leaves the list when that has expired; the second
/// *blocks* for as long as a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One access token, by `jti`.
    Token(String),
    /// All tokens of a session, by `sid`.
    Session(String),
    /// One grant: tokens that carry it keep their other scopes.
    Grant(String),
    /// All tokens of a subject that were issued before this entry.
    Subject(String),
    /// A person, until lifted.
    User(String),
    /// An OAuth client.
    Client(String),
    /// An agent, also as an inner actor.
    Agent(String),
    /// An MCP server, by resource URI.
    Server(String),
    /// A scope as given by one role.
    RoleScope {
        /// The role.
        role: String,
        /// The scope.
        scope: String,
    },
    /// Everything of the tenant: the kill switch.
    Tenant,
}

impl Target {
    /// Whether it stays until a person lifts it.
    pub const fn is_block(&self) -> bool {
        matches!(self, Self::User(_) | Self::Client(_) | Self::Agent(_) | Self::Server(_) | Self::RoleScope { .. } | Self::Tenant)
    }
}

#[derive(Debug, Clone, Default)]
struct Index {
    exact: HashSet<Target>,
    subjects: HashMap<String, u64>,
    by_role: BTreeMap<String, HashSet<String>>,
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
            match &entry.target {
                Target::Subject(subject) => {
                    let cut = index.subjects.entry(subject.clone()).or_default();
                    *cut = (*cut).max(entry.seq);
                }
                Target::RoleScope { role, scope } => {
                    index.by_role.entry(role.clone()).or_default().insert(scope.clone());
                }
                Target::Tenant => index.tenant = true,
                target => {
                    index.exact.insert(target.clone());
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

    /// Whether the list names exactly this. The target is made only when there is a list to look in.
    pub(crate) fn holds(&self, target: impl FnOnce() -> Target) -> bool {
        !self.index.exact.is_empty() && self.index.exact.contains(&target())
    }

    pub(crate) const fn tenant_blocked(&self) -> bool {
        self.index.tenant
    }

    /// Whether tokens of `subject` issued at `seq` are cut off.
    pub(crate) fn cuts_off(&self, subject: &str, seq: u64) -> bool {
        self.index.subjects.get(subject).is_some_and(|cut| seq < *cut)
    }

    pub(crate) fn blocks_role_scope(&self, role: &str, scope: &str) -> bool {
        self.index.by_role.get(role).is_some_and(|scopes| scopes.contains(scope))
    }
}
