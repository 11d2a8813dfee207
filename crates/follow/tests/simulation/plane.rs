//! The control plane: keys, files, and the truth about what was taken away and when.

use bundle::assignment::{Assignment, Members, Ring};
use bundle::{Files, Key, KeySet, Repository, Role, Stamp};
use follow::News;
use policy::{Ceiling, Class, Entry, Issuer, Limits, McpServer, PolicySet, RevocationKey, Revocations, Risk, Rung, Scope, Target, Tool};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

pub const TENANT: &str = "acme";
pub const RESOURCE: &str = "https://gw.example/mcp/incident";
pub const SCOPES: [&str; 3] = ["logs.read", "logs.debug.write", "incidents.trigger"];
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

pub struct Plane {
    keys: KeySet,
    repository: Repository,
    /// What every server has, by path.
    pub files: Files,
    /// What the files were after each change: what a stale or hostile server may serve.
    pub history: Vec<Files>,
    pub policies: BTreeMap<u64, PolicySet>,
    pub taken: Vec<Taken>,
    pub seq: u64,
    pub live: u64,
    version: u64,
    /// Whether the newest change also changed a key: then news brings the root.
    root: u64,
}

pub fn revocation_key() -> RevocationKey {
    RevocationKey::of([9; 32])
}

impl Plane {
    pub fn new(now: i64, rng: &mut ChaCha8Rng) -> Self {
        let keys = KeySet::generate().expect("randomness");
        let (repository, files) = Repository::create(TENANT, &keys.root_keys(), &[&keys.root], now + LONG).expect("signs");
        let mut plane = Self {
            keys,
            repository,
            files,
            history: Vec::new(),
            policies: BTreeMap::new(),
            taken: Vec::new(),
            seq: 0,
            live: 0,
            version: 0,
            root: 1,
        };
        plane.publish(now, rng);
        plane
    }

    pub fn root_sha256(&self) -> String {
        self.repository.root_sha256().to_owned()
    }

    fn stamp(&mut self, now: i64) -> Stamp {
        self.version += 1;
        Stamp { version: self.version, expires: now + LONG }
    }

    /// A new policy, in which roles give other scopes than before.
    pub fn publish(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        let version = self.policies.len() as u64 + 1;
        let policy = policy(version, rng);
        let text = serde_json::to_string(&policy).expect("writes");
        self.policies.insert(version, policy);
        let stamp = self.stamp(now);
        let floor = version.saturating_sub(4).max(1);
        let files = self.repository.publish(&[&self.keys.targets], &self.keys.delegates(), version, &text, floor, stamp);
        self.files.extend(files.expect("publishes"));
        self.assign(version, now);
        if version == 1 {
            self.sign_list(now);
        }
        self.seal(now);
    }

    /// Has the fleet run another of the versions that may run.
    pub fn move_to_another(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        let versions = self.repository.policy_versions();
        self.assign(versions[rng.random_range(0..versions.len())], now);
        self.seal(now);
    }

    fn assign(&mut self, version: u64, now: i64) {
        let assignment =
            Assignment { rings: vec![Ring { name: "all".into(), members: Members::All, version }], pins: BTreeMap::new(), min_version: 0 };
        let stamp = self.stamp(now);
        self.files.extend(self.repository.assign(&[&self.keys.assignment], &assignment, stamp).expect("assigns"));
        self.live = version;
    }

    pub fn revoke(&mut self, target: Target, now: i64) {
        self.seq += 1;
        self.taken.push(Taken { target, seq: self.seq, lifted: None });
        self.sign_list(now);
        self.seal(now);
    }

    /// Gives one back, if there is one that can be.
    pub fn lift(&mut self, now: i64, rng: &mut ChaCha8Rng) {
        let blocks: Vec<usize> =
            (0..self.taken.len()).filter(|at| self.taken[*at].target.is_block() && self.taken[*at].lifted.is_none()).collect();
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
        let key = || Key::generate().expect("randomness");
        match rng.random_range(0..5) {
            0 => self.next_root(now, |_| ()),
            1 => self.next_root(now, |keys| keys.timestamp = key()),
            2 => self.next_root(now, |keys| keys.snapshot = key()),
            3 => {
                self.keys.assignment = key();
                self.relist(now);
                self.assign(self.live, now);
            }
            _ => {
                self.keys.revocations = key();
                self.relist(now);
                self.sign_list(now);
            }
        }
        self.seal(now);
    }

    fn next_root(&mut self, now: i64, change: impl FnOnce(&mut KeySet)) {
        let old = std::mem::replace(&mut self.keys.root, Key::generate().expect("randomness"));
        change(&mut self.keys);
        let files = self.repository.rotate(&self.keys.root_keys(), &[&old, &self.keys.root], now + LONG).expect("rotates");
        self.files.extend(files);
        self.root += 1;
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
        self.history.push(self.files.clone());
        if self.history.len() > 12 {
            self.history.remove(0);
        }
    }

    /// Version of the newest timestamp.
    pub fn timestamp(&self) -> u64 {
        self.repository.stamp(Role::Timestamp).map_or(0, |stamp| stamp.version)
    }

    pub fn timestamp_expires(&self) -> i64 {
        self.repository.stamp(Role::Timestamp).map_or(0, |stamp| stamp.expires)
    }

    /// What a watcher is told: the newest small files, or that there are newer ones.
    pub fn news(&self, inline: bool) -> News {
        let mut files = BTreeMap::new();
        if inline {
            let text = |path: &str| String::from_utf8(self.files[path].clone()).expect("text");
            for role in [Role::Snapshot, Role::Assignment, Role::Revocations] {
                let path = role.path(self.repository.stamp(role).expect("signed").version);
                files.insert(path.clone(), text(&path));
            }
            files.insert(Role::Timestamp.path(0), text(&Role::Timestamp.path(0)));
            let small =
                self.files.iter().filter(|(path, _)| path.starts_with("targets/revocations/") || path.starts_with("targets/assignment/"));
            files.extend(small.map(|(path, body)| (path.clone(), String::from_utf8(body.clone()).expect("text"))));
        }
        // As a source does that ever more come to follow.
        let ack_within_ms = i64::try_from(self.timestamp() % 3).unwrap_or_default() * 700;
        News { timestamp: self.timestamp(), files, wait_ms: 0, ack_within_ms }
    }
}

fn policy(version: u64, rng: &mut ChaCha8Rng) -> PolicySet {
    let scope = |name: &str, risk| (name.to_owned(), Scope { sentence: String::new(), risk, max_auth_age: None, acr: None });
    let tool = |name: &str| (name.to_owned(), Tool { scope: Some(name.to_owned()), digest: None, arguments: None, limit: None });
    let mut some = || -> BTreeSet<String> { SCOPES.iter().filter(|_| rng.random_bool(0.7)).map(|scope| (*scope).to_owned()).collect() };
    let any = |name: &str| BTreeMap::from([(name.to_owned(), Class { ceiling: Ceiling::Any })]);
    PolicySet {
        tenant: TENANT.into(),
        version,
        issuers: vec![Issuer { issuer: "https://writ.example/t/acme".into(), jwks: serde_json::json!({ "keys": [] }) }],
        servers: BTreeMap::from([(
            RESOURCE.to_owned(),
            McpServer { name: "incident".into(), upstream: "https://up.example/mcp".into(), tools: SCOPES.map(tool).into() },
        )]),
        scopes: [scope(SCOPES[0], Risk::Low), scope(SCOPES[1], Risk::High), scope(SCOPES[2], Risk::Critical)].into(),
        roles: [("developer".to_owned(), some()), ("sre".to_owned(), some())].into(),
        client_classes: any("ide"),
        agent_classes: any("assistant"),
        narrowed: BTreeMap::new(),
        ladder: Rung::default_ladder(),
        limits: Limits::default(),
        revocation_key: revocation_key(),
        audit_log: String::new(),
    }
}
