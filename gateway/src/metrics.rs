//! What is counted, in the form that Prometheus reads (OpenMetrics text).
//!
//! Names and labels are an API. No label names a person, a client or a tool: their number is not bounded by us, and who called what is the
//! decision log's to say.

use crate::standing::Health;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// `decision` and `reason` of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    decision: &'static str,
    reason: &'static str,
}

/// Which limit was hit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limited {
    limit: &'static str,
}

/// All of it.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Decided, Counter>,
    limits: Family<Limited, Counter>,
    overhead: Histogram,
    upstream_failures: Counter,
    /// Client connections now.
    pub(crate) connections: Gauge,
    under_way: Gauge,
    staleness: Gauge,
    policy_version: Gauge,
    revocation_seq: Gauge,
    batches: Gauge,
    bytes: Gauge,
    lost: Gauge,
    log_available: Gauge,
    drifted: Gauge,
    closed: Gauge,
}

/// Upper bounds in seconds: fine around the budget of a millisecond.
const BOUNDS: [f64; 12] = [0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.001_5, 0.002_5, 0.005, 0.01, 0.05, 0.5];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("writ_gateway");
        let (calls, limits) = (Family::<Decided, Counter>::default(), Family::<Limited, Counter>::default());
        registry.register("calls", "Requests of MCP clients, by decision and reason code", calls.clone());
        registry.register("limits_hit", "Requests and connections turned away by a limit", limits.clone());
        let overhead = Histogram::new(BOUNDS);
        let about =
            "Time that the gateway itself took for a forwarded request, in seconds: all but waiting for the client and the MCP server";
        registry.register("overhead_seconds", about, overhead.clone());
        let upstream_failures = Counter::default();
        registry.register("upstream_failures", "Requests that an MCP server did not answer usably", upstream_failures.clone());
        let mut gauge = |name: &str, about: &str| {
            let gauge = Gauge::default();
            registry.register(name, about, gauge.clone());
            gauge
        };
        let connections = gauge("connections", "Client connections now");
        let under_way = gauge("under_way", "Forwarded requests and open streams now");
        let staleness = gauge("stale_seconds", "For how long freshness has not been proved; 0 while it is");
        let policy_version = gauge("policy_version", "Version of the policy in force; 0 if none");
        let revocation_seq = gauge("revocation_seq", "Sequence of the revocation list in force");
        let batches = gauge("decision_batches_waiting", "Batches of decisions on disk that the control plane does not have yet");
        let bytes = gauge("decision_bytes_waiting", "Bytes of decisions on disk that the control plane does not have yet");
        let lost = gauge("decisions_lost", "Decisions since the start that could not be written to disk; more than 0 is an incident");
        let log_available = gauge("decision_log_available", "Whether decisions can be written down: 1 or 0");
        let drifted = gauge("tools_drifted", "Tools whose live definition is not the reviewed one");
        let closed = gauge("closed", "Whether nothing verified is in force and everything is refused: 1 or 0");
        Self {
            registry,
            calls,
            limits,
            overhead,
            upstream_failures,
            connections,
            under_way,
            staleness,
            policy_version,
            revocation_seq,
            batches,
            bytes,
            lost,
            log_available,
            drifted,
            closed,
        }
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Metrics {
    /// A request was decided.
    pub(crate) fn decided(&self, decision: &'static str, reason: &'static str) {
        self.calls.get_or_create(&Decided { decision, reason }).inc();
    }

    /// A limit was hit.
    pub(crate) fn limited(&self, limit: &'static str) {
        self.limits.get_or_create(&Limited { limit }).inc();
    }

    /// A forwarded request took so long here.
    pub(crate) fn took(&self, own: Duration) {
        self.overhead.observe(own.as_secs_f64());
    }

    /// An MCP server did not answer usably.
    pub(crate) fn upstream_failed(&self) {
        self.upstream_failures.inc();
    }

    /// The text of `/metrics`, with what `health` says now.
    pub fn text(&self, health: &Health) -> String {
        self.staleness.set(health.stale_for_s);
        self.policy_version.set(whole(health.policy_version.unwrap_or_default()));
        self.revocation_seq.set(whole(health.revocation_seq.unwrap_or_default()));
        self.batches.set(whole(health.decision_batches_waiting));
        self.bytes.set(whole(health.decision_bytes_waiting));
        self.lost.set(whole(health.decisions_lost));
        self.log_available.set(i64::from(health.decision_log == "ok"));
        self.drifted.set(whole(health.tools_drifted));
        self.under_way.set(whole(health.under_way));
        self.closed.set(i64::from(health.status == "closed"));
        let mut text = String::new();
        // Writing to a String does not fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}
