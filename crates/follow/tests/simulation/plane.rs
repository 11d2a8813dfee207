//! The control plane: keys, files, and the truth about what was taken away and when.

use crate::keys::{Key, Keys};
use bundle::assignment::{Assignment, Members, Pinned, Ring};
use bundle::{Files, Repository, Role, Stamp};
use follow::News;
use policy::{
    Ceiling, Class, Effect, Entry, Issuer, Limits, McpServer, PolicySet, RevocationKey, Revocations, Risk, Rung, Scope, ScopeSet, Target,
    Tool,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const TENANT: &str = "acme";
pub const RESOURCE: &str = "https://gw.example/mcp/incident";
pub const OTHER: &str = "https://gw.example/mcp/billing";
/// Of low, high and critical risk. Each is that of the tool of the same name.
pub const SCOPES: [&str; 3] = ["logs.read", "logs.debug.write", "incidents.trigger"];
/// What a gateway does that has heard nothing for so many seconds: takes only tokens that are not older than this, then nothing that is of
/// high risk, then nothing.
pub const OLD_TOKENS_AFTER: i64 = 3_600;
pub const OLDEST_TOKEN: i64 = 600;
pub const HIGH_RISK_AFTER: i64 = 4 * 3_600;
pub const NOTHING_AFTER: i64 = 24 * 3_600;
/// The oldest sign-in that is good for the last of the scopes, seconds.
pub const OLDEST_SIGN_IN: i64 = 1_800;
/// How long a timestamp is good for, seconds.
pub const TIMESTAMP_LIFE: i64 = 60;
const LONG: i64 = 10_000_000;

/// Something that was taken away, and given back perhaps.
#[derive(Debug, Clone)]
pub struct Taken {
    pub target: Target,
    pub seq: u64,
    pub lifted: Option<u64>,
}

/// What lies on every server as of one timestamp.
pub struct Published {
    pub files: Files,
    pub timestamp: u64,
    /// The small files that a notice may carry.
    small: BTreeMap<String, String>,
}

impl Published {
    /// What a watcher is told: the newest small files, or that there are newer ones.
    pub fn news(&self, inline: bool) -> News {
        let files = if inline { self.small.clone() } else { BTreeMap::new() };
        // As a source does that ever more come to follow.
        let ack_within_ms = i64::try_from(self.timestamp % 3).unwrap_or_default() * 700;
        News { timestamp: self.timestamp, files, wait_ms: 0, ack_within_ms }
    }
}

/// Who was to run what as of one timestamp.
struct Assigned {
    assignment: Assignment,
    floor: u64,
}

pub struct Plane {
    keys: Keys,
    repository: Repository,
    files: Files,
    /// What the files were after each change: what a server that lags, or that lies, may serve.
    pub history: Vec<Arc<Published>>,
    pub policies: BTreeMap<u64, PolicySet>,
    pub taken: Vec<Taken>,
    pub seq: u64,
    /// What canaries run, what the others run, and who runs something else until when.
    canary: u64,
    live: u64,
    pins: BTreeMap<String, Pinned>,
    floor: u64,
    version: u64,
    assigned: BTreeMap<u64, Assigned>,
}

pub fn revocation_key() -> RevocationKey {
    RevocationKey::of([9; 32])
}

/// What makes a gateway a canary.
pub fn canary() -> BTreeMap<String, String> {
    BTreeMap::from([("ring".to_owned(), "canary".to_owned())])
}

impl Plane {
    pub fn new(now: i64, rng: &mut ChaCha8Rng) -> Self {
        let keys = Keys::new(rng);
        let (repository, files) = Repository::create(TENANT, &keys.root_keys(), &[&keys.root], now + LONG).expect("signs");
        let mut plane = Self {
            keys,
            repository,
            files,
            history: Vec::new(),
            policies: BTreeMap::new(),
            taken: Vec::new(),
            seq: 0,
            canary: 0,
            live: 0,
            pins: BTreeMap::new(),
            floor: 0,
            version: 0,
            assigned: BTreeMap::new(),
        };
        plane.publish(now, rng);
        plane
    }

    pub fn root_sha256(&self) -> String {
        self.repository.root_sha256().to_owned()
    }

    pub fn newest(&self) -> &Arc<Published> {
        self.history.last().expect("it was published")
    }

    fn stamp(&mut self, now: i64) -> Stamp {
        self.version += 1;
        Stamp { version: self.version, expires: now + LONG }
    }

    /// A new policy, in which roles give other scopes than before. Canaries run it first.
    pub fn publish(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        let version = self.policies.len() as u64 + 1;
        let policy = policy(version, rng);
        let text = serde_json::to_string(&policy).expect("writes");
        self.policies.insert(version, policy);
        let stamp = self.stamp(now);
        self.floor = version.saturating_sub(4).max(1);
        let files = self.repository.publish(&[&self.keys.targets], &self.keys.delegates(), version, &text, self.floor, stamp);
        self.files.extend(files.expect("publishes"));
        self.canary = version;
        self.live = self.live.max(self.floor);
        self.assign(now);
        if version == 1 {
            self.sign_list(now);
        }
        self.seal(now);
    }

    /// Somebody moves the rings: what the canaries run for all, or back, or any other of the versions that may run.
    pub fn move_rings(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        match rng.random_range(0..4) {
            0 | 1 => self.live = self.canary,
            2 => self.canary = self.live,
            _ => self.live = self.any_version(rng),
        }
        self.assign(now);
        self.seal(now);
    }

    /// Has one gateway run another version for a while, long or short.
    pub fn pin(&mut self, gateway: &str, now: i64, rng: &mut ChaCha8Rng) {
        let until = now + if rng.random_bool(0.3) { LONG } else { rng.random_range(5..60) };
        let version = self.any_version(rng);
        self.pins.insert(gateway.to_owned(), Pinned { version, until });
        self.assign(now);
        self.seal(now);
    }

    /// Takes back the pins that would end soon.
    pub fn unpin(&mut self, now: i64) {
        self.pins.retain(|_, pinned| pinned.until >= now + LONG / 2);
        self.assign(now);
        self.seal(now);
    }

    fn any_version(&self, rng: &mut ChaCha8Rng) -> u64 {
        let versions = self.repository.policy_versions();
        versions[rng.random_range(0..versions.len())]
    }

    fn assign(&mut self, now: i64) {
        self.pins.retain(|_, pinned| pinned.version >= self.floor);
        let lowest = self.pins.values().map(|pinned| pinned.version).chain([self.canary, self.live]).min();
        let rings = vec![
            Ring { name: "canary".into(), members: Members::Labels(canary()), version: self.canary },
            Ring { name: "all".into(), members: Members::All, version: self.live },
        ];
        let assignment = Assignment { rings, pins: self.pins.clone(), min_version: lowest.unwrap_or_default() };
        let stamp = self.stamp(now);
        self.files.extend(self.repository.assign(&[&self.keys.assignment], &assignment, stamp).expect("assigns"));
    }

    fn assignment(&self) -> Assigned {
        let ring = |name: &str, members, version| Ring { name: name.into(), members, version };
        let rings = vec![ring("canary", Members::Labels(canary()), self.canary), ring("all", Members::All, self.live)];
        Assigned { assignment: Assignment { rings, pins: self.pins.clone(), min_version: 0 }, floor: self.floor }
    }

    /// What this gateway was to run as of a timestamp: its ring's version, or its pin's while that lasts; and no less than what.
    pub fn due(&self, timestamp: u64, gateway: &str, is_canary: bool) -> (Vec<u64>, u64) {
        let Assigned { assignment, floor } = self.assigned.get(&timestamp).expect("a timestamp that was signed");
        let ring = assignment.rings[usize::from(!is_canary)].version;
        (assignment.pins.get(gateway).map(|pinned| pinned.version).into_iter().chain([ring]).collect(), *floor)
    }

    /// What this gateway has to run in the end.
    pub fn due_now(&self, gateway: &str, is_canary: bool) -> u64 {
        let ring = if is_canary { self.canary } else { self.live };
        self.pins.get(gateway).map_or(ring, |pinned| pinned.version)
    }

    pub fn revoke(&mut self, target: Target, now: i64) {
        self.seq += 1;
        self.taken.push(Taken { target, seq: self.seq, lifted: None });
        self.sign_list(now);
        self.seal(now);
    }

    /// Gives one back, if there is one that can be.
    pub fn lift(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        self.lift_one(Target::is_block, now, rng);
    }

    /// Gives back what stops a whole server, or everything.
    pub fn lift_wide(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        self.lift_one(|target| matches!(target, Target::Server(_) | Target::Tenant), now, rng);
    }

    fn lift_one(&mut self, which: impl Fn(&Target) -> bool, now: i64, rng: &mut ChaCha8Rng) {
        let blocks: Vec<usize> =
            (0..self.taken.len()).filter(|at| which(&self.taken[*at].target) && self.taken[*at].lifted.is_none()).collect();
        if blocks.is_empty() {
            return;
        }
        self.seq += 1;
        self.taken[blocks[rng.random_range(0..blocks.len())]].lifted = Some(self.seq);
        self.sign_list(now);
        self.seal(now);
    }

    fn sign_list(&mut self, now: i64) {
        let key = revocation_key();
        let standing = self.taken.iter().filter(|taken| taken.lifted.is_none());
        let entries = standing.map(|taken| Entry::new(&key, format!("rev_{}", taken.seq), taken.seq, &taken.target, None)).collect();
        let list = serde_json::to_string(&Revocations::new(TENANT.into(), self.seq, entries)).expect("writes");
        let stamp = self.stamp(now);
        self.files.extend(self.repository.revoke(&[&self.keys.revocations], &list, self.seq, stamp).expect("revokes"));
    }

    /// Another key for one of the roles.
    pub fn rotate(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        let (key, root) = (Key::new(rng), Key::new(rng));
        match rng.random_range(0..5) {
            0 => self.next_root(now, root, |_| ()),
            1 => self.next_root(now, root, |keys| keys.timestamp = key),
            2 => self.next_root(now, root, |keys| keys.snapshot = key),
            3 => {
                self.keys.assignment = key;
                self.relist(now);
                self.assign(now);
            }
            _ => {
                self.keys.revocations = key;
                self.relist(now);
                self.sign_list(now);
            }
        }
        self.seal(now);
    }

    fn next_root(&mut self, now: i64, root: Key, change: impl FnOnce(&mut Keys)) {
        let old = std::mem::replace(&mut self.keys.root, root);
        change(&mut self.keys);
        let files = self.repository.rotate(&self.keys.root_keys(), &[&old, &self.keys.root], now + LONG).expect("rotates");
        self.files.extend(files);
    }

    fn relist(&mut self, now: i64) {
        let (delegates, stamp) = (self.keys.delegates(), self.stamp(now));
        let mut targets = self.repository.prepare_targets(Some(&delegates), 0, stamp).expect("prepares");
        targets.sign(&self.keys.targets).expect("signs");
        self.files.extend(self.repository.accept(&targets).expect("complete"));
    }

    fn seal(&mut self, now: i64) {
        let stamp = self.stamp(now);
        self.files.extend(self.repository.snapshot(&[&self.keys.snapshot], stamp).expect("snapshot"));
        self.touch(now);
    }

    /// Signs anew that what there is is the newest.
    pub fn touch(&mut self, now: i64) {
        let stamp = Stamp { expires: now + TIMESTAMP_LIFE, ..self.stamp(now) };
        self.files.extend(self.repository.timestamp(&[&self.keys.timestamp], stamp).expect("timestamp"));
        self.assigned.insert(stamp.version, self.assignment());
        let published = Published { files: self.files.clone(), timestamp: stamp.version, small: self.small() };
        self.history.push(Arc::new(published));
        if self.history.len() > 12 {
            self.history.remove(0);
        }
    }

    pub fn timestamp(&self) -> u64 {
        self.newest().timestamp
    }

    pub fn timestamp_expires(&self) -> i64 {
        self.repository.stamp(Role::Timestamp).map_or(0, |stamp| stamp.expires)
    }

    fn small(&self) -> BTreeMap<String, String> {
        let role = |role: Role| role.path(self.repository.stamp(role).expect("signed").version);
        let roles = [Role::Timestamp, Role::Snapshot, Role::Assignment, Role::Revocations].map(role);
        let is_small = |path: &str| {
            roles.iter().any(|role| role == path) || path.starts_with("targets/revocations/") || path.starts_with("targets/assignment/")
        };
        let small = self.files.iter().filter(|(path, _)| is_small(path));
        small.map(|(path, body)| (path.clone(), String::from_utf8(body.clone()).expect("text"))).collect()
    }
}

fn policy(version: u64, rng: &mut ChaCha8Rng) -> PolicySet {
    let scope = |name: &str, risk, max_auth_age| (name.into(), Scope { sentence: String::new(), risk, max_auth_age, acr: None });
    let tool = |name: &str| (name.into(), Tool { scope: Some(name.into()), digest: None, arguments: None, limit: None });
    let server = |name: &str| McpServer { name: name.into(), upstream: "https://up.example/mcp".into(), tools: SCOPES.map(tool).into() };
    let rung = |after, effect| Rung { after, effect };
    let mut some = || -> ScopeSet { SCOPES.into_iter().filter(|_| rng.random_bool(0.5)).collect() };
    let any = |name: &str| BTreeMap::from([(name.to_owned(), Class { ceiling: Ceiling::Any })]);
    PolicySet {
        tenant: TENANT.into(),
        version,
        issuers: vec![Issuer { issuer: "https://writ.example/t/acme".into(), jwks: serde_json::json!({ "keys": [] }) }],
        servers: BTreeMap::from([(RESOURCE.to_owned(), server("incident")), (OTHER.to_owned(), server("billing"))]),
        scopes: [
            scope(SCOPES[0], Risk::Low, None),
            scope(SCOPES[1], Risk::High, None),
            scope(SCOPES[2], Risk::Critical, Some(OLDEST_SIGN_IN)),
        ]
        .into(),
        roles: [("developer".into(), some()), ("sre".into(), some())].into(),
        client_classes: any("ide"),
        agent_classes: any("assistant"),
        narrowed: BTreeMap::new(),
        ladder: vec![
            rung(0, Effect::Alarm),
            rung(OLD_TOKENS_AFTER, Effect::CapTokenAge(OLDEST_TOKEN)),
            rung(HIGH_RISK_AFTER, Effect::DenyHighRisk),
            rung(NOTHING_AFTER, Effect::DenyAll),
        ],
        limits: Limits::default(),
        revocation_key: revocation_key(),
        audit_log: String::new(),
    }
}
