//! A gateway: the real follower, with a disk, a clock and streams of the simulation's.

use crate::disk::Disk;
use crate::plane::{Published, TENANT};
use crate::tally::Tally;
use bundle::Pin;
use enforce::{Active, Enforcer, MethodOwned};
use follow::{At, Follower, Kept, Report, Source, Ticket, restore};
use policy::{Reason, TokenFacts};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::What;

/// The most that is under way at a gateway.
const MOST_OPEN: usize = 12;

/// Something that is under way.
pub struct Open {
    pub what: What,
    pub token: TokenFacts,
    /// Unix seconds, by the gateway's clock.
    pub began: i64,
    /// Of what was in force then.
    pub timestamp: u64,
    /// It was told to end, and has not ended yet.
    pub ending: bool,
}

impl Open {
    /// What the gateway's own rule says.
    pub fn ends(&self, enforcer: &Enforcer, now: i64) -> Option<Reason> {
        let Self { token, began, .. } = self;
        match &self.what {
            What::Call(method) => enforcer.ends(token, &token.audience, method, *began, now),
            What::Session => enforcer.ends_session(token, &token.audience, now),
        }
    }
}

pub struct Gateway {
    pub name: String,
    pub source: Source,
    pin: Pin,
    /// None while it is down.
    pub follower: Option<Follower>,
    /// Counts its lives.
    pub life: u32,
    /// What the process enforces with.
    pub enforcer: Enforcer,
    pub disk: Disk,
    pub writing: Option<Kept<Vec<u8>>>,
    pub open: Vec<Open>,
    /// The request that is under way.
    pub ticket: Option<Ticket>,
    pub wake: i64,
    /// How far the clock on the wall is off, milliseconds.
    pub off_ms: i64,
    /// Cut off from the control plane.
    pub parted: bool,
    /// Somebody answers in the control plane's place with what was true once.
    pub mirror: Option<Arc<Published>>,
    /// The highest that it has ever said to be in force, and whether it was on disk then.
    pub said: Report,
    pub said_kept: Report,
    pub requests: u64,
}

impl Gateway {
    pub fn new(name: &str, root_sha256: String, source: Source, labels: BTreeMap<String, String>) -> Self {
        let pin = Pin { tenant: TENANT.into(), gateway: name.into(), root_sha256, labels };
        Self {
            name: name.into(),
            source,
            pin,
            follower: None,
            life: 0,
            enforcer: Enforcer::closed(),
            disk: Disk::default(),
            writing: None,
            open: Vec::new(),
            ticket: None,
            wake: i64::MAX,
            off_ms: 0,
            parted: false,
            mirror: None,
            said: Report::default(),
            said_kept: Report::default(),
            requests: 0,
        }
    }

    pub fn is_canary(&self) -> bool {
        !self.pin.labels.is_empty()
    }

    /// Begins a life with what is on disk.
    pub fn start(&mut self, at: At, seed: u64, tally: &mut Tally) {
        self.life += 1;
        let (follower, troubles) = restore(self.source, self.pin.clone(), self.disk.kept(), at, seed);
        let refused = |code: &str| troubles.iter().any(|trouble| trouble.code == code);
        assert!(self.disk.is_spoilt || troubles.is_empty(), "{}: what it wrote itself does not verify: {troubles:?}", self.name);
        if refused("rollback") {
            tally.count("a kept state was older than the floors");
        }
        if self.disk.is_another {
            (self.said, self.said_kept) = (Report::default(), Report::default());
        }
        let active = follower.active().cloned();
        self.follower = Some(follower);
        let Some(active) = active else {
            tally.count("a gateway started closed");
            return;
        };
        self.enforcer.activate(active);
        tally.count("a gateway started with what it kept");
        let (now, kept) = (self.seq(), self.said_kept.revocation_seq.unwrap_or(0));
        assert!(now >= kept, "{}: it said that list {kept} was in force and kept, and starts with {now}", self.name);
        let (now, kept) = (self.timestamp(), self.said_kept.timestamp);
        assert!(now >= kept, "{}: it said that timestamp {kept} was in force and kept, and starts with {now}", self.name);
    }

    /// Ends without warning. What was being written may have arrived, whole or in part.
    pub fn crash(&mut self, arrived: bool, whole: bool) {
        if let Some(kept) = self.writing.take().filter(|_| arrived && !self.disk.is_full) {
            self.disk.write(kept, whole);
        }
        (self.follower, self.enforcer, self.ticket, self.wake) = (None, Enforcer::closed(), None, i64::MAX);
        self.open.clear();
    }

    /// What the process enforces.
    pub fn active(&self) -> Option<Arc<Active>> {
        self.enforcer.active()
    }

    pub fn seq(&self) -> u64 {
        self.active().map_or(0, |active| active.revocations().seq())
    }

    pub fn timestamp(&self) -> u64 {
        self.active().map_or(0, |active| active.freshness().timestamp)
    }

    /// Puts something in force. It must not be older than what was.
    pub fn activate(&mut self, active: Arc<Active>) {
        let (before, after) = (self.seq(), active.revocations().seq());
        assert!(after >= before, "{}: list {after} in force after {before}", self.name);
        let (before, after) = (self.timestamp(), active.freshness().timestamp);
        assert!(after >= before, "{}: timestamp {after} in force after {before}", self.name);
        // Nor older than what it ever said, whatever became of its disk.
        let (seq, timestamp) = (active.revocations().seq(), active.freshness().timestamp);
        let (said, kept) = (self.said_kept.timestamp, self.said_kept.revocation_seq.unwrap_or(0));
        assert!(seq >= kept && timestamp >= said, "{}: {seq} and {timestamp} in force, {kept} and {said} were", self.name);
        self.enforcer.activate(active);
    }

    /// Why a call would be refused now.
    pub fn refuses(&self, token: &TokenFacts, method: &MethodOwned, now: i64) -> Option<Reason> {
        self.enforcer.still_allows(token, &token.audience, method, now).err()
    }

    /// Something begins that was allowed just now. If there is too much already, what began first has ended by itself.
    pub fn begin(&mut self, what: What, token: TokenFacts, now: i64) {
        if self.open.len() == MOST_OPEN {
            self.open.remove(0);
        }
        self.open.push(Open { what, token, began: now, timestamp: self.timestamp(), ending: false });
    }

    /// Notes what it says to be in force.
    pub fn says(&mut self, report: &Report) {
        let (before, now) = (self.said.revocation_seq.unwrap_or(0), report.revocation_seq.unwrap_or(0));
        // After a start from an older state than it had said without keeping it, it may say less for a while.
        let kept = report.error.as_ref().is_none_or(|trouble| trouble.code != "state_not_kept");
        if kept && now >= self.said_kept.revocation_seq.unwrap_or(0) {
            self.said_kept = report.clone();
        }
        assert!(now <= self.seq(), "{}: it says that list {now} is in force and enforces {}", self.name, self.seq());
        if now >= before {
            self.said = report.clone();
        }
        if let (Some(version), Some(active)) = (report.policy_version, self.active()) {
            assert!(active.policy().version == version || report.timestamp < active.freshness().timestamp, "{}: {report:?}", self.name);
        }
    }
}
