//! What an OPA decided: the body of `POST …/logs`, a gzipped JSON array of events (`v1/plugins/logs`).
//!
//! Of each event only what names the decision is kept. It is ours when the decision was asked for at `writ/decision`; or when the OPA
//! decides by a policy of its own, and says in `result.writ` what it asked for and what was answered. All else an OPA decides is left alone.

use crate::lane::Lane;
use crate::revision::Revision;
use flate2::read::GzDecoder;
use policy::SubjectKind;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;

/// The largest body that is taken, in bytes as sent. An OPA sends 32 KiB unless it is told otherwise.
pub const LARGEST: usize = 1 << 20;
/// The largest body once it is unpacked: what packs better than this is made to.
pub const LARGEST_UNPACKED: usize = 16 << 20;
/// The most events in a body.
pub const MOST_EVENTS: usize = 10_000;
/// What stands for a name that the OPA's mask took away.
pub const ERASED: &str = "(erased)";

/// The path under which the generated Rego is asked.
const PATH: &str = "writ/decision";
/// No name is longer.
const LONGEST: usize = 512;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The OPA's id for it, unique.
    pub decision_id: String,
    /// The trace that it belongs to (W3C trace context).
    pub trace_id: Option<String>,
    /// When, Unix milliseconds, by the OPA's clock.
    pub at_ms: i64,
    /// Whether it was allowed.
    pub allow: bool,
    /// The reason code.
    pub reason: String,
    /// The JSON-RPC method.
    pub method: String,
    /// The tool of a `tools/call`.
    pub tool: Option<String>,
    /// The resource that was called.
    pub resource: String,
    /// The scope that was needed.
    pub scope: Option<String>,
    /// What gave it: `role` or `grant`, and its name or id.
    pub supply: Option<(String, String)>,
    /// Whom the token is about.
    pub subject: String,
    /// What kind of principal that is.
    pub subject_kind: SubjectKind,
    /// Through which client.
    pub client: String,
    /// Which agent acted.
    pub agent: Option<String>,
    /// The agents that it acts for, the nearest first.
    pub inner_agents: Vec<String>,
    /// The token's id.
    pub jti: String,
    /// The session.
    pub session: String,
    /// The grants that the token carries.
    pub grant_ids: Vec<String>,
    /// Version of the policy that it was decided by; 0 if that is not known.
    pub policy_version: u64,
    /// Sequence of the list that it was decided by; 0 if that is not known.
    pub revocation_seq: u64,
}

/// A body as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Our decisions, in order.
    pub decisions: Vec<Logged>,
    /// How many events are of other policies.
    pub foreign: usize,
    /// How many events are ours and cannot be read.
    pub unreadable: usize,
}

#[derive(Deserialize)]
struct Wire {
    decision_id: String,
    #[serde(default)]
    trace_id: Value,
    timestamp: chrono::DateTime<chrono::Utc>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    bundles: BTreeMap<String, BundleInfo>,
}

#[derive(Deserialize)]
struct BundleInfo {
    #[serde(default)]
    revision: String,
}

/// Unpacks a body that says `Content-Encoding: gzip`.
///
/// # Errors
/// What is wrong with it: not gzip, or larger than [`LARGEST_UNPACKED`]. No more than that is unpacked.
pub fn unpack(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let limit = LARGEST_UNPACKED as u64 + 1;
    GzDecoder::new(body).take(limit).read_to_end(&mut unpacked).map_err(|_| "it is not gzip".to_owned())?;
    match unpacked.len() > LARGEST_UNPACKED {
        true => Err(format!("it unpacks to more than {} MiB", LARGEST_UNPACKED >> 20)),
        false => Ok(unpacked),
    }
}

impl Events {
    /// Reads an unpacked body. One event that cannot be read leaves the others alone: an OPA sends a body that was refused again and again.
    ///
    /// # Errors
    /// When it is no JSON array, or has more than [`MOST_EVENTS`]; without anything of its content.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let events: Vec<Value> = serde_json::from_slice(body)
            .map_err(|error| format!("it is not a JSON array of events (line {}, column {})", error.line(), error.column()))?;
        if events.len() > MOST_EVENTS {
            return Err(format!("it holds more than {MOST_EVENTS} events"));
        }
        let mut read = Self::default();
        for event in events {
            let ours = is_ours(&event);
            match (ours, ours.then(|| Logged::read(event)).flatten()) {
                (false, _) => read.foreign += 1,
                (true, Some(logged)) => read.decisions.push(logged),
                (true, None) => read.unreadable += 1,
            }
        }
        Ok(read)
    }
}

fn is_ours(event: &Value) -> bool {
    let path = event["path"].as_str().unwrap_or_default();
    path.trim_matches('/') == PATH || event["result"]["writ"].is_object()
}

impl Logged {
    fn read(event: Value) -> Option<Self> {
        let mut wire: Wire = serde_json::from_value(event).ok()?;
        let (input, decision) = match wire.path.trim_matches('/') == PATH {
            true => (wire.input, wire.result),
            false => (wire.result["writ"]["input"].take(), wire.result["writ"]["decision"].take()),
        };
        let token = &input["token"];
        let revision = |lane: Lane| wire.bundles.get(lane.bundle_name()).and_then(|bundle| Revision::parse(&bundle.revision));
        let grants = token["grants"].as_array().map_or(&[][..], Vec::as_slice);
        Some(Self {
            decision_id: text(&Value::String(wire.decision_id)).filter(|id| !id.is_empty())?,
            trace_id: text(&wire.trace_id),
            at_ms: wire.timestamp.timestamp_millis(),
            allow: decision["allow"].as_bool()?,
            reason: text(&decision["reason"])?,
            method: text(&input["method"]).unwrap_or_else(erased),
            tool: text(&input["tool"]),
            resource: text(&input["resource"]).unwrap_or_else(erased),
            scope: text(&decision["scope"]),
            supply: text(&decision["supply"]["kind"]).zip(text(&decision["supply"]["id"])),
            subject: text(&token["sub"]).unwrap_or_else(erased),
            subject_kind: serde_json::from_value(token["sub_profile"].clone()).unwrap_or(SubjectKind::User),
            client: text(&token["client_id"]).unwrap_or_else(erased),
            agent: text(&token["act"]["sub"]),
            inner_agents: inner(&token["act"]["act"]),
            jti: text(&token["jti"]).unwrap_or_else(erased),
            session: text(&token["sid"]).unwrap_or_else(erased),
            grant_ids: grants.iter().filter_map(|grant| text(&grant["id"])).take(64).collect(),
            policy_version: match revision(Lane::Policy) {
                Some(Revision::Policy { version, .. }) => version,
                _ => 0,
            },
            revocation_seq: match revision(Lane::Revocations) {
                Some(Revision::Revocations { seq, .. }) => seq,
                _ => 0,
            },
        })
    }
}

/// Who acted before, as far as anybody looks.
fn inner(act: &Value) -> Vec<String> {
    let mut actors = Vec::new();
    let mut next = act;
    while let (Some(sub), true) = (text(&next["sub"]), actors.len() < 16) {
        actors.push(sub);
        next = &next["act"];
    }
    actors
}

fn erased() -> String {
    ERASED.to_owned()
}

/// Text of the OPA's: printable and not endless.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes).expect("packs");
        packed.finish().expect("packs")
    }

    fn event() -> Value {
        json!({
            "labels": { "id": "8f0e", "version": "1.20.2" }, "decision_id": "4ca636c1-55e4-417a-b1d8-4aceb67960d1", "trace_id": "5d41402abc4b2a76b9719d911017c592",
            "bundles": { "writ-policy": { "revision": format!("policy-12-{}-1795424400", "0f".repeat(32)) }, "writ-revocations": { "revision": "revocations-3-1795424400" } },
            "path": "writ/decision", "requested_by": "127.0.0.1:59943", "timestamp": "2026-11-23T09:00:00.123456Z",
            "input": { "method": "tools/call", "tool": "logs.read", "resource": "http://gw/mcp/incident", "token": {
                "sub": "usr_a", "sub_profile": "user", "client_id": "cli_a", "jti": "jti_a", "sid": "ses_a",
                "act": { "sub": "agt_a", "act": { "sub": "agt_b", "act": { "sub": "agt_c" } } }, "grants": [{ "id": "grt_a" }] } },
            "result": { "allow": true, "reason": "allowed", "scope": "logs.read", "supply": { "kind": "grant", "id": "grt_a" }, "obligations": [] },
        })
    }

    fn read(events: &Value) -> Events {
        Events::read(events.to_string().as_bytes()).expect("an array")
    }

    #[test]
    fn a_decision_with_everybody_who_took_part() {
        let events = read(&json!([event()]));
        let logged = &events.decisions[0];
        assert_eq!((logged.at_ms, logged.allow, logged.reason.as_str()), (1_795_424_400_123, true, "allowed"));
        assert_eq!((logged.subject.as_str(), logged.client.as_str(), logged.agent.as_deref()), ("usr_a", "cli_a", Some("agt_a")));
        assert_eq!(logged.inner_agents, ["agt_b", "agt_c"]);
        assert_eq!(logged.trace_id.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
        assert_eq!((logged.policy_version, logged.revocation_seq), (12, 3));
        assert_eq!(logged.supply, Some(("grant".to_owned(), "grt_a".to_owned())));
        assert_eq!((logged.grant_ids.as_slice(), logged.tool.as_deref()), (&["grt_a".to_owned()][..], Some("logs.read")));
    }

    #[test]
    fn a_policy_of_the_opas_own_says_what_it_asked() {
        let (asked, answered) = (event()["input"].clone(), event()["result"].clone());
        let mut own = event();
        own["path"] = json!("envoy/authz/allow");
        own["input"] = json!({ "attributes": {} });
        own["result"] = json!({ "allowed": true, "writ": { "input": asked, "decision": answered } });
        let mut foreign = event();
        foreign["path"] = json!("kubernetes/admission");
        let events = read(&json!([own, foreign]));
        assert_eq!((events.decisions, events.foreign), (read(&json!([event()])).decisions, 1));
    }

    #[test]
    fn what_was_masked_is_said_to_be() {
        let mut masked = event();
        masked["input"]["token"] = json!({ "sub_profile": "agent" });
        masked["erased"] = json!(["/input/token/sub"]);
        let events = read(&json!([masked]));
        let logged = &events.decisions[0];
        assert_eq!((logged.subject.as_str(), logged.client.as_str(), logged.subject_kind), (ERASED, ERASED, SubjectKind::Agent));
        let mut all = event();
        all["input"] = Value::Null;
        assert_eq!(read(&json!([all])).decisions[0].resource, ERASED);
    }

    #[test]
    fn one_that_cannot_be_read_leaves_the_others_alone() {
        let mut without_result = event();
        without_result["result"] = Value::Null;
        let mut without_time = event();
        without_time["timestamp"] = json!("yesterday");
        let events = read(&json!([without_result, event(), without_time, 7, null, "x", {}]));
        assert_eq!((events.decisions.len(), events.unreadable, events.foreign), (1, 2, 4));
        let mut long = event();
        long["input"]["token"]["sub"] = json!("x".repeat(1 << 16));
        long["input"]["method"] = json!("a\u{0}\nb");
        let read = read(&json!([long]));
        assert_eq!((read.decisions[0].subject.len(), read.decisions[0].method.as_str()), (LONGEST, "ab"));
    }

    #[test]
    fn bodies_that_are_too_much_are_refused_before_they_are_unpacked() {
        let packed = gzip(&json!([event()]).to_string().into_bytes());
        assert_eq!(Events::read(&unpack(&packed).expect("unpacks")).expect("an array").decisions.len(), 1);
        let bomb = gzip(&vec![b' '; LARGEST_UNPACKED + 1]);
        assert!(bomb.len() < LARGEST / 10);
        assert!(unpack(&bomb).expect_err("a bomb").contains("MiB"));
        assert!(unpack(b"[]").is_err() && unpack(&packed[..packed.len() / 2]).is_err() && unpack(b"").is_err());
        let many = format!("[{}]", vec!["1"; MOST_EVENTS + 1].join(","));
        assert!(Events::read(many.as_bytes()).is_err());
        for bad in ["{}", "", "[", "null"] {
            assert!(Events::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
