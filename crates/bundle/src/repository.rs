//! Writing a tenant's repository: each step signs one role and returns the files to store.
//!
//! [`Repository`] is the whole state that the writer needs between steps (the newest metadata of each role); keep it as
//! one document beside the files. Versions and expiries come from the caller, who holds the lease that allots them.
//! A change is: [`publish`](Repository::publish), [`assign`](Repository::assign) or [`revoke`](Repository::revoke) as
//! needed, then [`snapshot`](Repository::snapshot), then [`timestamp`](Repository::timestamp). Store every file before
//! the timestamp: it is what makes them visible.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::assignment::Assignment;
use crate::canonical::canonical;
use crate::digest::sha256_hex;
use crate::key::{Key, KeyError, PublicKey};
use crate::layout::{REVOCATION_LIST, RINGS, Role, policy_name, policy_version, target_path};
use crate::schema::{
    Common, Custom, DelegatedRole, Delegations, Envelope, Hashes, KeyRecord, Meta, MetaFile, RoleKeys, Root, RootRoles, SPEC_VERSION,
    Signature, TargetFile, Targets, count_signatures, read_time, write_time,
};

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

/// A step could not be signed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The step needs a role that has not been signed yet.
    #[error("the {0} role has to be signed first")]
    Incomplete(Role),
    /// Versions only go up.
    #[error("{role} version {offered} must be higher than {held}")]
    NotNewer {
        /// The role.
        role: Role,
        /// Its version now.
        held: u64,
        /// The version asked for.
        offered: u64,
    },
    /// A policy version is immutable once published.
    #[error("policy version {0} was published with other content")]
    PolicyExists(u64),
    /// The assignment names a version that targets does not list, or one below the floor.
    #[error("policy version {0} is not among the published versions that may run")]
    PolicyUnknown(u64),
    /// The floor would exclude the version being published.
    #[error("the floor {floor} is above the version {version} being published")]
    FloorTooHigh {
        /// The version.
        version: u64,
        /// The floor.
        floor: u64,
    },
    /// The signing keys do not meet the role's threshold.
    #[error("these keys cannot sign for the {0} role")]
    WrongKey(Role),
    /// The expiry lies outside the calendar.
    #[error("the expiry is not a time that can be written")]
    BadExpiry,
    /// The kept state is damaged.
    #[error("the kept {0} metadata cannot be read")]
    Damaged(Role),
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
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
    /// [`SignError::WrongKey`] if the signers do not meet the root's own threshold.
    pub fn create(tenant: &str, keys: &RootKeys, signers: &[&Key], expires: i64) -> Result<(Self, Files), SignError> {
        let mut new = Self { tenant: tenant.to_owned(), metadata: BTreeMap::new(), root_sha256: String::new() };
        let root = root_of(keys);
        let files = new.sign(Role::Root, &root, signers, Stamp { version: 1, expires })?;
        new.verify_threshold(Role::Root, &root.keys, &root.roles.root)?;
        new.root_sha256 = sha256_hex(&files[&Role::Root.path(1)]);
        Ok((new, files))
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

    /// A new root, signed by enough keys of the old root *and* of the new one.
    ///
    /// # Errors
    /// [`SignError::WrongKey`] if either threshold is missed, [`SignError::NotNewer`] unless the version is the next.
    pub fn rotate(&mut self, keys: &RootKeys, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        let (old, held): (Root, _) = self.read(Role::Root)?;
        if stamp.version != held.version + 1 {
            return Err(SignError::NotNewer { role: Role::Root, held: held.version, offered: stamp.version });
        }
        let root = root_of(keys);
        let mut next = self.clone();
        let files = next.sign(Role::Root, &root, signers, stamp)?;
        next.verify_threshold(Role::Root, &old.keys, &old.roles.root)?;
        next.verify_threshold(Role::Root, &root.keys, &root.roles.root)?;
        *self = next;
        Ok(files)
    }

    /// Adds policy `version` to the versions that may run, drops those below `min_version`, and names the delegated keys.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn publish(
        &mut self,
        signers: &[&Key],
        delegates: &Delegates,
        version: u64,
        policy: &[u8],
        min_version: u64,
        stamp: Stamp,
    ) -> Result<Files, SignError> {
        if version < min_version {
            return Err(SignError::FloorTooHigh { version, floor: min_version });
        }
        let mut targets = self.read_optional::<Targets>(Role::Targets)?.map(|(held, _)| held).unwrap_or_default();
        let (name, file) = (policy_name(version), target_of(policy, None));
        if targets.targets.get(&name).is_some_and(|held| *held != file) {
            return Err(SignError::PolicyExists(version));
        }
        let path = target_path(&name, &file.hashes.sha256);
        targets.targets.insert(name, file);
        targets.targets.retain(|name, _| policy_version(name).is_some_and(|held| held >= min_version));
        targets.min_version = Some(min_version);
        targets.delegations = Some(delegations_of(delegates));
        let mut files = self.sign_top_level(Role::Targets, &targets, signers, stamp)?;
        files.insert(path, policy.to_vec());
        Ok(files)
    }

    /// Signs which gateway runs which version. Every version named must be published and not below the floor.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn assign(&mut self, signers: &[&Key], assignment: &Assignment, stamp: Stamp) -> Result<Files, SignError> {
        let (targets, _): (Targets, _) = self.read(Role::Targets)?;
        let floor = targets.min_version.unwrap_or(0).max(assignment.min_version);
        let pinned = assignment.gateways.values().filter_map(|place| place.pinned);
        for version in assignment.rings.values().copied().chain(pinned) {
            if version < floor || !targets.targets.contains_key(&policy_name(version)) {
                return Err(SignError::PolicyUnknown(version));
            }
        }
        let bytes = serde_json::to_vec(assignment).map_err(|_| SignError::Damaged(Role::Assignment))?;
        self.sign_delegated(Role::Assignment, RINGS, &bytes, None, signers, stamp)
    }

    /// Signs the revocation list `list` with its sequence.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn revoke(&mut self, signers: &[&Key], list: &[u8], seq: u64, stamp: Stamp) -> Result<Files, SignError> {
        self.sign_delegated(Role::Revocations, REVOCATION_LIST, list, Some(Custom { seq: Some(seq) }), signers, stamp)
    }

    /// Signs the present content of `role` again with a later expiry: `targets`, `assignment` or `revocations`.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn renew(&mut self, role: Role, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        match role {
            Role::Root => Err(SignError::WrongKey(role)),
            Role::Snapshot => self.snapshot(signers, stamp),
            Role::Timestamp => self.timestamp(signers, stamp),
            Role::Targets => {
                let (held, _): (Targets, _) = self.read(role)?;
                self.sign_top_level(role, &held, signers, stamp)
            }
            Role::Assignment | Role::Revocations => {
                let (held, _): (Targets, _) = self.read(role)?;
                self.sign_by_delegation(role, &held, signers, stamp)
            }
        }
    }

    /// Signs which versions of targets, assignment and revocations belong together.
    ///
    /// # Errors
    /// [`SignError::Incomplete`] until all three exist.
    pub fn snapshot(&mut self, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        let mut meta = BTreeMap::new();
        for role in [Role::Targets, Role::Assignment, Role::Revocations] {
            meta.insert(role.meta_name(), self.pointer(role)?);
        }
        self.sign_top_level(Role::Snapshot, &Meta { meta }, signers, stamp)
    }

    /// Signs that the present snapshot is the newest. Cheap: one small file, one signature.
    ///
    /// # Errors
    /// [`SignError::Incomplete`] until there is a snapshot.
    pub fn timestamp(&mut self, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        let meta = BTreeMap::from([(Role::Snapshot.meta_name(), self.pointer(Role::Snapshot)?)]);
        self.sign_top_level(Role::Timestamp, &Meta { meta }, signers, stamp)
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

    /// Signs a role whose keys the root lists, and takes it on only if these keys may.
    fn sign_top_level(&mut self, role: Role, body: &impl Serialize, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        let (root, _): (Root, _) = self.read(Role::Root)?;
        let keys = match role {
            Role::Targets => &root.roles.targets,
            Role::Snapshot => &root.roles.snapshot,
            Role::Timestamp => &root.roles.timestamp,
            Role::Root | Role::Assignment | Role::Revocations => return Err(SignError::WrongKey(role)),
        };
        let mut next = self.clone();
        let files = next.sign(role, body, signers, stamp)?;
        next.verify_threshold(role, &root.keys, keys)?;
        *self = next;
        Ok(files)
    }

    fn sign_delegated(
        &mut self,
        role: Role,
        name: &str,
        bytes: &[u8],
        custom: Option<Custom>,
        signers: &[&Key],
        stamp: Stamp,
    ) -> Result<Files, SignError> {
        let file = target_of(bytes, custom);
        let path = target_path(name, &file.hashes.sha256);
        let body = Targets { targets: BTreeMap::from([(name.to_owned(), file)]), ..Targets::default() };
        let mut files = self.sign_by_delegation(role, &body, signers, stamp)?;
        files.insert(path, bytes.to_vec());
        Ok(files)
    }

    fn sign_by_delegation(&mut self, role: Role, body: &Targets, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        let (targets, _): (Targets, _) = self.read(Role::Targets)?;
        let delegations = targets.delegations.unwrap_or_default();
        let keys = delegations.roles.iter().find(|held| held.name == role.name());
        let keys = keys.ok_or(SignError::WrongKey(role))?.role_keys();
        let mut next = self.clone();
        let files = next.sign(role, body, signers, stamp)?;
        next.verify_threshold(role, &delegations.keys, &keys)?;
        *self = next;
        Ok(files)
    }

    fn sign(&mut self, role: Role, body: &impl Serialize, signers: &[&Key], stamp: Stamp) -> Result<Files, SignError> {
        if let Some((_, held)) = self.read_optional::<Value>(role)?
            && stamp.version <= held.version
        {
            return Err(SignError::NotNewer { role, held: held.version, offered: stamp.version });
        }
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
        let message = canonical(&signed).map_err(|_| SignError::Damaged(role))?;
        // One signature a key, even if the caller names it for the old and the new root.
        let mut seen = BTreeSet::new();
        let mut signatures = Vec::new();
        for key in signers {
            if seen.insert(key.public().id()) {
                signatures.push(Signature { keyid: key.public().id().to_owned(), sig: hex::encode(key.sign(&message)?) });
            }
        }
        let text = serde_json::to_string(&Envelope { signatures, signed }).map_err(damaged)?;
        let files = Files::from([(role.path(stamp.version), text.clone().into_bytes())]);
        self.metadata.insert(role.name().to_owned(), text);
        Ok(files)
    }

    /// A file that no gateway would accept must not leave the signer.
    fn verify_threshold(&self, role: Role, keys: &BTreeMap<String, KeyRecord>, role_keys: &RoleKeys) -> Result<(), SignError> {
        let damaged = || SignError::Damaged(role);
        let text = self.metadata.get(role.name()).ok_or_else(damaged)?;
        let envelope: Envelope = serde_json::from_str(text).map_err(|_| damaged())?;
        let message = canonical(&envelope.signed).map_err(|_| damaged())?;
        let valid = count_signatures(&message, &envelope.signatures, keys, role_keys);
        match valid {
            Ok(valid) if valid >= role_keys.threshold => Ok(()),
            _ => Err(SignError::WrongKey(role)),
        }
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

fn delegations_of(delegates: &Delegates) -> Delegations {
    let role = |role: Role, keys: &Threshold| DelegatedRole {
        name: role.name().to_owned(),
        keyids: keys.role_keys().keyids,
        threshold: keys.threshold,
        terminating: true,
        paths: vec![format!("{}/*", role.name())],
    };
    Delegations {
        keys: records(&[&delegates.assignment, &delegates.revocations]),
        roles: vec![role(Role::Assignment, &delegates.assignment), role(Role::Revocations, &delegates.revocations)],
    }
}

fn records(sets: &[&Threshold]) -> BTreeMap<String, KeyRecord> {
    sets.iter().flat_map(|set| &set.keys).map(|key| (key.id().to_owned(), key.record())).collect()
}

fn target_of(bytes: &[u8], custom: Option<Custom>) -> TargetFile {
    TargetFile { length: bytes.len() as u64, hashes: Hashes { sha256: sha256_hex(bytes) }, custom }
}
