//! The workflow itself, as one straight line from the pinned root to the target files.
//!
//! It runs from the top each time a file has arrived and stops at the first one it lacks, so that the order of checks
//! reads as in the specification. What was verified before is remembered in [`Proofs`], so that running again costs next to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::blob::Blob;
use super::floors::{Floor, Floors, not_below};
use super::proofs::{Proofs, Provable};
use super::{Content, Pin, Refused};
use crate::assignment::{Assignment, Member};
use crate::canonical::canonical;
use crate::layout::{REVOCATION_LIST, RINGS, Role, policy_name, target_path};
use crate::schema::{
    Common, DelegatedRole, Envelope, KeyRecord, Meta, MetaFile, RoleKeys, Root, TargetFile, Targets, count_signatures, read_time,
};

/// Bounds in bytes on what is read before anything about it is known.
const MAX_ROOT: u64 = 512 * 1024;
const MAX_TIMESTAMP: u64 = 16 * 1024;
const MAX_SNAPSHOT: u64 = 256 * 1024;
const MAX_TARGETS: u64 = 4 * 1024 * 1024;
const MAX_RINGS: u64 = 16 * 1024 * 1024;
const MAX_CONTENT: u64 = 64 * 1024 * 1024;
/// The longest that a timestamp may be good for, seconds. Exports for an air gap last for up to 30 days; one that says more was not made by us,
/// and would let whoever signed it once withhold all that comes after it.
const LONGEST_FRESH: i64 = 31 * 86_400;
/// Roots in one chain. A repository that replaces its root monthly gets here after 85 years.
const MAX_ROOTS: u64 = 1024;

/// Verified metadata.
#[derive(Debug, Clone)]
pub(super) struct Opened<T> {
    pub version: u64,
    pub expires: i64,
    pub body: T,
}

/// Everything that one complete run accepted.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// What the next ones may not be older than.
    pub floors: Floors,
    /// Version of the timestamp.
    pub timestamp: u64,
    /// End of the timestamp, Unix seconds.
    pub fresh_until: i64,
    pub policy: Content,
    pub list: Content,
    pub expiries: Vec<(String, i64)>,
    pub files: BTreeMap<String, Arc<Blob>>,
    pub proofs: Proofs,
}

/// Answers so far in one update.
pub(super) type Answers = BTreeMap<String, Option<Arc<Blob>>>;

/// Where files come from.
pub(super) enum Source<'a> {
    /// The kept state alone, with the policy version that was in force. Expiry is noted, not refused, and the version is not chosen anew:
    /// a pin may have ended or labels may have changed since, and the policy that would then be due is not at hand.
    Kept { files: &'a BTreeMap<String, Arc<Blob>>, policy: u64 },
    /// The server, with the kept state as a cache for what is referred to by digest.
    Server { kept: &'a BTreeMap<String, Arc<Blob>>, answers: &'a Answers, probe_roots: bool },
}

/// Why a run ended early.
pub(super) enum Stop {
    Need { path: String, max_len: u64 },
    Refused(Refused),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

pub(super) struct Workflow<'a> {
    pub pin: &'a Pin,
    pub now: i64,
    pub floors: Option<&'a Floors>,
    pub source: Source<'a>,
    pub proofs: &'a mut Proofs,
}

/// Keys that judge a file: where they are defined, and the role's share of them.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub keys: &'a BTreeMap<String, KeyRecord>,
    pub role: &'a RoleKeys,
    /// Tells two judges of one file apart (a root is judged twice).
    pub label: &'static str,
}

impl Judge<'_> {
    /// The label of a root that is judged by the keys that it lists.
    pub const ITSELF: &'static str = "itself";
}

/// Length and digest that signed metadata says of a file.
struct Reference<'a> {
    length: u64,
    sha256: &'a str,
}

impl Workflow<'_> {
    pub fn run(mut self) -> Result<Accepted, Stop> {
        let mut files = BTreeMap::new();
        let mut expiries = Vec::new();
        let floors = self.floors;

        let root = self.roots(&mut files)?;
        let root_path = Role::Root.path(root.version);
        not_below(&root_path, floors.map(|floors| floors.root), root.version)?;
        self.check_expiry(&root_path, root.expires, &mut expiries)?;
        let keys = &root.body.keys;
        let roles = &root.body.roles;

        // Timestamp. An equal version is no change: what was accepted first is what counts.
        let path = Role::Timestamp.path(0);
        let judge = Judge { keys, role: &roles.timestamp, label: "root" };
        let mut file = self.timestamp_file(&path)?;
        let mut timestamp: Arc<Opened<Meta>> = self.open(Role::Timestamp, 0, &file, judge)?;
        let floor = floors.and_then(|floors| floors.timestamp.under(judge.role));
        not_below(&path, floor, timestamp.version)?;
        if floor == Some(timestamp.version)
            && let Some(kept) = self.kept().get(&path).cloned()
            && kept != file
        {
            timestamp = self.open(Role::Timestamp, 0, &kept, judge)?;
            file = kept;
        }
        self.check_expiry(&path, timestamp.expires, &mut expiries)?;
        if timestamp.expires.saturating_sub(self.now) > LONGEST_FRESH && matches!(self.source, Source::Server { .. }) {
            return Err(Refused::FreshTooLong { file: path, expires_at: timestamp.expires, now: self.now }.into());
        }
        files.insert(path.clone(), file);

        // Snapshot.
        let listed = listed(&timestamp.body, &path, Role::Snapshot)?;
        let judge = Judge { keys, role: &roles.snapshot, label: "root" };
        let floor = floors.and_then(|floors| floors.snapshot.under(judge.role));
        let snapshot: Arc<Opened<Meta>> = self.metadata(Role::Snapshot, listed, MAX_SNAPSHOT, judge, floor, &mut files)?;
        let snapshot_path = Role::Snapshot.path(snapshot.version);
        self.check_expiry(&snapshot_path, snapshot.expires, &mut expiries)?;

        // Targets. Every role has to be listed before any of them is fetched.
        let listed_targets = self::listed(&snapshot.body, &snapshot_path, Role::Targets)?;
        let listed_assignment = self::listed(&snapshot.body, &snapshot_path, Role::Assignment)?;
        let listed_revocations = self::listed(&snapshot.body, &snapshot_path, Role::Revocations)?;
        let judge = Judge { keys, role: &roles.targets, label: "root" };
        let floor = floors.and_then(|floors| floors.targets.under(judge.role));
        let targets: Arc<Opened<Targets>> = self.metadata(Role::Targets, listed_targets, MAX_TARGETS, judge, floor, &mut files)?;
        let targets_path = Role::Targets.path(targets.version);
        self.check_expiry(&targets_path, targets.expires, &mut expiries)?;

        // The two delegated roles.
        let floor = floors.map(|floors| &floors.assignment);
        let (assignment, assignment_keys) =
            self.delegated(Role::Assignment, RINGS, &targets, listed_assignment, floor, &mut files, &mut expiries)?;
        let floor = floors.map(|floors| &floors.revocations);
        let (revocations, revocations_keys) =
            self.delegated(Role::Revocations, REVOCATION_LIST, &targets, listed_revocations, floor, &mut files, &mut expiries)?;

        // Which policy this gateway runs.
        let rings_path = Role::Assignment.path(assignment.version);
        let rings = self.target(RINGS, target(&assignment.body, &rings_path, RINGS)?, MAX_RINGS, &mut files)?;
        let rings: Assignment = serde_json::from_str(rings.text()).map_err(|error| Refused::malformed(RINGS, error))?;
        let version = match self.source {
            // Whichever it was, some gateway was told to run it.
            Source::Kept { policy, .. } if !rings.versions().any(|version| version == policy) => {
                return Err(Refused::NotAssigned(self.pin.gateway.clone()).into());
            }
            Source::Kept { policy, .. } => policy,
            Source::Server { .. } => {
                let Pin { tenant, gateway, labels, .. } = self.pin;
                let assigned = rings.version_for(&Member { tenant, gateway, labels }, self.now);
                assigned.ok_or_else(|| Refused::NotAssigned(gateway.clone()))?
            }
        };
        let floor = targets.body.min_version.unwrap_or(0).max(rings.min_version);
        if version < floor {
            return Err(Refused::BelowFloor { version, floor }.into());
        }
        let name = policy_name(version);
        let listed = targets.body.targets.get(&name).ok_or(Refused::NotListed(version))?;

        // The list first: it is small, and taking away is urgent.
        let list_path = Role::Revocations.path(revocations.version);
        let list_file = target(&revocations.body, &list_path, REVOCATION_LIST)?;
        let seq = list_file.custom.as_ref().and_then(|custom| custom.seq);
        let seq = seq.ok_or_else(|| Refused::malformed(&list_path, "the list has no sequence"))?;
        not_below(REVOCATION_LIST, floors.and_then(|floors| floors.seq_under(&revocations_keys)), seq)?;
        let list = self.target(REVOCATION_LIST, list_file, MAX_CONTENT, &mut files)?;
        let policy = self.target(&name, listed, MAX_CONTENT, &mut files)?;

        Ok(Accepted {
            floors: Floors {
                root: root.version,
                timestamp: Floor::new(timestamp.version, &roles.timestamp),
                snapshot: Floor::new(snapshot.version, &roles.snapshot),
                targets: Floor::new(targets.version, &roles.targets),
                assignment: Floor::new(assignment.version, &assignment_keys),
                revocations: Floor::new(revocations.version, &revocations_keys),
                seq,
            },
            timestamp: timestamp.version,
            fresh_until: timestamp.expires,
            policy: Content { file: policy, version },
            list: Content { file: list, version: revocations.version },
            expiries,
            proofs: self.proofs.about(&files),
            files,
        })
    }

    /// The chain of roots from the pinned first one, each signed by the keys of the one before and by its own.
    fn roots(&mut self, files: &mut BTreeMap<String, Arc<Blob>>) -> Result<Arc<Opened<Root>>, Stop> {
        let first_path = Role::Root.path(1);
        let first = self.root_file(1)?.ok_or_else(|| Refused::Missing { file: first_path.clone() })?;
        let found = first.sha256();
        if found != self.pin.root_sha256 {
            return Err(Refused::PinnedRootMismatch { expected: self.pin.root_sha256.clone(), found: found.to_owned() }.into());
        }
        let mut root = self.open_root(1, &first, None)?;
        files.insert(first_path, first);
        while let Some(file) = self.root_file(root.version + 1)? {
            let version = root.version + 1;
            if version > MAX_ROOTS {
                return Err(Refused::TooManyRoots(MAX_ROOTS).into());
            }
            root = self.open_root(version, &file, Some(&root.body))?;
            files.insert(Role::Root.path(version), file);
        }
        Ok(root)
    }

    fn open_root(&mut self, version: u64, file: &Arc<Blob>, previous: Option<&Root>) -> Result<Arc<Opened<Root>>, Stop> {
        let path = Role::Root.path(version);
        if let Some(previous) = previous {
            let judge = Judge { keys: &previous.keys, role: &previous.roles.root, label: "previous root" };
            self.open::<Root>(Role::Root, version, file, judge)?;
        }
        let root = match self.proofs.find_root(version, file) {
            Some(root) => root,
            None => {
                let parsed: Root = parse(&path, file.text())?.1;
                let judge = Judge { keys: &parsed.keys, role: &parsed.roles.root, label: Judge::ITSELF };
                self.open::<Root>(Role::Root, version, file, judge)?
            }
        };
        same_version(&path, version, root.version)?;
        if !root.body.consistent_snapshot {
            return Err(Refused::malformed(&path, "consistent_snapshot has to be true").into());
        }
        Ok(root)
    }

    fn root_file(&self, version: u64) -> Result<Option<Arc<Blob>>, Stop> {
        let path = Role::Root.path(version);
        if let Some(kept) = self.kept().get(&path) {
            return Ok(Some(Arc::clone(kept)));
        }
        match &self.source {
            Source::Kept { .. } => Ok(None),
            Source::Server { probe_roots: false, .. } => Ok(None),
            Source::Server { answers, .. } => match answers.get(&path) {
                Some(answer) => Ok(answer.clone()),
                None => Err(Stop::Need { path, max_len: MAX_ROOT }),
            },
        }
    }

    fn timestamp_file(&self, path: &str) -> Result<Arc<Blob>, Stop> {
        let missing = || Refused::Missing { file: path.to_owned() };
        match &self.source {
            Source::Kept { files, .. } => Ok(files.get(path).cloned().ok_or_else(missing)?),
            Source::Server { answers, .. } => match answers.get(path) {
                Some(answer) => Ok(answer.clone().ok_or_else(missing)?),
                None => Err(Stop::Need { path: path.to_owned(), max_len: MAX_TIMESTAMP }),
            },
        }
    }

    /// A file that is referred to by length and digest.
    fn referred(&self, path: &str, reference: &Reference<'_>, limit: u64) -> Result<Arc<Blob>, Stop> {
        if reference.length > limit {
            return Err(Refused::TooLarge { file: path.to_owned(), limit }.into());
        }
        let missing = || Refused::Missing { file: path.to_owned() };
        match &self.source {
            Source::Kept { files, .. } => {
                let file = files.get(path).ok_or_else(missing)?;
                matches(path, file, reference)?;
                Ok(Arc::clone(file))
            }
            Source::Server { kept, answers, .. } => {
                if let Some(file) = kept.get(path)
                    && matches(path, file, reference).is_ok()
                {
                    return Ok(Arc::clone(file));
                }
                match answers.get(path) {
                    Some(answer) => {
                        let file = answer.as_ref().ok_or_else(missing)?;
                        matches(path, file, reference)?;
                        Ok(Arc::clone(file))
                    }
                    None => Err(Stop::Need { path: path.to_owned(), max_len: reference.length }),
                }
            }
        }
    }

    fn metadata<T: Provable + for<'a> Deserialize<'a>>(
        &mut self,
        role: Role,
        listed: &MetaFile,
        limit: u64,
        judge: Judge<'_>,
        floor: Option<u64>,
        files: &mut BTreeMap<String, Arc<Blob>>,
    ) -> Result<Arc<Opened<T>>, Stop> {
        let path = role.path(listed.version);
        not_below(&path, floor, listed.version)?;
        let reference = Reference { length: listed.length, sha256: &listed.hashes.sha256 };
        let file = self.referred(&path, &reference, limit)?;
        let opened: Arc<Opened<T>> = self.open(role, listed.version, &file, judge)?;
        same_version(&path, listed.version, opened.version)?;
        files.insert(path, file);
        Ok(opened)
    }

    /// A delegated role, with the keys that targets gives it.
    #[expect(clippy::too_many_arguments, reason = "one call site for each of two roles, every argument a different thing")]
    fn delegated(
        &mut self,
        role: Role,
        name: &str,
        targets: &Opened<Targets>,
        listed: &MetaFile,
        floor: Option<&Floor>,
        files: &mut BTreeMap<String, Arc<Blob>>,
        expiries: &mut Vec<(String, i64)>,
    ) -> Result<(Arc<Opened<Targets>>, RoleKeys), Stop> {
        let targets_path = Role::Targets.path(targets.version);
        let delegation =
            delegation(&targets.body, role).ok_or_else(|| Refused::MissingRole { file: targets_path.clone(), role: role.name() })?;
        if !delegation.paths.iter().any(|path| path == name || *path == format!("{}/*", role.name())) {
            return Err(Refused::malformed(&targets_path, format!("{role} may not sign {name}")).into());
        }
        let role_keys = delegation.role_keys();
        let floor = floor.and_then(|floor| floor.under(&role_keys));
        let empty = BTreeMap::new();
        let keys = targets.body.delegations.as_ref().map_or(&empty, |delegations| &delegations.keys);
        let judge = Judge { keys, role: &role_keys, label: "targets" };
        let opened: Arc<Opened<Targets>> = self.metadata(role, listed, MAX_TARGETS, judge, floor, files)?;
        self.check_expiry(&role.path(opened.version), opened.expires, expiries)?;
        Ok((opened, role_keys))
    }

    fn target(&self, name: &str, file: &TargetFile, limit: u64, files: &mut BTreeMap<String, Arc<Blob>>) -> Result<Arc<Blob>, Stop> {
        // The digest becomes part of a path: nothing but hex may.
        let sha256 = &file.hashes.sha256;
        if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Refused::malformed(name, "its digest is not lower-case hex").into());
        }
        let path = target_path(name, sha256);
        let blob = self.referred(&path, &Reference { length: file.length, sha256 }, limit)?;
        files.insert(path, Arc::clone(&blob));
        Ok(blob)
    }

    /// Checks signatures, type and tenant of the role's file of this version, in this order: nothing unsigned is interpreted.
    fn open<T>(&mut self, role: Role, version: u64, file: &Arc<Blob>, judge: Judge<'_>) -> Result<Arc<Opened<T>>, Stop>
    where
        T: Provable + for<'a> Deserialize<'a>,
    {
        if let Some(opened) = self.proofs.find(role, version, file, judge) {
            return Ok(opened);
        }
        let opened = Arc::new(check(role, &role.path(version), file.text(), judge, &self.pin.tenant)?);
        self.proofs.add(role, version, file, judge, &opened);
        Ok(opened)
    }

    fn check_expiry(&self, path: &str, expires: i64, noted: &mut Vec<(String, i64)>) -> Result<(), Stop> {
        noted.push((path.to_owned(), expires));
        if expires <= self.now && matches!(self.source, Source::Server { .. }) {
            return Err(Refused::Expired { file: path.to_owned(), expired_at: expires, now: self.now }.into());
        }
        Ok(())
    }

    fn kept(&self) -> &BTreeMap<String, Arc<Blob>> {
        match &self.source {
            Source::Kept { files: kept, .. } | Source::Server { kept, .. } => kept,
        }
    }
}

pub(super) fn parse<T: for<'a> Deserialize<'a>>(path: &str, text: &str) -> Result<(Envelope, T), Refused> {
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| Refused::malformed(path, error))?;
    let body = T::deserialize(&envelope.signed).map_err(|error| Refused::malformed(path, error))?;
    Ok((envelope, body))
}

/// Checks signatures, specification, type and tenant.
pub(super) fn check<T: for<'a> Deserialize<'a>>(
    role: Role,
    path: &str,
    text: &str,
    judge: Judge<'_>,
    tenant: &str,
) -> Result<Opened<T>, Refused> {
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| Refused::malformed(path, error))?;
    let message = canonical(&envelope.signed).map_err(|error| Refused::malformed(path, error))?;
    let valid = count_signatures(&message, &envelope.signatures, judge.keys, judge.role)
        .map_err(|why| Refused::malformed(path, format!("{role} keys as listed by {}: {why}", judge.label)))?;
    if valid < judge.role.threshold {
        return Err(Refused::BadSignature { file: path.to_owned(), valid, threshold: judge.role.threshold });
    }
    let common = Common::deserialize(&envelope.signed).map_err(|error| Refused::malformed(path, error))?;
    if common.type_name != role.type_name() {
        let expected = role.type_name().to_owned();
        return Err(Refused::WrongType { file: path.to_owned(), expected, found: common.type_name });
    }
    if !common.spec_version.starts_with("1.") {
        return Err(Refused::malformed(path, format!("specification {:?} is not 1.x", common.spec_version)));
    }
    if common.tenant != tenant {
        let expected = tenant.to_owned();
        return Err(Refused::ForeignTenant { file: path.to_owned(), expected, found: common.tenant });
    }
    let expires = read_time(&common.expires).ok_or_else(|| Refused::malformed(path, "its expiry is not a UTC time"))?;
    let body = T::deserialize(&envelope.signed).map_err(|error| Refused::malformed(path, error))?;
    Ok(Opened { version: common.version, expires, body })
}

fn matches(path: &str, file: &Blob, reference: &Reference<'_>) -> Result<(), Refused> {
    let length = file.text().len() as u64;
    if length != reference.length {
        return Err(Refused::LengthMismatch { file: path.to_owned(), expected: reference.length, found: length });
    }
    if file.sha256() != reference.sha256 {
        let (expected, found) = (reference.sha256.to_owned(), file.sha256().to_owned());
        return Err(Refused::HashMismatch { file: path.to_owned(), expected, found });
    }
    Ok(())
}

pub(super) fn same_version(path: &str, expected: u64, found: u64) -> Result<(), Refused> {
    if expected == found { Ok(()) } else { Err(Refused::WrongVersion { file: path.to_owned(), expected, found }) }
}

fn listed<'a>(meta: &'a Meta, path: &str, role: Role) -> Result<&'a MetaFile, Refused> {
    let missing = || Refused::MissingRole { file: path.to_owned(), role: role.name() };
    meta.meta.get(&role.meta_name()).ok_or_else(missing)
}

fn target<'a>(targets: &'a Targets, path: &str, name: &str) -> Result<&'a TargetFile, Refused> {
    let missing = || Refused::malformed(path, format!("it does not list {name}"));
    targets.targets.get(name).ok_or_else(missing)
}

/// The delegation of a role, if there is exactly one: two would leave open which of them counts.
fn delegation(targets: &Targets, role: Role) -> Option<&DelegatedRole> {
    let mut found = targets.delegations.as_ref()?.roles.iter().filter(|held| held.name == role.name());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}
