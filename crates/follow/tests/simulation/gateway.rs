//! A gateway: the real follower, with a disk, a clock and streams of the simulation's.

use crate::plane::TENANT;
use bundle::Pin;
use enforce::Active;
use follow::{At, Follower, Report, Source, Ticket, restore};
use policy::{Decision, TokenFacts, decide};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calls::call;

/// A stream that a call has opened.
pub struct Stream {
    pub token: TokenFacts,
    pub tool: String,
}

pub struct Gateway {
    pub name: String,
    pub source: Source,
    pin: Pin,
    /// None while it is down.
    pub follower: Option<Follower>,
    /// Counts its lives.
    pub life: u32,
    /// What the process enforces.
    pub active: Option<Arc<Active>>,
    pub disk: Option<Vec<u8>>,
    pub disk_is_full: bool,
    pub writing: Option<Vec<u8>>,
    pub streams: Vec<Stream>,
    /// The request that is under way.
    pub ticket: Option<Ticket>,
    pub wake: i64,
    /// How far the clock on the wall is off, milliseconds.
    pub off_ms: i64,
    /// Cut off from the control plane.
    pub parted: bool,
    /// The highest that it has ever said to be in force, and whether it was on disk then.
    pub said: Report,
    pub said_kept: Report,
    pub requests: u64,
}

impl Gateway {
    pub fn new(name: &str, root_sha256: String, source: Source) -> Self {
        let pin = Pin { tenant: TENANT.into(), gateway: name.into(), root_sha256, labels: BTreeMap::new() };
        Self {
            name: name.into(),
            source,
            pin,
            follower: None,
            life: 0,
            active: None,
            disk: None,
            disk_is_full: false,
            writing: None,
            streams: Vec::new(),
            ticket: None,
            wake: i64::MAX,
            off_ms: 0,
            parted: false,
            said: Report::default(),
            said_kept: Report::default(),
            requests: 0,
        }
    }

    /// Begins a life with what is on disk.
    pub fn start(&mut self, at: At, seed: u64) {
        self.life += 1;
        let (follower, trouble) = restore(self.source, self.pin.clone(), self.disk.as_deref(), at, seed);
        assert_eq!(trouble, None, "{}: what it wrote itself does not verify", self.name);
        self.active = follower.active().cloned();
        self.follower = Some(follower);
        let (now, kept) = (self.seq(), self.said_kept.revocation_seq.unwrap_or(0));
        assert!(now >= kept, "{}: it said that list {kept} was in force and kept, and starts with {now}", self.name);
        let (now, kept) = (self.timestamp(), self.said_kept.timestamp);
        assert!(now >= kept, "{}: it said that timestamp {kept} was in force and kept, and starts with {now}", self.name);
    }

    /// Ends without warning.
    pub fn crash(&mut self, write_arrived: bool) {
        if let Some(document) = self.writing.take().filter(|_| write_arrived) {
            self.disk = Some(document);
        }
        (self.follower, self.active, self.ticket, self.wake) = (None, None, None, i64::MAX);
        self.streams.clear();
    }

    pub fn seq(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.revocations().seq())
    }

    pub fn timestamp(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.freshness().timestamp)
    }

    /// Puts something in force. It must not be older than what was.
    pub fn activate(&mut self, active: Arc<Active>) {
        let (before, after) = (self.seq(), active.revocations().seq());
        assert!(after >= before, "{}: list {after} in force after {before}", self.name);
        let (before, after) = (self.timestamp(), active.freshness().timestamp);
        assert!(after >= before, "{}: timestamp {after} in force after {before}", self.name);
        self.active = Some(active);
    }

    /// What would be decided now.
    pub fn decide(&self, token: &TokenFacts, tool: &str, unix_s: i64) -> Option<bool> {
        let active = self.active.as_ref()?;
        let call = call(token, tool, active.stale_for(unix_s));
        Some(matches!(decide(active.policy(), active.revocations(), &call, unix_s), Decision::Allow(_)))
    }

    /// Ends the streams that would be refused now.
    pub fn end_streams(&mut self, unix_s: i64) {
        let streams = std::mem::take(&mut self.streams);
        self.streams = streams.into_iter().filter(|stream| self.decide(&stream.token, &stream.tool, unix_s) == Some(true)).collect();
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
        if let (Some(version), Some(active)) = (report.policy_version, &self.active) {
            assert!(active.policy().version == version || report.timestamp < active.freshness().timestamp, "{}: {report:?}", self.name);
        }
    }
}
