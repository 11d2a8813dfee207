//! The tenant's repository, open for signing inside a transaction.
//!
//! Open it, change what has to change, then [`Signing::seal`] it: snapshot and timestamp are signed and every new file is stored in the
//! same transaction as the change that made it necessary. Before the first publish nothing can be signed but the root, so sealing does
//! nothing then, and the first publish signs the revocation list as it stands.

use super::list::revocation_list;
use crate::error::{Error, Result};
use crate::scene::Scene;
use crate::tenancy::keys::place;
use bundle::layout::{REVOCATION_LIST, target_path};
use bundle::repository::{Delegates, RootKeys, Threshold};
use bundle::{Assignment, Files, Key, PublicKey, Repository, Role, Stamp};
use store::{Tenant, TufFile, TufState};

/// How long each role's signature lasts, and how long before its end upkeep renews it. Seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) signed_for: i64,
    pub(super) renew_before: i64,
}

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// See [`Life`].
pub(super) const fn life(role: Role) -> Life {
    match role {
        Role::Root => Life { signed_for: 365 * DAY, renew_before: 60 * DAY },
        Role::Targets => Life { signed_for: 90 * DAY, renew_before: 30 * DAY },
        Role::Assignment | Role::Revocations | Role::Snapshot => Life { signed_for: 7 * DAY, renew_before: 3 * DAY },
        Role::Timestamp => Life { signed_for: 10 * MINUTE, renew_before: 7 * MINUTE },
    }
}

/// How many of the newest policy versions may run: what a thief of the online keys, or a person in a hurry, can go back to.
const RUNNABLE: u64 = 10;
/// How many versions of an online role are kept for gateways that are in the middle of an update.
const KEPT: i64 = 32;

/// The purpose of a role's key in the table `keys`.
pub(super) const fn purpose(role: Role) -> &'static str {
    match role {
        Role::Root => "tuf-root",
        Role::Targets => "tuf-targets",
        Role::Assignment => "tuf-assignment",
        Role::Revocations => "tuf-revocations",
        Role::Snapshot => "tuf-snapshot",
        Role::Timestamp => "tuf-timestamp",
    }
}

/// See the module.
pub(super) struct Signing<'s> {
    scene: &'s Scene<'s>,
    state: TufState,
    repository: Repository,
    keys: Vec<store::Key>,
    files: Vec<TufFile>,
    /// Signatures are made to last so long at least, Unix seconds.
    until: i64,
}

fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("reading the tenant's repository", source)
}

fn unsigned(source: bundle::SignError) -> Error {
    Error::internal("signing the tenant's repository", source)
}

impl<'s> Signing<'s> {
    /// Opens it. Keys stay sealed until one is needed.
    pub(super) async fn open(scene: &'s Scene<'s>) -> Result<Self> {
        let state = scene.db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
        let repository = serde_json::from_str(&state.repository).map_err(damaged)?;
        let keys = scene.db.tuf_keys().await?;
        Ok(Self { scene, state, repository, keys, files: Vec::new(), until: 0 })
    }

    /// Begins one: nothing is signed but the root.
    pub(super) fn begin(scene: &'s Scene<'s>, repository: Repository, files: Files) -> Result<Self> {
        let (id, text) = ("tuf".to_owned(), String::new());
        let state =
            TufState { id, root: 1, targets: 0, assignment: 0, revocations: 0, snapshot: 0, timestamp: 0, signed_ms: 0, repository: text };
        let mut new = Self { scene, state, repository, keys: Vec::new(), files: Vec::new(), until: 0 };
        new.take(Role::Root, 1, files)?;
        Ok(new)
    }

    /// Whether there is anything that a gateway could run.
    pub(super) const fn is_published(&self) -> bool {
        self.state.targets > 0
    }

    /// When the timestamp was signed, Unix milliseconds.
    pub(super) const fn signed_ms(&self) -> i64 {
        self.state.signed_ms
    }

    fn row(&self, role: Role) -> Result<&store::Key> {
        let active = self.keys.iter().filter(|key| key.active == 1 && key.purpose == purpose(role)).max_by_key(|key| key.created_ms);
        active.ok_or_else(|| damaged(format!("the tenant has no {role} key")))
    }

    fn key(&self, role: Role) -> Result<Key> {
        let row = self.row(role)?;
        let pkcs8 = self.scene.parts.vault.open(&place(&self.scene.cx.tenant, purpose(role), &row.id), &row.sealed);
        let pkcs8 = pkcs8.map_err(|error| Error::internal("opening a signing key", error))?;
        Key::from_pkcs8(&pkcs8).map_err(|error| Error::internal("reading a signing key", error))
    }

    fn public(&self, role: Role) -> Result<Threshold> {
        Ok(Threshold::one(&PublicKey::from_pem(&self.row(role)?.public).map_err(damaged)?))
    }

    fn delegates(&self) -> Result<Delegates> {
        Ok(Delegates { assignment: self.public(Role::Assignment)?, revocations: self.public(Role::Revocations)? })
    }

    /// The next version of a role, to last its life.
    fn stamp(&self, role: Role) -> Stamp {
        let version = self.repository.stamp(role).map_or(0, |held| held.version) + 1;
        Stamp { version, expires: self.until.max(self.scene.cx.now_s() + life(role).signed_for) }
    }

    /// Has what is signed from here on last so long at least, Unix seconds.
    pub(super) const fn last_until(&mut self, until: i64) {
        self.until = until;
    }

    /// When the role's signatures end, Unix seconds; none if there are none.
    pub(super) fn ends(&self, role: Role) -> Option<i64> {
        self.repository.stamp(role).map(|held| held.expires)
    }

    /// Whether the role's signature ends soon enough to be renewed now.
    pub(super) fn is_due(&self, role: Role) -> bool {
        self.repository.stamp(role).is_none_or(|held| held.expires - self.scene.cx.now_s() <= life(role).renew_before)
    }

    /// Notes files that were signed under version `version` of `role`.
    fn take(&mut self, role: Role, version: u64, files: Files) -> Result<()> {
        let version = i64::try_from(version).map_err(damaged)?;
        match role {
            Role::Root => self.state.root = version,
            Role::Targets => self.state.targets = version,
            Role::Assignment => self.state.assignment = version,
            Role::Revocations => self.state.revocations = version,
            Role::Snapshot => self.state.snapshot = version,
            Role::Timestamp => self.state.timestamp = version,
        }
        for (id, body) in files {
            self.files.push(TufFile { id, body: String::from_utf8(body).map_err(damaged)?, version });
        }
        Ok(())
    }

    /// Adds a policy to those that may run.
    pub(super) fn publish(&mut self, version: u64, policy: &str) -> Result<()> {
        let (key, delegates, stamp) = (self.key(Role::Targets)?, self.delegates()?, self.stamp(Role::Targets));
        let floor = version.saturating_sub(RUNNABLE - 1).max(1);
        let files = self.repository.publish(&[&key], &delegates, version, policy, floor, stamp).map_err(unsigned)?;
        self.take(Role::Targets, stamp.version, files)
    }

    /// Has every gateway run the live version.
    pub(super) async fn assign(&mut self) -> Result<()> {
        let live = self.tenant().await?.policy_version;
        let rings = Assignment::single_ring(u64::try_from(live).map_err(damaged)?);
        let (key, stamp) = (self.key(Role::Assignment)?, self.stamp(Role::Assignment));
        let files = self.repository.assign(&[&key], &rings, stamp).map_err(unsigned)?;
        self.take(Role::Assignment, stamp.version, files)
    }

    /// Signs the revocation list as the rows have it now.
    pub(super) async fn revoke(&mut self) -> Result<()> {
        let (list, seq) = self.list().await?;
        let (key, stamp) = (self.key(Role::Revocations)?, self.stamp(Role::Revocations));
        let files = self.repository.revoke(&[&key], &list, seq, stamp).map_err(unsigned)?;
        self.take(Role::Revocations, stamp.version, files)
    }

    /// Whether the signed list still holds what has left the list since.
    pub(super) async fn list_is_outdated(&self) -> Result<bool> {
        let (list, _) = self.list().await?;
        let path = target_path(REVOCATION_LIST, &bundle::sha256_hex(list.as_bytes()));
        let signed = self.scene.db.get::<TufFile>(&path).await?;
        Ok(signed.is_none_or(|file| file.version != self.state.revocations))
    }

    async fn list(&self) -> Result<(String, u64)> {
        let list = revocation_list(&self.scene.db, self.scene.parts, self.scene.cx.now_s()).await?;
        Ok((serde_json::to_string(&list).map_err(damaged)?, list.seq()))
    }

    /// Signs the same content of `targets` for another while.
    pub(super) fn renew_targets(&mut self) -> Result<()> {
        let (key, stamp) = (self.key(Role::Targets)?, self.stamp(Role::Targets));
        let mut unsigned = self.repository.prepare_targets(None, 0, stamp).map_err(unsigned)?;
        unsigned.sign(&key).map_err(self::unsigned)?;
        let files = self.repository.accept(&unsigned).map_err(self::unsigned)?;
        self.take(Role::Targets, stamp.version, files)
    }

    /// Signs a next root with the same keys.
    pub(super) fn renew_root(&mut self) -> Result<()> {
        let keys = RootKeys {
            root: self.public(Role::Root)?,
            targets: self.public(Role::Targets)?,
            snapshot: self.public(Role::Snapshot)?,
            timestamp: self.public(Role::Timestamp)?,
        };
        let (key, stamp) = (self.key(Role::Root)?, self.stamp(Role::Root));
        let files = self.repository.rotate(&keys, &[&key], stamp.expires).map_err(unsigned)?;
        self.take(Role::Root, stamp.version, files)
    }

    /// Signs what belongs together and that it is the newest, and stores everything.
    pub(super) async fn seal(mut self) -> Result<()> {
        if self.is_published() {
            let (key, stamp) = (self.key(Role::Snapshot)?, self.stamp(Role::Snapshot));
            let files = self.repository.snapshot(&[&key], stamp).map_err(unsigned)?;
            self.take(Role::Snapshot, stamp.version, files)?;
        }
        self.touch().await
    }

    /// Signs that what is there is the newest, and stores everything.
    pub(super) async fn touch(mut self) -> Result<()> {
        if self.is_published() {
            let (key, stamp) = (self.key(Role::Timestamp)?, self.stamp(Role::Timestamp));
            let files = self.repository.timestamp(&[&key], stamp).map_err(unsigned)?;
            self.take(Role::Timestamp, stamp.version, files)?;
            self.state.signed_ms = self.scene.cx.now_ms;
        }
        self.state.repository = serde_json::to_string(&self.repository).map_err(damaged)?;
        let db = &self.scene.db;
        for file in self.files {
            db.put(file).await?;
        }
        for (role, version) in
            [(Role::Snapshot, self.state.snapshot), (Role::Assignment, self.state.assignment), (Role::Revocations, self.state.revocations)]
        {
            // Now and then is often enough.
            if version > KEPT && version % KEPT == 0 {
                db.forget_tuf_files(role.name(), version - KEPT).await?;
            }
        }
        Ok(db.put(self.state).await?)
    }

    async fn tenant(&self) -> Result<Tenant> {
        self.scene.db.this_tenant().await?.ok_or(Error::NotFound)
    }
}
