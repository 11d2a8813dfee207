//! A gateway's refresh, after a revocation and with nothing new but the timestamp: what verifying costs beside its signatures. Pure, over a
//! list of a thousand entries.

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
        self.files.retain(|path, _| !path.ends_with("list.json"));
        self.files.extend(self.repository.revoke(&[&self.keys.revocations], &list, seq, list_stamp)?);
        self.files.extend(self.repository.snapshot(&[&self.keys.snapshot], snapshot)?);
        self.files.extend(self.repository.timestamp(&[&self.keys.timestamp], timestamp)?);
        Ok(())
    }

    fn touch(&mut self) -> Result<()> {
        let stamp = self.stamp();
        self.files.extend(self.repository.timestamp(&[&self.keys.timestamp], stamp)?);
        Ok(())
    }

    /// The newest list.
    fn list(&self) -> &[u8] {
        self.files.iter().find(|(path, _)| path.ends_with("list.json")).map_or(&[], |(_, bytes)| bytes.as_slice())
    }

    /// What a push would carry: every file that there is.
    fn pushed(&self) -> Files {
        self.files.clone()
    }
}

/// One refresh with the files at hand, and how many signatures it verified.
fn refresh(trusted: &Trusted, files: &mut Files, probing: bool) -> Result<(Activated, usize)> {
    let mut update = Update::start(trusted, NOW);
    if !probing {
        update = update.without_root_probe();
    }
    let mut next = update.proceed()?;
    loop {
        match next {
            Next::Done(activated) => return Ok((*activated, update.verified())),
            Next::Fetch { path, .. } => {
                let body = files.remove(&path);
                next = update.step(Response { path, body })?;
            }
        }
    }
}

/// What of the time is not the signatures.
struct Measured {
    what: &'static str,
    whole: Vec<f64>,
    signatures: usize,
    of: String,
}

impl Measured {
    fn report(mut self, report: &mut Report, signature: f64) {
        let ((whole, p99), signatures) = (quantiles(&mut self.whole), self.signatures);
        let rest = (signatures as f64).mul_add(-signature, whole);
        report.add(Figure {
            what: self.what,
            unit: "µs",
            median: rest,
            p99: None,
            budget: "≤ 100 µs",
            met: Some(rest <= 100.0),
            how: format!("{}: a refresh takes {whole:.0} µs, p99 {p99:.0} µs; less {signatures} signatures of {signature:.1} µs", self.of),
        });
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
    let mut trusted = refresh(&Trusted::new(pin), &mut plane.pushed(), true)?.0.trusted;
    let mut play = |change: &dyn Fn(&mut Plane, u64) -> Result<()>, expected: usize| -> Result<Vec<f64>> {
        let mut whole = Vec::new();
        for round in 1..=ROUNDS {
            change(&mut plane, round)?;
            let mut files = plane.pushed();
            let start = Instant::now();
            let (activated, verified) = refresh(&trusted, &mut files, false)?;
            whole.push(start.elapsed().as_secs_f64() * 1e6);
            ensure!(activated.changed && verified == expected, "{verified} signatures were verified");
            trusted = activated.trusted;
        }
        Ok(whole)
    };
    // After a revocation timestamp, snapshot and the list's role are new. What they leave as it is was verified before.
    let revocations = play(&|plane, seq| plane.revoke(seq), 3)?;
    let touches = play(&|plane, _| plane.touch(), 1)?;
    let (key, message) = (Key::generate()?, [7; 600]);
    let signature = bundle::Signer::sign(&key, &message).context("signing")?;
    let mut signatures = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        ensure!(bundle::Signer::public(&key).verifies(&message, &signature), "it verifies");
        signatures.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let (list, mut digests) = (plane.list(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        ensure!(!bundle::sha256_hex(list).is_empty(), "it has a digest");
        digests.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let ((signature, _), (digest, _)) = (quantiles(&mut signatures), quantiles(&mut digests));
    let of = format!(
        "{ROUNDS} revocations in a list of {ENTRIES} ({:.0} kB, of which the digest alone takes {digest:.0} µs)",
        list.len() as f64 / 1e3
    );
    let after = Measured { what: "refresh after a revocation, apart from signatures", whole: revocations, signatures: 3, of };
    after.report(report, signature);
    let of = format!("{ROUNDS} timestamps and nothing else new");
    let idle = Measured { what: "refresh with nothing new, apart from signatures", whole: touches, signatures: 1, of };
    idle.report(report, signature);
    Ok(())
}
