//! How this gateway stands: what is in force, how fresh it is, what went wrong last. Told to the control plane and at `/healthz`.

use crate::following::Witnessed;
use crate::proxy::{Definitions, Drifted, Streams};
use crate::tally::{Counted, Tallies};
use enforce::Enforcer;
use evidence::witness::NotWitnessed;
use follow::{Report, Trouble};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is told to the control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ack {
    /// What is in force, confirmed.
    #[serde(flatten)]
    pub report: Report,
    /// When this process started, Unix seconds.
    pub started_at: i64,
    /// The program's version.
    pub version: &'static str,
    /// What rings may go by.
    pub labels: BTreeMap<String, String>,
    /// Tools whose live definition is not the reviewed one.
    pub drifted: Vec<Drifted>,
    /// What was witnessed of the audit log.
    pub witnessed: Witnessed,
    /// How calls were decided, by policy version, since this process started.
    pub decided: Vec<Counted>,
}

/// Who does not answer for so long has cut us off, seconds.
const CUT_OFF_AFTER_S: i64 = 60;

/// What `/healthz` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `ok`, `cut_off` (nothing answered for a minute), `stale` (beyond the end of the timestamp) or `closed` (nothing verified, everything is
    /// refused).
    pub status: &'static str,
    /// Version of the policy in force.
    pub policy_version: Option<u64>,
    /// Its digest.
    pub policy_sha256: Option<String>,
    /// Sequence of the revocation list in force.
    pub revocation_seq: Option<u64>,
    /// Version of the verified timestamp; 0 if none.
    pub timestamp: u64,
    /// For how long freshness has not been proved, seconds.
    pub stale_for_s: i64,
    /// For how long freshness is proved still, seconds.
    pub fresh_for_s: i64,
    /// How long ago the control plane last answered, seconds; counted from the start while it has not.
    pub last_contact_s: i64,
    /// The last error of following the control plane, if it still stands: also that it does not answer.
    pub error: Option<Trouble>,
    /// Why the audit log is not witnessed any more, if it is not: a finding, not a failure.
    pub not_witnessed: Option<Trouble>,
    /// Decisions that could not be written to disk since the start. More than 0 is an incident.
    pub decisions_lost: u64,
    /// Whether decisions can be written down: `ok`, or `unavailable` since the last one could not be.
    pub decision_log: &'static str,
    /// Batches of decisions on disk that the control plane does not have yet.
    pub decision_batches_waiting: u64,
    /// Their size in bytes.
    pub decision_bytes_waiting: u64,
    /// Tools whose live definition is not the reviewed one: calls of them are denied.
    pub tools_drifted: u64,
    /// Forwarded requests and open streams now.
    pub under_way: u64,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Requests without a verifiable token since the start; they appear in no decision log, since they name nobody.
    pub unauthenticated: u64,
}

/// Shared by everything that knows a part of it.
#[derive(Debug)]
pub struct Standing {
    enforcer: Arc<Enforcer>,
    started_at: i64,
    seen: Mutex<Seen>,
    definitions: Arc<Definitions>,
    streams: Arc<Streams>,
    labels: BTreeMap<String, String>,
    /// How calls were decided.
    pub tallies: Tallies,
    /// Decisions that could not be written.
    pub decisions_lost: AtomicU64,
    /// The last decision could not be written.
    pub log_unavailable: AtomicBool,
    /// Batches waiting on disk.
    pub batches_waiting: AtomicU64,
    /// Bytes waiting on disk.
    pub bytes_waiting: AtomicU64,
    /// It was told to stop.
    pub stopping: AtomicBool,
    /// Requests without a verifiable token.
    pub unauthenticated: AtomicU64,
}

#[derive(Debug, Default)]
struct Seen {
    contact_ms: Option<i64>,
    /// Why nothing was heard since.
    silence: Option<String>,
    report: Report,
    not_witnessed: Option<Trouble>,
}

impl Standing {
    /// At the start, Unix seconds.
    pub fn new(enforcer: Arc<Enforcer>, started_at: i64) -> Self {
        Self {
            enforcer,
            started_at,
            seen: Mutex::default(),
            definitions: Arc::default(),
            streams: Arc::default(),
            labels: BTreeMap::new(),
            tallies: Tallies::default(),
            log_unavailable: AtomicBool::new(false),
            bytes_waiting: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            decisions_lost: AtomicU64::new(0),
            batches_waiting: AtomicU64::new(0),
            unauthenticated: AtomicU64::new(0),
        }
    }

    /// With what is known of tools and what is under way.
    pub fn over(self, definitions: Arc<Definitions>, streams: Arc<Streams>) -> Self {
        Self { definitions, streams, ..self }
    }

    /// With the operator's labels.
    pub fn labelled(self, labels: BTreeMap<String, String>) -> Self {
        Self { labels, ..self }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The control plane answered.
    pub fn contact(&self, now_ms: i64) {
        let mut seen = self.seen();
        (seen.contact_ms, seen.silence) = (Some(now_ms), None);
    }

    /// The control plane did not answer.
    pub fn silent(&self, why: &impl ToString) {
        self.seen().silence = Some(why.to_string());
    }

    /// What may be told now.
    pub fn note(&self, report: Report) {
        self.seen().report = report;
    }

    /// The audit log was witnessed.
    pub fn witnessed(&self) {
        self.seen().not_witnessed = None;
    }

    /// The audit log was not witnessed, which only an altered log explains.
    pub fn not_witnessed(&self, why: &NotWitnessed) {
        self.seen().not_witnessed = Some(Trouble { code: why.code().to_owned(), message: why.to_string() });
    }

    /// The audit log's key, as the policy in force names it; empty where none is.
    pub fn audit_log(&self) -> String {
        self.enforcer.active().map(|active| active.policy().audit_log.clone()).unwrap_or_default()
    }

    /// What to tell the control plane. An altered log comes before any other error.
    pub fn ack(&self, report: Report, witnessed: Witnessed) -> Ack {
        let error = self.seen().not_witnessed.clone().or(report.error.clone());
        let decided = self.tallies.told(report.policy_version);
        Ack {
            report: Report { error, ..report },
            started_at: self.started_at,
            version: env!("CARGO_PKG_VERSION"),
            labels: self.labels.clone(),
            drifted: self.drifted(),
            witnessed,
            decided,
        }
    }

    fn drifted(&self) -> Vec<Drifted> {
        self.enforcer.active().map_or_else(Vec::new, |active| self.definitions.drifted(&active))
    }

    /// What to tell who asks for our health.
    pub fn health(&self, now_ms: i64) -> Health {
        let active = self.enforcer.active();
        let now_s = now_ms.div_euclid(1000);
        let stale_for_s = active.as_ref().map_or(0, |active| active.stale_for(now_s));
        let fresh_for_s = active.as_ref().map_or(0, |active| active.freshness().fresh_until.saturating_sub(now_s).max(0));
        let seen = self.seen();
        let last_contact_s = seen.contact_ms.map_or(now_s - self.started_at, |at| (now_ms - at) / 1000).max(0);
        let silence = seen.silence.clone().map(|message| Trouble { code: Trouble::NOT_FOLLOWING.to_owned(), message });
        let status = match &active {
            None => "closed",
            Some(_) if stale_for_s > 0 => "stale",
            Some(_) if silence.is_some() && last_contact_s >= CUT_OFF_AFTER_S => "cut_off",
            Some(_) => "ok",
        };
        let (error, not_witnessed) = (seen.report.error.clone().or(silence), seen.not_witnessed.clone());
        drop(seen);
        Health {
            status,
            policy_version: active.as_ref().map(|active| active.policy().version),
            policy_sha256: active.as_ref().map(|active| active.policy_sha256().to_owned()),
            revocation_seq: active.as_ref().map(|active| active.revocations().seq()),
            timestamp: active.as_ref().map_or(0, |active| active.freshness().timestamp),
            stale_for_s,
            fresh_for_s,
            last_contact_s,
            error,
            not_witnessed,
            decisions_lost: self.decisions_lost.load(Ordering::Relaxed),
            decision_log: if self.log_unavailable.load(Ordering::Relaxed) { "unavailable" } else { "ok" },
            decision_bytes_waiting: self.bytes_waiting.load(Ordering::Relaxed),
            tools_drifted: self.drifted().len() as u64,
            under_way: self.streams.len() as u64,
            stopping: self.stopping.load(Ordering::Relaxed),
            decision_batches_waiting: self.batches_waiting.load(Ordering::Relaxed),
            unauthenticated: self.unauthenticated.load(Ordering::Relaxed),
        }
    }
}
