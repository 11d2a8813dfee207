//! What an OPA decided: the body of `POST …/logs`, a gzipped JSON array of events (`v1/plugins/logs`).
//!
//! Of each event only what names the decision is kept. It is ours when the decision was asked for at `writ/decision`; or when the OPA
//! decides by a policy of its own, and says in `result.writ` what it asked for and what was answered. All else an OPA decides is left alone.

use crate::lane::Lane;
use crate::revision::Revision;
use crate::words::printable;
use flate2::read::GzDecoder;
use policy::SubjectKind;
use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

/// The largest body that is taken, in bytes as sent. An OPA sends 32 KiB unless it is told otherwise.
pub const LARGEST: usize = 1 << 20;
/// The largest body once it is unpacked: what packs better than this is made to.
pub const LARGEST_UNPACKED: usize = 16 << 20;
/// The most events in a body.
pub const MOST_EVENTS: usize = 10_000;
/// The largest event of ours that is read, in bytes. JSON that was taken apart takes many times its text.
pub const LARGEST_EVENT: usize = 256 << 10;
/// What stands for a name that the OPA's mask took away.
pub const ERASED: &str = "(erased)";

/// The path under which the generated Rego is asked.
const PATH: &str = "writ/decision";

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
    /// How many events are ours, or could be, and cannot be read.
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
        let mut reader = serde_json::Deserializer::from_slice(body);
        let read = reader.deserialize_seq(Reader).and_then(|read| reader.end().map(|()| read));
        let read = read.map_err(|error| format!("it is not a JSON array of events (line {}, column {})", error.line(), error.column()))?;
        read.ok_or_else(|| format!("it holds more than {MOST_EVENTS} events"))
    }

    /// Takes one event, which is taken apart only if it is ours.
    fn take(&mut self, event: &str) {
        let small = || Some(event).filter(|event| event.len() <= LARGEST_EVENT);
        let logged = || Logged::read(serde_json::from_str(small()?).ok()?);
        let read = match is_ours(event) {
            Some(false) => return self.foreign += 1,
            Some(true) => logged(),
            None => None,
        };
        match read {
            Some(logged) => self.decisions.push(logged),
            None => self.unreadable += 1,
        }
    }
}

/// Reads one event after the other, so that a body takes no more memory than one of them; `None` when there are too many.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Option<Events>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<Self::Value, A::Error> {
        let (mut read, mut count) = (Events::default(), 0);
        while let Some(event) = events.next_element::<&RawValue>()? {
            count += 1;
            if count <= MOST_EVENTS {
                read.take(event.get());
            }
        }
        Ok((count <= MOST_EVENTS).then_some(read))
    }
}

/// Whether an event is ours; `None` if that cannot be told, since a key that tells it is there twice or is no text.
fn is_ours(event: &str) -> Option<bool> {
    #[derive(Deserialize)]
    struct Named<'e> {
        #[serde(borrow, default)]
        path: Option<&'e RawValue>,
        #[serde(borrow, default)]
        result: Option<&'e RawValue>,
    }
    #[derive(Deserialize)]
    struct Answer<'e> {
        #[serde(borrow, default)]
        writ: Option<&'e RawValue>,
    }
    let is_object = |value: &&RawValue| value.get().starts_with('{');
    if !event.starts_with('{') {
        return Some(false);
    }
    let Named { path, result } = serde_json::from_str(event).ok()?;
    if let Some(path) = path
        && serde_json::from_str::<String>(path.get()).ok()?.trim_matches('/') == PATH
    {
        return Some(true);
    }
    let Some(result) = result.filter(is_object) else { return Some(false) };
    let Answer { writ } = serde_json::from_str(result.get()).ok()?;
    Some(writ.as_ref().is_some_and(is_object))
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

fn text(value: &Value) -> Option<String> {
    value.as_str().map(printable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::LONGEST;
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

    /// Whoever reads the first of two keys, or the last, has another event than we would have.
    #[test]
    fn one_that_could_be_ours_is_not_passed_over() {
        let ours = event().to_string();
        let with = |members: &str| format!("{{{members},{}", &ours[1..]);
        let own = json!({ "input": event()["input"], "decision": event()["result"] });
        let twice = format!("{{\"path\":\"a\",\"result\":{{\"writ\":{own},\"writ\":0}}}}");
        let escaped = ours.replace("writ/decision", "/wr\\u0069t/decision/");
        for (event, decisions, unreadable) in [
            (with("\"path\":\"a\""), 0, 1),
            (with("\"result\":0"), 0, 1),
            (with("\"p\\u0061th\":\"a\""), 0, 1),
            (ours.replace("\"writ/decision\"", "7"), 0, 1),
            (ours.replace("\"writ/decision\"", "\"\\ud800\""), 0, 1),
            (twice, 0, 1),
            (escaped, 1, 0),
        ] {
            let events = Events::read(format!("[{event}]").as_bytes()).expect("an array");
            assert_eq!((events.decisions.len(), events.unreadable, events.foreign), (decisions, unreadable, 0), "{event}");
        }
        // A set of answers is an array in JSON, and none of ours.
        let set = json!([{ "path": "k8s/deny", "result": [{ "msg": "no" }] }, { "result": { "writ": "x" } }, { "path": null }]);
        assert_eq!(read(&set).foreign, 3);
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
        let mut large = event();
        large["input"]["x"] = json!("x".repeat(LARGEST_EVENT));
        let mut foreign = json!({ "path": "a", "input": large["input"] });
        foreign["result"] = json!([[[]]]);
        let deep = format!("{{\"path\":\"a\",\"input\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let body = format!("[{large},{foreign},{deep},{}]", event());
        let events = Events::read(body.as_bytes()).expect("an array");
        assert_eq!((events.decisions.len(), events.unreadable, events.foreign), (1, 1, 2));
        for bad in ["{}", "", "[", "null", "[] []"] {
            assert!(Events::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
