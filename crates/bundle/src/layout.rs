//! Names and places of the files of a repository (consistent snapshots, as TUF 1.0 section 6.2 lays them out).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A role of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds the keys of all top-level roles.
    Root,
    /// Lists the policy versions that may run.
    Targets,
    /// Delegated: says which gateway runs which version.
    Assignment,
    /// Delegated: holds the revocation list.
    Revocations,
    /// Says which versions of the above belong together.
    Snapshot,
    /// Says which snapshot is the newest; short-lived.
    Timestamp,
}

impl Role {
    /// Every role, from what lasts longest to what is signed anew all the time.
    pub const ALL: [Self; 6] = [Self::Root, Self::Targets, Self::Assignment, Self::Revocations, Self::Snapshot, Self::Timestamp];

    /// The role's name in file names and delegations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Assignment => "assignment",
            Self::Revocations => "revocations",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What `_type` its metadata carries: delegated roles are of type `targets`.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Assignment | Self::Revocations => "targets",
            other => other.name(),
        }
    }

    /// Key of this role in the `meta` map of a snapshot or timestamp: `targets.json`.
    #[must_use]
    pub fn meta_name(self) -> String {
        format!("{}.json", self.name())
    }

    /// Where version `version` of its metadata is kept. The timestamp has one place only.
    #[must_use]
    pub fn path(self, version: u64) -> String {
        match self {
            Self::Timestamp => "metadata/timestamp.json".to_owned(),
            other => format!("metadata/{version}.{}.json", other.name()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Target name of the assignment document.
pub const RINGS: &str = "assignment/rings.json";
/// Target name of the revocation list.
pub const REVOCATION_LIST: &str = "revocations/list.json";

/// Target name of one policy version.
#[must_use]
pub fn policy_name(version: u64) -> String {
    format!("policy/{version}.json")
}

/// The version in a policy's target name, if it is one in its only spelling.
#[must_use]
pub fn policy_version(name: &str) -> Option<u64> {
    let version = name.strip_prefix("policy/")?.strip_suffix(".json")?.parse().ok()?;
    (policy_name(version) == name).then_some(version)
}

/// Where a target file with this digest is kept: `targets/policy/<sha256>.3.json`.
#[must_use]
pub fn target_path(name: &str, sha256: &str) -> String {
    match name.rsplit_once('/') {
        Some((dir, file)) => format!("targets/{dir}/{sha256}.{file}"),
        None => format!("targets/{sha256}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_name_has_one_spelling() {
        assert_eq!(policy_version("policy/12.json"), Some(12));
        for other in ["policy/012.json", "policy/+1.json", "policy/1.json.json", "policies/1.json", "policy/.json"] {
            assert_eq!(policy_version(other), None, "{other}");
        }
    }

    #[test]
    fn the_digest_goes_before_the_file_name() {
        assert_eq!(target_path("policy/3.json", "ab"), "targets/policy/ab.3.json");
    }
}
