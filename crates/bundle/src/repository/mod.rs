//! Writing a tenant's repository: each step signs one role and returns the files to store.
//!
//! [`Repository`] is the whole state that the writer needs between steps (the newest metadata of each role); keep it as
//! one document beside the files. Versions and expiries come from the caller, who holds the lease that allots them.
//! A change is: [`publish`](Repository::publish), [`assign`](Repository::assign) or [`revoke`](Repository::revoke) as
//! needed, then [`snapshot`](Repository::snapshot), then [`timestamp`](Repository::timestamp). Store every file before
//! the timestamp: it is what makes them visible.

mod difference;
mod error;
mod unsigned;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::assignment::{Assignment, Members};
use crate::digest::sha256_hex;
use crate::key::{PublicKey, Signer};
use crate::layout::{REVOCATION_LIST, RINGS, Role, policy_name, policy_version, target_path};
use crate::schema::{
    Common, Custom, DelegatedRole, Delegations, Envelope, Hashes, KeyRecord, Meta, MetaFile, RoleKeys, Root, RootRoles, SPEC_VERSION,
    TargetFile, Targets, read_time, write_time,
};

pub use error::SignError;
pub use unsigned::{Missing, Unsigned};

/// Path to bytes: what a step wants stored.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Version and expiry of the metadata being signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Must be higher than the role's version before; the root's exactly one higher.
    pub version: u64,
    /// Unix seconds.
    pub expires: i64,
}

/// Keys of one role, and how many of them must sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// The keys that count.
    pub keys: Vec<PublicKey>,
    /// How many different ones must sign.
    pub threshold: u32,
}

impl Threshold {
    /// One key, which must sign.
    #[must_use]
    pub fn one(key: &PublicKey) -> Self {
        Self { keys: vec![key.clone()], threshold: 1 }
    }

    fn check(&self, role: Role) -> Result<(), SignError> {
        let mut keys = self.keys.clone();
        keys.sort();
        keys.dedup();
        let possible = self.threshold > 0 && keys.len() == self.keys.len() && self.threshold as usize <= keys.len();
        if possible { Ok(()) } else { Err(SignError::BadThreshold { role, threshold: self.threshold, keys: keys.len() }) }
    }

    fn role_keys(&self) -> RoleKeys {
        RoleKeys { keyids: self.keys.iter().map(|key| key.id().to_owned()).collect(), threshold: self.threshold }
    }
}

/// The keys that a root lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKeys {
    /// Sign the next root.
    pub root: Threshold,
    /// Policy keys.
    pub targets: Threshold,
    /// Snapshot keys.
    pub snapshot: Threshold,
    /// Timestamp keys.
    pub timestamp: Threshold,
}

/// The keys that the targets role delegates to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegates {
    /// Sign which gateway runs which version.
    pub assignment: Threshold,
    /// Sign the revocation list.
    pub revocations: Threshold,
}

/// The newest metadata of each role: the writer's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    tenant: String,
    metadata: BTreeMap<String, String>,
    root_sha256: String,
}

impl Repository {
    /// The first root (version 1), signed by `signers`.
    ///
    /// # Errors
    /// [`SignError::NotSigned`] if the signers do not meet the root's own threshold.
    pub fn create(tenant: &str, keys: &RootKeys, signers: &[&dyn Signer], expires: i64) -> Result<(Self, Files), SignError> {
        let mut new = Self { tenant: tenant.to_owned(), metadata: BTreeMap::new(), root_sha256: String::new() };
        let unsigned = new.prepare_root(keys, expires)?;
        let files = new.complete(unsigned, signers)?;
        new.root_sha256 = sha256_hex(&files[&Role::Root.path(1)]);
        Ok((new, files))
    }

    /// What somebody else verified: the newest metadata of some roles.
    pub(crate) fn verified(tenant: &str, root_sha256: &str, metadata: impl IntoIterator<Item = (Role, String)>) -> Self {
        let metadata = metadata.into_iter().map(|(role, text)| (role.name().to_owned(), text)).collect();
        Self { tenant: tenant.to_owned(), metadata, root_sha256: root_sha256.to_owned() }
    }

    /// The tenant that every file names.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// SHA-256 of `metadata/1.root.json`, which a gateway pins at enrolment.
    #[must_use]
    pub fn root_sha256(&self) -> &str {
        &self.root_sha256
    }

    /// The next root. It needs the signatures of enough keys of the root before *and* of its own.
    ///
    /// # Errors
    /// [`SignError::BadThreshold`], [`SignError::BadExpiry`].
    pub fn prepare_root(&self, keys: &RootKeys, expires: i64) -> Result<Unsigned, SignError> {
        let listed = [
            (Role::Root, &keys.root),
            (Role::Targets, &keys.targets),
            (Role::Snapshot, &keys.snapshot),
            (Role::Timestamp, &keys.timestamp),
        ];
        for (role, keys) in listed {
            keys.check(role)?;
        }
        let version = self.read_optional::<Value>(Role::Root)?.map_or(0, |(_, held)| held.version) + 1;
        self.prepare(Role::Root, &root_of(keys), Stamp { version, expires }, BTreeMap::new())
    }

    /// Signs the next root at once, with keys that are at hand.
    ///
    /// # Errors
    /// As [`Repository::prepare_root`] and [`Repository::accept`].
    pub fn rotate(&mut self, keys: &RootKeys, signers: &[&dyn Signer], expires: i64) -> Result<Files, SignError> {
        let unsigned = self.prepare_root(keys, expires)?;
        self.complete(unsigned, signers)
    }

    /// Adds policy `version` to the versions that may run, drops those below `min_version`, and names the delegated keys.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn prepare_policy(
        &self,
        delegates: &Delegates,
        version: u64,
        policy: &str,
        min_version: u64,
        stamp: Stamp,
    ) -> Result<Unsigned, SignError> {
        if version < min_version {
            return Err(SignError::FloorTooHigh { version, floor: min_version });
        }
        let mut targets = self.read_optional::<Targets>(Role::Targets)?.map(|(held, _)| held).unwrap_or_default();
        let (name, file) = (policy_name(version), target_of(policy.as_bytes(), None));
        if targets.targets.get(&name).is_some_and(|held| *held != file) {
            return Err(SignError::PolicyExists(version));
        }
        let path = target_path(&name, &file.hashes.sha256);
        targets.targets.insert(name, file);
        let floor = min_version.max(targets.min_version.unwrap_or(0));
        targets.targets.retain(|name, _| policy_version(name).is_some_and(|held| held >= floor));
        targets.min_version = Some(floor);
        targets.delegations = Some(delegations_of(delegates)?);
        self.prepare(Role::Targets, &targets, stamp, BTreeMap::from([(path, policy.to_owned())]))
    }

    /// Signs a policy at once, with keys that are at hand.
    ///
    /// # Errors
    /// As [`Repository::prepare_policy`] and [`Repository::accept`].
    pub fn publish(
        &mut self,
        signers: &[&dyn Signer],
        delegates: &Delegates,
        version: u64,
        policy: &str,
        min_version: u64,
        stamp: Stamp,
    ) -> Result<Files, SignError> {
        let unsigned = self.prepare_policy(delegates, version, policy, min_version, stamp)?;
        self.complete(unsigned, signers)
    }

    /// The present list of policies for another while, with other delegated keys where `delegates` names them, and a floor that may rise.
    ///
    /// # Errors
    /// [`SignError::Incomplete`] before the first policy; [`SignError::PolicyUnknown`] if nothing could run above the floor.
    pub fn prepare_targets(&self, delegates: Option<&Delegates>, min_version: u64, stamp: Stamp) -> Result<Unsigned, SignError> {
        let (mut targets, _): (Targets, _) = self.read(Role::Targets)?;
        if let Some(delegates) = delegates {
            targets.delegations = Some(delegations_of(delegates)?);
        }
        let floor = min_version.max(targets.min_version.unwrap_or(0));
        targets.targets.retain(|name, _| policy_version(name).is_some_and(|held| held >= floor));
        if targets.targets.is_empty() {
            return Err(SignError::PolicyUnknown(floor));
        }
        targets.min_version = Some(floor);
        self.prepare(Role::Targets, &targets, stamp, BTreeMap::new())
    }

    /// Signs which gateway runs which version. Every version named must be published and not below the floor.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn assign(&mut self, signers: &[&dyn Signer], assignment: &Assignment, stamp: Stamp) -> Result<Files, SignError> {
        if assignment.rings.last().is_none_or(|ring| ring.members != Members::All) {
            return Err(SignError::NoLastRing);
        }
        let floor = self.min_version().max(assignment.min_version);
        let listed = self.policy_versions();
        if let Some(unknown) = assignment.versions().find(|version| *version < floor || !listed.contains(version)) {
            return Err(SignError::PolicyUnknown(unknown));
        }
        let text = serde_json::to_string(assignment).map_err(|_| SignError::Damaged(Role::Assignment))?;
        self.sign_one_file(Role::Assignment, RINGS, text, None, signers, stamp)
    }

    /// Signs the revocation list `list` with its sequence.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn revoke(&mut self, signers: &[&dyn Signer], list: &str, seq: u64, stamp: Stamp) -> Result<Files, SignError> {
        self.sign_one_file(Role::Revocations, REVOCATION_LIST, list.to_owned(), Some(Custom { seq: Some(seq) }), signers, stamp)
    }

    /// Signs which versions of targets, assignment and revocations belong together.
    ///
    /// # Errors
    /// [`SignError::Incomplete`] until all three exist.
    pub fn snapshot(&mut self, signers: &[&dyn Signer], stamp: Stamp) -> Result<Files, SignError> {
        let mut meta = BTreeMap::new();
        for role in [Role::Targets, Role::Assignment, Role::Revocations] {
            meta.insert(role.meta_name(), self.pointer(role)?);
        }
        let unsigned = self.prepare(Role::Snapshot, &Meta { meta }, stamp, BTreeMap::new())?;
        self.complete(unsigned, signers)
    }

    /// Signs that the present snapshot is the newest. Cheap: one small file, one signature.
    ///
    /// # Errors
    /// [`SignError::Incomplete`] until there is a snapshot.
    pub fn timestamp(&mut self, signers: &[&dyn Signer], stamp: Stamp) -> Result<Files, SignError> {
        let meta = BTreeMap::from([(Role::Snapshot.meta_name(), self.pointer(Role::Snapshot)?)]);
        let unsigned = self.prepare(Role::Timestamp, &Meta { meta }, stamp, BTreeMap::new())?;
        self.complete(unsigned, signers)
    }

    /// Signs with all of `signers` and takes it on.
    fn complete(&mut self, mut unsigned: Unsigned, signers: &[&dyn Signer]) -> Result<Files, SignError> {
        for signer in signers {
            unsigned.sign(*signer)?;
        }
        self.accept(&unsigned)
    }

    /// Version and expiry of a role's newest metadata; `None` before it is first signed.
    #[must_use]
    pub fn stamp(&self, role: Role) -> Option<Stamp> {
        let (_, common) = self.read_optional::<Value>(role).ok()??;
        Some(Stamp { version: common.version, expires: read_time(&common.expires)? })
    }

    /// Policy versions that may run now, ascending.
    #[must_use]
    pub fn policy_versions(&self) -> Vec<u64> {
        let held = self.read_optional::<Targets>(Role::Targets).ok().flatten();
        let mut versions: Vec<u64> =
            held.iter().flat_map(|(targets, _)| targets.targets.keys().filter_map(|name| policy_version(name))).collect();
        versions.sort_unstable();
        versions
    }

    /// SHA-256 of a policy version that may run now, hex.
    #[must_use]
    pub fn policy_sha256(&self, version: u64) -> Option<String> {
        let (targets, _) = self.read_optional::<Targets>(Role::Targets).ok()??;
        Some(targets.targets.get(&policy_name(version))?.hashes.sha256.clone())
    }

    /// The lowest policy version that may run.
    #[must_use]
    pub fn min_version(&self) -> u64 {
        self.read_optional::<Targets>(Role::Targets).ok().flatten().and_then(|(targets, _)| targets.min_version).unwrap_or(0)
    }

    /// The newest metadata of a role, as it was signed.
    #[must_use]
    pub fn metadata(&self, role: Role) -> Option<&str> {
        self.metadata.get(role.name()).map(String::as_str)
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, role: Role) -> Result<(T, Common), SignError> {
        self.read_optional(role)?.ok_or(SignError::Incomplete(role))
    }

    fn read_optional<T: for<'a> Deserialize<'a>>(&self, role: Role) -> Result<Option<(T, Common)>, SignError> {
        let Some(text) = self.metadata.get(role.name()) else { return Ok(None) };
        let read = || {
            let envelope: Envelope = serde_json::from_str(text)?;
            Ok((T::deserialize(&envelope.signed)?, Common::deserialize(&envelope.signed)?))
        };
        read().map(Some).map_err(|_: serde_json::Error| SignError::Damaged(role))
    }

    fn pointer(&self, role: Role) -> Result<MetaFile, SignError> {
        let (_, common): (Value, _) = self.read(role)?;
        let bytes = self.metadata[role.name()].as_bytes();
        Ok(MetaFile { version: common.version, length: bytes.len() as u64, hashes: Hashes { sha256: sha256_hex(bytes) } })
    }

    /// A delegated role that lists one file.
    fn sign_one_file(
        &mut self,
        role: Role,
        name: &str,
        text: String,
        custom: Option<Custom>,
        signers: &[&dyn Signer],
        stamp: Stamp,
    ) -> Result<Files, SignError> {
        let file = target_of(text.as_bytes(), custom);
        let path = target_path(name, &file.hashes.sha256);
        let body = Targets { targets: BTreeMap::from([(name.to_owned(), file)]), ..Targets::default() };
        let unsigned = self.prepare(role, &body, stamp, BTreeMap::from([(path, text)]))?;
        self.complete(unsigned, signers)
    }

    fn prepare(&self, role: Role, body: &impl Serialize, stamp: Stamp, files: BTreeMap<String, String>) -> Result<Unsigned, SignError> {
        let common = Common {
            type_name: role.type_name().to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version: stamp.version,
            expires: write_time(stamp.expires).ok_or(SignError::BadExpiry)?,
            tenant: self.tenant.clone(),
        };
        let damaged = |_| SignError::Damaged(role);
        let mut signed = serde_json::to_value(body).map_err(damaged)?;
        if let (Value::Object(signed), Value::Object(common)) = (&mut signed, serde_json::to_value(common).map_err(damaged)?) {
            signed.extend(common);
        }
        Ok(Unsigned::new(role, signed, files))
    }
}

fn root_of(keys: &RootKeys) -> Root {
    let all = [&keys.root, &keys.targets, &keys.snapshot, &keys.timestamp];
    Root {
        consistent_snapshot: true,
        keys: records(&all),
        roles: RootRoles {
            root: keys.root.role_keys(),
            targets: keys.targets.role_keys(),
            snapshot: keys.snapshot.role_keys(),
            timestamp: keys.timestamp.role_keys(),
        },
    }
}

fn delegations_of(delegates: &Delegates) -> Result<Delegations, SignError> {
    delegates.assignment.check(Role::Assignment)?;
    delegates.revocations.check(Role::Revocations)?;
    let role = |role: Role, keys: &Threshold| DelegatedRole {
        name: role.name().to_owned(),
        keyids: keys.role_keys().keyids,
        threshold: keys.threshold,
        terminating: true,
        paths: vec![format!("{}/*", role.name())],
    };
    Ok(Delegations {
        keys: records(&[&delegates.assignment, &delegates.revocations]),
        roles: vec![role(Role::Assignment, &delegates.assignment), role(Role::Revocations, &delegates.revocations)],
    })
}

fn records(sets: &[&Threshold]) -> BTreeMap<String, KeyRecord> {
    sets.iter().flat_map(|set| &set.keys).map(|key| (key.id().to_owned(), key.record())).collect()
}

fn target_of(bytes: &[u8], custom: Option<Custom>) -> TargetFile {
    TargetFile { length: bytes.len() as u64, hashes: Hashes { sha256: sha256_hex(bytes) }, custom }
}
