//! A gateway's refresh after a revocation: what verifying costs beside its signatures. Pure, over a repository of a thousand entries.

use crate::report::{Figure, Report, quantiles};
use anyhow::{Context as _, Result, ensure};
use bundle::assignment::{Assignment, Members, Ring};
use bundle::{Activated, Files, Key, KeySet, Next, Pin, Repository, Response, Stamp, Trusted, Update};
use policy::{Entry, PolicySet, RevocationKey, Revocations, Target};
use std::collections::BTreeMap;
use std::time::Instant;

const TENANT: &str = "acme";
const NOW: i64 = 1_800_000_000;
const END: i64 = NOW + 1_000_000;
const ENTRIES: u64 = 1_000;
const ROUNDS: u64 = 500;
/// After a revocation these are new: timestamp, snapshot, the list. What they leave as it is was verified before.
const SIGNATURES: f64 = 3.0;

struct Plane {
    keys: KeySet,
    repository: Repository,
    files: Files,
    version: u64,
}

impl Plane {
    fn new() -> Result<Self> {
        let keys = KeySet::generate()?;
        let (repository, files) = Repository::create(TENANT, &keys.root_keys(), &[&keys.root], END)?;
        let mut plane = Self { keys, repository, files, version: 0 };
        let policy = serde_json::to_string(&PolicySet { tenant: TENANT.into(), version: 1, ..PolicySet::default() })?;
        let (delegates, stamp) = (plane.keys.delegates(), plane.stamp());
        plane.files.extend(plane.repository.publish(&[&plane.keys.targets], &delegates, 1, &policy, 1, stamp)?);
        let rings = vec![Ring { name: "all".into(), members: Members::All, version: 1 }];
        let (assignment, stamp) = (Assignment { rings, pins: BTreeMap::new(), min_version: 0 }, plane.stamp());
        plane.files.extend(plane.repository.assign(&[&plane.keys.assignment], &assignment, stamp)?);
        plane.revoke(0)?;
        Ok(plane)
    }

    fn stamp(&mut self) -> Stamp {
        self.version += 1;
        Stamp { version: self.version, expires: END }
    }

    fn revoke(&mut self, seq: u64) -> Result<()> {
        let key = RevocationKey::of([7; 32]);
        let entry = |n: u64| Entry::new(&key, format!("rev_{n}"), seq.min(n), &Target::User(format!("usr_{n}")), None);
        let list = Revocations::new(TENANT.into(), seq, (0..ENTRIES).map(entry).collect());
        let list = serde_json::to_string(&list)?;
        let (list_stamp, snapshot, timestamp) = (self.stamp(), self.stamp(), self.stamp());
        self.files.extend(self.repository.revoke(&[&self.keys.revocations], &list, seq, list_stamp)?);
        self.files.extend(self.repository.snapshot(&[&self.keys.snapshot], snapshot)?);
        self.files.extend(self.repository.timestamp(&[&self.keys.timestamp], timestamp)?);
        Ok(())
    }

    /// One refresh with the files at hand, as they are after a push.
    fn refresh(&self, trusted: &Trusted, first: bool) -> Result<Activated> {
        let mut update = Update::start(trusted, NOW);
        if !first {
            update = update.without_root_probe();
        }
        let mut next = update.proceed()?;
        loop {
            match next {
                Next::Done(activated) => return Ok(*activated),
                Next::Fetch { path, .. } => {
                    let body = self.files.get(&path).cloned();
                    next = update.step(Response { path, body })?;
                }
            }
        }
    }
}

/// Adds both figures.
pub fn measure(report: &mut Report) -> Result<()> {
    let mut plane = Plane::new()?;
    let pin = Pin {
        tenant: TENANT.into(),
        gateway: "gw".into(),
        root_sha256: plane.repository.root_sha256().to_owned(),
        labels: BTreeMap::new(),
    };
    let mut trusted = plane.refresh(&Trusted::new(pin), true)?.trusted;
    let mut whole = Vec::new();
    for seq in 1..=ROUNDS {
        plane.revoke(seq)?;
        let start = Instant::now();
        let activated = plane.refresh(&trusted, false)?;
        whole.push(start.elapsed().as_secs_f64() * 1e6);
        ensure!(activated.revocation_seq == seq, "the list was not taken");
        trusted = activated.trusted;
    }
    let (key, message) = (Key::generate()?, [7; 600]);
    let signature = bundle::Signer::sign(&key, &message).context("signing")?;
    let mut signatures = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        ensure!(bundle::Signer::public(&key).verifies(&message, &signature), "it verifies");
        signatures.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let ((whole, p99), (signature, _)) = (quantiles(&mut whole), quantiles(&mut signatures));
    let rest = SIGNATURES.mul_add(-signature, whole);
    report.add(Figure {
        what: "refresh apart from signatures",
        unit: "µs",
        median: rest,
        p99: None,
        budget: "≤ 100 µs",
        met: Some(rest <= 100.0),
        how: format!(
            "{ROUNDS} revocations in a list of {ENTRIES}: a refresh takes {whole:.0} µs, p99 {p99:.0} µs; less {SIGNATURES} signatures of {signature:.1} µs"
        ),
    });
    Ok(())
}
