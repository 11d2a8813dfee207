//! The tenant's repository, open for signing inside a transaction.
//!
//! Open it, change what has to change, then [`Signing::seal`] it: snapshot and timestamp are signed and every new file is stored in the
//! same transaction as the change that made it necessary. Before the first publish nothing can be signed but the root, so sealing does
//! nothing then, and the first publish signs the revocation list as it stands.
//!
//! Who may sign what is what the metadata says. The table `keys` says which of those keys are at hand: they lie here, or in a service that
//! is asked between two runs ([`crate::signatures`]). For the others there are documents that travel ([`bundle::ceremony`]).

use super::list::revocation_list;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::scene::Scene;
use crate::signatures::Pen;
use crate::tenancy::keys::{is_at_hand, is_here, pen};
use bundle::layout::{REVOCATION_LIST, target_path};
use bundle::repository::{Delegates, Missing, RootKeys, Threshold};
use bundle::{Files, PublicKey, Repository, Role, SignError, Signer, Stamp, Unsigned};
use store::{TufFile, TufState};

/// How long each role's signature lasts, and how long before its end upkeep renews it. Seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) signed_for: i64,
    pub(crate) renew_before: i64,
}

const MINUTE: i64 = 60;
pub(crate) const DAY: i64 = 24 * 60 * MINUTE;

/// See [`Life`].
pub(crate) const fn life(role: Role) -> Life {
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
pub(crate) const fn purpose(role: Role) -> &'static str {
    match role {
        Role::Root => "tuf-root",
        Role::Targets => "tuf-targets",
        Role::Assignment => "tuf-assignment",
        Role::Revocations => "tuf-revocations",
        Role::Snapshot => "tuf-snapshot",
        Role::Timestamp => "tuf-timestamp",
    }
}

/// The floor that a publish of `version` sets.
pub(crate) const fn usual_floor(version: u64) -> u64 {
    let floor = version.saturating_sub(RUNNABLE - 1);
    if floor == 0 { 1 } else { floor }
}

/// See the module.
pub(crate) struct Signing<'s> {
    scene: &'s Scene<'s>,
    state: TufState,
    repository: Repository,
    keys: Vec<store::Key>,
    files: Vec<TufFile>,
    /// Signatures are made to last so long at least, Unix seconds.
    until: i64,
    /// Whether the list of policies was signed since it was opened.
    listed: bool,
}

pub(crate) fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("reading the tenant's repository", source)
}

pub(crate) fn unsigned(source: SignError) -> Error {
    Error::internal("signing the tenant's repository", source)
}

/// The public half of a key of the repository.
pub(crate) fn public(key: &store::Key) -> Result<PublicKey> {
    PublicKey::from_pem(&key.public).map_err(damaged)
}

/// The repository's state as it is stored.
pub(crate) fn read_repository(state: &TufState) -> Result<Repository> {
    serde_json::from_str(&state.repository).map_err(damaged)
}

/// Whether enough of the keys that are listed for a role are at hand.
pub(crate) fn is_signed_by_itself(repository: &Repository, keys: &[store::Key], role: Role) -> Result<bool> {
    // Before the first list of policies nobody is listed for what it delegates: the keys for it are at hand.
    let Some(listed) = repository.keys_of(role).map_err(damaged)? else { return Ok(true) };
    Ok(counted(&listed, keys, role, is_at_hand)? >= listed.threshold)
}

/// How many of a role's listed keys are so.
fn counted(listed: &Threshold, keys: &[store::Key], role: Role, so: fn(&store::Key) -> bool) -> Result<u32> {
    let mut count = 0;
    for key in keys.iter().filter(|key| so(key) && key.purpose == purpose(role)) {
        count += u32::from(listed.keys.contains(&public(key)?));
    }
    Ok(count)
}

impl<'s> Signing<'s> {
    /// Opens it. Keys stay sealed until one is needed.
    pub(crate) async fn open(scene: &'s Scene<'s>) -> Result<Self> {
        let state = scene.db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
        let repository = read_repository(&state)?;
        let keys = scene.db.tuf_keys().await?;
        Ok(Self { scene, state, repository, keys, files: Vec::new(), until: 0, listed: false })
    }

    /// Begins one: nothing is signed but the root.
    pub(super) fn begin(scene: &'s Scene<'s>, repository: Repository, files: Files) -> Result<Self> {
        let (id, text) = ("tuf".to_owned(), String::new());
        let state =
            TufState { id, root: 1, targets: 0, assignment: 0, revocations: 0, snapshot: 0, timestamp: 0, signed_ms: 0, repository: text };
        let mut new = Self { scene, state, repository, keys: Vec::new(), files: Vec::new(), until: 0, listed: false };
        new.take(Role::Root, 1, files)?;
        Ok(new)
    }

    /// The repository as it is now.
    pub(crate) const fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The keys of the repository, as rows.
    pub(crate) fn keys(&self) -> &[store::Key] {
        &self.keys
    }

    /// Reads the keys again, after some were added, made active or ended.
    pub(crate) async fn reload_keys(&mut self) -> Result<()> {
        self.keys = self.scene.db.tuf_keys().await?;
        Ok(())
    }

    /// Whether there is anything that a gateway could run.
    pub(crate) const fn is_published(&self) -> bool {
        self.state.targets > 0
    }

    /// When the timestamp was signed, Unix milliseconds.
    pub(super) const fn signed_ms(&self) -> i64 {
        self.state.signed_ms
    }

    /// Whether the keys that are at hand are enough to sign for a role.
    pub(crate) fn can_sign(&self, role: Role) -> Result<bool> {
        is_signed_by_itself(&self.repository, &self.keys, role)
    }

    /// Whether the keys that lie here are enough, without asking any service.
    pub(crate) fn can_sign_alone(&self, role: Role) -> Result<bool> {
        let Some(listed) = self.repository.keys_of(role).map_err(damaged)? else { return Ok(true) };
        Ok(counted(&listed, &self.keys, role, is_here)? >= listed.threshold)
    }

    /// The keys that sign for a role: all that lie here, and of those in a service as many as the threshold takes beside them.
    fn signers(&self, role: Role) -> Result<Vec<Pen<'s>>> {
        let listed = self.repository.keys_of(role).map_err(damaged)?;
        let threshold = listed.as_ref().map_or(1, |listed| listed.threshold as usize);
        let mut signers = Vec::new();
        for key in self.at_hand(role) {
            let counts = match &listed {
                Some(listed) => listed.keys.contains(&public(key)?),
                None => key.active == 1,
            };
            if counts && (is_here(key) || signers.len() < threshold) {
                signers.push(pen(self.scene, role, key)?);
            }
        }
        if signers.is_empty() { Err(damaged(format!("the {role} key is not at hand"))) } else { Ok(signers) }
    }

    /// The keys of a role that are at hand: first those that lie here.
    fn at_hand(&self, role: Role) -> impl Iterator<Item = &store::Key> {
        let of = move |key: &&store::Key| is_at_hand(key) && key.purpose == purpose(role);
        let (here, service): (Vec<_>, Vec<_>) = self.keys.iter().filter(of).partition(|key| is_here(key));
        here.into_iter().chain(service)
    }

    /// Keys and threshold of a role: as the metadata lists them, or as they will be listed first.
    pub(crate) fn listed(&self, role: Role) -> Result<Threshold> {
        if let Some(listed) = self.repository.keys_of(role).map_err(damaged)? {
            return Ok(listed);
        }
        let active = self.keys.iter().filter(|key| key.active == 1 && key.purpose == purpose(role));
        let newest = active.max_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        let newest = newest.ok_or_else(|| damaged(format!("the tenant has no {role} key")))?;
        Ok(Threshold::one(&public(newest)?))
    }

    /// What the list of policies delegates to now.
    pub(crate) fn delegates(&self) -> Result<Delegates> {
        Ok(Delegates { assignment: self.listed(Role::Assignment)?, revocations: self.listed(Role::Revocations)? })
    }

    /// What the root lists now.
    pub(crate) fn root_keys(&self) -> Result<RootKeys> {
        Ok(RootKeys {
            root: self.listed(Role::Root)?,
            targets: self.listed(Role::Targets)?,
            snapshot: self.listed(Role::Snapshot)?,
            timestamp: self.listed(Role::Timestamp)?,
        })
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

    /// The next version of the list of policies: one that no candidate ever had, since somebody may have signed one that was withdrawn.
    pub(crate) async fn list_stamp(&self) -> Result<Stamp> {
        let stamp = self.stamp(Role::Targets);
        let (offered, _) = self.scene.db.candidate_marks().await?;
        let offered = u64::try_from(offered).map_err(damaged)?;
        Ok(Stamp { version: stamp.version.max(offered + 1), ..stamp })
    }

    /// The end of a root that is signed now, Unix seconds.
    pub(crate) fn root_expires(&self) -> i64 {
        self.stamp(Role::Root).expires
    }

    /// Whether the role's signature ends soon enough to be renewed now.
    pub(crate) fn is_due(&self, role: Role) -> bool {
        self.repository.stamp(role).is_none_or(|held| held.expires - self.scene.cx.now_s() <= life(role).renew_before)
    }

    /// Adds the signatures of those keys that lie here and may sign it, those that wait among them; then of those in a service, while
    /// signatures are missing.
    pub(crate) fn sign_here(&self, document: &mut Unsigned) -> Result<()> {
        let may = self.repository.may_sign(document).map_err(unsigned)?;
        for key in self.at_hand(document.role()) {
            if !may.contains(&public(key)?) {
                continue;
            }
            if is_here(key) || !self.repository.missing(document).map_err(unsigned)?.iter().all(Missing::is_met) {
                document.sign(&pen(self.scene, document.role(), key)?).map_err(unsigned)?;
            }
        }
        Ok(())
    }

    /// Takes metadata on that enough keys have signed.
    ///
    /// # Errors
    /// [`bundle::SignError`], for the caller to say in words.
    pub(crate) fn accept(&mut self, document: &Unsigned) -> Result<std::result::Result<(), SignError>> {
        let files = match self.repository.accept(document) {
            Ok(files) => files,
            Err(error) => return Ok(Err(error)),
        };
        self.take(document.role(), document.version(), files)?;
        Ok(Ok(()))
    }

    /// Signs with what is at hand, and takes it on.
    fn complete(&mut self, mut document: Unsigned) -> Result<()> {
        self.sign_here(&mut document)?;
        self.accept(&document)?.map_err(unsigned)
    }

    /// Notes files that were signed under version `version` of `role`.
    fn take(&mut self, role: Role, version: u64, files: Files) -> Result<()> {
        if role == Role::Targets {
            self.listed = true;
        }
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

    /// Signs which gateway runs which version, as the rows have it now. A pin to what may run no more is left out.
    pub(crate) async fn assign(&mut self) -> Result<()> {
        let mut rings = super::rollout::course(&self.scene.db).await?.assignment();
        let (floor, listed) = (self.repository.min_version(), self.repository.policy_versions());
        rings.pins.retain(|_, pinned| pinned.version >= floor && listed.contains(&pinned.version));
        let (keys, stamp) = (self.signers(Role::Assignment)?, self.stamp(Role::Assignment));
        let files = self.repository.assign(&as_signers(&keys), &rings, stamp).map_err(unsigned)?;
        self.take(Role::Assignment, stamp.version, files)
    }

    /// Signs the revocation list as the rows have it now.
    pub(crate) async fn revoke(&mut self) -> Result<()> {
        let (list, seq) = self.list().await?;
        let (keys, stamp) = (self.signers(Role::Revocations)?, self.stamp(Role::Revocations));
        let files = self.repository.revoke(&as_signers(&keys), &list, seq, stamp).map_err(unsigned)?;
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

    /// Signs the delegated roles anew whose signatures the list of policies vouches for no more, or that were never signed.
    pub(crate) async fn mend_delegated(&mut self) -> Result<()> {
        if self.state.assignment == 0 || !self.repository.stands(Role::Assignment).map_err(damaged)? {
            self.assign().await?;
        }
        if self.state.revocations == 0 || !self.repository.stands(Role::Revocations).map_err(damaged)? {
            self.revoke().await?;
        }
        Ok(())
    }

    /// Ends a candidate that waits, if the list of policies was signed since this was opened: it was prepared for the list before.
    pub(crate) async fn outdate(&mut self) -> Result<Option<Event>> {
        match std::mem::take(&mut self.listed) {
            true => super::candidate::outdate(self.scene).await,
            false => Ok(None),
        }
    }

    /// Signs the same content of `targets` for another while.
    pub(crate) async fn renew_targets(&mut self) -> Result<()> {
        let renewal = self.repository.prepare_targets(None, 0, self.list_stamp().await?).map_err(unsigned)?;
        self.complete(renewal)
    }

    /// Signs a next root with the same keys.
    pub(super) fn renew_root(&mut self) -> Result<()> {
        let next = self.repository.prepare_root(&self.root_keys()?, self.root_expires()).map_err(unsigned)?;
        self.complete(next)
    }

    /// Signs what belongs together and that it is the newest, and stores everything.
    pub(crate) async fn seal(mut self) -> Result<()> {
        if self.is_published() {
            let (keys, stamp) = (self.signers(Role::Snapshot)?, self.stamp(Role::Snapshot));
            let files = self.repository.snapshot(&as_signers(&keys), stamp).map_err(unsigned)?;
            self.take(Role::Snapshot, stamp.version, files)?;
        }
        self.touch().await
    }

    /// Signs that what is there is the newest, and stores everything.
    pub(super) async fn touch(mut self) -> Result<()> {
        if self.is_published() {
            let (keys, stamp) = (self.signers(Role::Timestamp)?, self.stamp(Role::Timestamp));
            let files = self.repository.timestamp(&as_signers(&keys), stamp).map_err(unsigned)?;
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
        if self.listed {
            super::candidate::outdate(self.scene).await?;
        }
        Ok(db.put(self.state).await?)
    }
}

fn as_signers<'p>(pens: &'p [Pen<'_>]) -> Vec<&'p dyn Signer> {
    pens.iter().map(|pen| pen as &dyn Signer).collect()
}
