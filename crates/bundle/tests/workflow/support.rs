//! A tenant with keys, a server that keeps files, and a gateway that follows them.

use std::collections::BTreeMap;

use bundle::{Activated, Assignment, Files, Key, KeySet, Next, Pin, Refused, Repository, Response, Stamp, Trusted, Update};

pub const NOW: i64 = 1_800_000_000;
pub const GATEWAY: &str = "gw_1";

pub fn stamp(version: u64) -> Stamp {
    Stamp { version, expires: NOW + 1000 }
}

#[derive(Debug)]
pub struct World {
    pub keys: KeySet,
    pub repository: Repository,
    pub server: Files,
    pub next: u64,
}

impl World {
    pub fn new(tenant: &str) -> Self {
        let keys = KeySet::generate().expect("randomness");
        let (repository, server) = Repository::create(tenant, &keys.root_keys(), &[&keys.root], NOW + 100_000).expect("signs");
        let mut world = Self { keys, repository, server, next: 1 };
        world.publish(1, 0);
        world.assign(1);
        world.revoke(1);
        world.seal();
        world
    }

    pub fn stamp(&mut self) -> Stamp {
        self.next += 1;
        stamp(self.next)
    }

    pub fn publish(&mut self, version: u64, floor: u64) {
        let stamp = self.stamp();
        let policy = format!("{{\"version\":{version}}}");
        let delegates = self.keys.delegates();
        let files = self.repository.publish(&[&self.keys.targets], &delegates, version, &policy, floor, stamp).expect("publishes");
        self.server.extend(files);
    }

    pub fn assign(&mut self, version: u64) {
        let stamp = self.stamp();
        let rings = Assignment::single_ring(version);
        self.server.extend(self.repository.assign(&[&self.keys.assignment], &rings, stamp).expect("assigns"));
    }

    pub fn revoke(&mut self, seq: u64) {
        let stamp = self.stamp();
        let list = format!("{{\"seq\":{seq}}}");
        let files = self.repository.revoke(&[&self.keys.revocations], &list, seq, stamp);
        self.server.extend(files.expect("revokes"));
    }

    pub fn seal(&mut self) {
        let stamp = self.stamp();
        self.server.extend(self.repository.snapshot(&[&self.keys.snapshot], stamp).expect("snapshot"));
        self.touch();
    }

    pub fn touch(&mut self) {
        let stamp = self.stamp();
        self.server.extend(self.repository.timestamp(&[&self.keys.timestamp], stamp).expect("timestamp"));
    }

    pub fn pin(&self) -> Pin {
        Pin {
            tenant: self.repository.tenant().to_owned(),
            gateway: GATEWAY.to_owned(),
            root_sha256: self.repository.root_sha256().to_owned(),
            labels: BTreeMap::new(),
        }
    }

    pub fn trusted(&self) -> Trusted {
        follow(&Trusted::new(self.pin()), &self.server, NOW).expect("an honest update").trusted
    }

    pub fn rotate(&mut self, change: impl FnOnce(&mut KeySet)) {
        let old = std::mem::replace(&mut self.keys.root, Key::generate().expect("randomness"));
        change(&mut self.keys);
        let files = self.repository.rotate(&self.keys.root_keys(), &[&old, &self.keys.root], NOW + 100_000).expect("rotates");
        self.server.extend(files);
    }
}

/// Plays an update against a server; also says what was asked for.
pub fn follow_asking(trusted: &Trusted, server: &Files, now: i64) -> (Result<Activated, Refused>, Vec<String>) {
    let mut update = Update::start(trusted, now);
    let mut asked = Vec::new();
    let mut next = update.proceed();
    loop {
        match next {
            Err(refused) => return (Err(refused), asked),
            Ok(Next::Done(activated)) => return (Ok(*activated), asked),
            Ok(Next::Fetch { path, .. }) => {
                asked.push(path.clone());
                let body = server.get(&path).cloned();
                next = update.step(Response { path, body });
            }
        }
    }
}

pub fn follow(trusted: &Trusted, server: &Files, now: i64) -> Result<Activated, Refused> {
    follow_asking(trusted, server, now).0
}

/// The path on the server that ends so, newest name last.
pub fn path(server: &BTreeMap<String, Vec<u8>>, ends: &str) -> String {
    let mut found: Vec<_> = server.keys().filter(|path| path.ends_with(ends)).cloned().collect();
    found.sort_by_key(|path| path.rsplit('/').next().and_then(|file| file.split('.').next()?.parse::<u64>().ok()));
    found.pop().expect("the file is there")
}
