//! A tenant's repository at two times, and a gateway that followed it at the first.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bundle::assignment::{Members, Pinned, Ring};
use bundle::canonical::canonical;
use bundle::{
    Activated, Assignment, Files, Key, KeySet, Next, Pin, Refused, Repository, Response, Role, Signer as _, Stamp, Trusted, Update,
    sha256_hex,
};
use serde_json::{Value, json};

use super::keys::{FixedKey, metadata_key, pkcs8};
use super::policy::{policy_text, revocations_text};
use super::{NOW, TENANT};

/// The gateway's id.
pub const GATEWAY: &str = "gw_1";
/// When the sample metadata ends, Unix seconds.
pub const EXPIRES: i64 = NOW + 1000;

/// The repository.
#[derive(Debug)]
pub struct World {
    /// Its keys; the first root was signed by another root key.
    pub keys: KeySet,
    /// The same keys, as they sign here.
    signers: Signers,
    /// The root key before.
    pub old_root: FixedKey,
    /// Its state as the writer keeps it.
    pub repository: Repository,
    /// What a server has at first: policy 1, revocation sequence 1.
    pub before: Files,
    /// And later: another root, policy 2, revocation sequence 2.
    pub after: Files,
    /// What the gateway pinned.
    pub pin: Pin,
    /// The gateway's state at first.
    pub held: Trusted,
}

type Signers = BTreeMap<Role, FixedKey>;

/// The private half of each role's key.
const fn byte(role: Role) -> u8 {
    match role {
        Role::Root => 12,
        Role::Targets => 13,
        Role::Assignment => 14,
        Role::Revocations => 15,
        Role::Snapshot => 16,
        Role::Timestamp => 17,
    }
}
/// Of the root key before.
const OLD_ROOT: u8 = 11;

/// The one world, made once.
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let (keys, first) = (key_set(byte(Role::Root)), key_set(OLD_ROOT));
        let signers: Signers = Role::ALL.into_iter().map(|role| (role, metadata_key(byte(role)))).collect();
        let old_root = metadata_key(OLD_ROOT);
        let (mut repository, mut files) = Repository::create(TENANT, &first.root_keys(), &[&old_root], EXPIRES).expect("signs");
        publish(&mut repository, &keys, &signers, &mut files, 1, &Assignment::single_ring(1));
        let before = files.clone();
        files.extend(repository.rotate(&keys.root_keys(), &[&old_root, &signers[&Role::Root]], EXPIRES).expect("rotates"));
        let ring = |name: &str, members, version| Ring { name: name.to_owned(), members, version };
        let rings = Assignment {
            rings: vec![
                ring("canary", Members::Labels([("env".to_owned(), "test".to_owned())].into()), 1),
                ring("early", Members::Share(0), 1),
                ring("all", Members::All, 2),
            ],
            pins: [("gw_9".to_owned(), Pinned { version: 1, until: NOW + 60 })].into(),
            min_version: 1,
        };
        publish(&mut repository, &keys, &signers, &mut files, 2, &rings);
        let pin = Pin {
            tenant: TENANT.to_owned(),
            gateway: GATEWAY.to_owned(),
            root_sha256: repository.root_sha256().to_owned(),
            labels: BTreeMap::new(),
        };
        let held = follow(&Trusted::new(pin.clone()), &before, NOW).expect("an honest repository").trusted;
        Self { keys, signers, old_root, repository, before, after: files, pin, held }
    }

    /// The key of a role.
    #[must_use]
    pub fn key(&self, role: Role) -> &FixedKey {
        &self.signers[&role]
    }

    /// The newest file of a role, by its path.
    ///
    /// # Panics
    /// Never: every role has signed.
    #[must_use]
    pub fn newest(&self, role: Role) -> String {
        role.path(self.repository.stamp(role).expect("every role has signed").version)
    }
}

/// Those keys with this one for the root.
fn key_set(root: u8) -> KeySet {
    let key = |byte| Key::from_pkcs8(&pkcs8(byte)).expect("a P-256 key");
    KeySet {
        root: key(root),
        targets: key(byte(Role::Targets)),
        assignment: key(byte(Role::Assignment)),
        revocations: key(byte(Role::Revocations)),
        snapshot: key(byte(Role::Snapshot)),
        timestamp: key(byte(Role::Timestamp)),
    }
}

/// Policy, assignment and list of that number, and what makes them visible.
fn publish(repository: &mut Repository, keys: &KeySet, signers: &Signers, files: &mut Files, number: u64, rings: &Assignment) {
    let stamp = Stamp { version: number, expires: EXPIRES };
    let by = |role| &signers[&role];
    let policy = repository.publish(&[by(Role::Targets)], &keys.delegates(), number, &policy_text(number), 1, stamp);
    files.extend(policy.expect("publishes"));
    files.extend(repository.assign(&[by(Role::Assignment)], rings, stamp).expect("assigns"));
    files.extend(repository.revoke(&[by(Role::Revocations)], &revocations_text(number), number, stamp).expect("revokes"));
    files.extend(repository.snapshot(&[by(Role::Snapshot)], stamp).expect("snapshot"));
    files.extend(repository.timestamp(&[by(Role::Timestamp)], stamp).expect("timestamp"));
}

/// Plays an update against a server.
///
/// # Errors
/// As [`Update::step`].
pub fn follow(trusted: &Trusted, server: &Files, now: i64) -> Result<Activated, Refused> {
    let mut update = Update::start(trusted, now);
    let mut next = update.proceed()?;
    loop {
        match next {
            Next::Done(activated) => return Ok(*activated),
            Next::Fetch { path, .. } => {
                let body = server.get(&path).cloned();
                next = update.step(Response { path, body })?;
            }
        }
    }
}

/// A file with `signed` in the place of what was signed, as it is written, and signatures of these keys over what it means; `None` if it
/// means nothing that can be signed.
#[must_use]
pub fn signed_again(signed: &str, keys: &[&FixedKey]) -> Option<Vec<u8>> {
    let meaning: Value = serde_json::from_str(signed).ok()?;
    let message = canonical(&meaning).ok()?;
    let signature = |key: &&FixedKey| json!({"keyid": key.public().id(), "sig": hex::encode(key.sign(&message).expect("signs"))});
    let signatures: Vec<Value> = keys.iter().map(signature).collect();
    Some(format!("{{\"signatures\":{},\"signed\":{signed}}}", Value::from(signatures)).into_bytes())
}

/// What is signed in a file, as JSON.
///
/// # Panics
/// For what is not one of the sample files.
#[must_use]
pub fn signed_part(file: &[u8]) -> Value {
    serde_json::from_slice::<Value>(file).expect("JSON")["signed"].take()
}

/// Makes snapshot and timestamp refer to what the server holds for `role` now.
///
/// # Panics
/// For a server that lacks them.
pub fn refer(world: &World, server: &mut Files, role: Role) {
    let mut of = role;
    for by in [Role::Snapshot, Role::Timestamp] {
        if of == by || of == Role::Root || of == Role::Timestamp || (by == Role::Timestamp && of != Role::Snapshot) {
            continue;
        }
        let bytes = &server[&world.newest(of)];
        let (length, sha256) = (bytes.len(), sha256_hex(bytes));
        let path = world.newest(by);
        let mut signed = signed_part(&server[&path]);
        signed["meta"][of.meta_name()]["length"] = json!(length);
        signed["meta"][of.meta_name()]["hashes"]["sha256"] = json!(sha256);
        let file = signed_again(&signed.to_string(), &[world.key(by)]).expect("integers only");
        server.insert(path, file);
        of = by;
    }
}
