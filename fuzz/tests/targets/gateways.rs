//! `gateway`: streams and lists of MCP servers, headers, configuration, what lies on disk, what the control plane answers.

use enforce::{Active, Freshness};
use fuzz::samples::keys::{pkcs8, whole_pkcs8};
use fuzz::samples::policy::{RESOURCE, policy_text, revocations_text};
use fuzz::samples::tokens::{issuers, tokens};
use fuzz::samples::{NOW, TENANT};
use fuzz::streams::{STREAMS, dispatched};
use fuzz::{Choices, edited, edited_text, target};
use gateway::config::file;
use gateway::data::{Identity, sealed, unsealed};
use gateway::enrolment::EnrolmentToken;
use gateway::link::Watched;
use gateway::proxy::Definitions;
use gateway::proxy::door::{Bearer, Door, bearer};
use gateway::proxy::listing::{Reader, filtered};
use gateway::proxy::sse::{Event, Events};
use gateway::proxy::trace::TraceContext;
use gateway::spool::{Chain, whole_lines};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use std::path::Path;
use token::VerifyingKeys;
use url::Url;

#[test]
fn event_streams() {
    target!(2_000, |mut choices: Choices<'_>| {
        let mut stream = edited(&mut choices, &STREAMS);
        // Whether a line break at the very end is a whole one is only known from what follows.
        stream.extend_from_slice(b"x\n");
        let (mut events, mut found, mut rest) = (Events::default(), Vec::new(), stream.as_slice());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((choices.below(40) + 1).min(rest.len()));
            found.extend(events.push(now));
            rest = later;
        }
        assert_eq!(found, Events::default().push(&stream), "where it was cut made a difference");
        let mut all: Vec<u8> = found.iter().flat_map(Event::bytes).copied().collect();
        all.extend(events.take());
        assert_eq!(all, stream, "bytes were lost");
        let read = found.iter().enumerate().flat_map(|(at, event)| dispatched(event.bytes(), at == 0));
        assert_eq!(read.collect::<Vec<_>>(), dispatched(&stream, true));
        for (at, event) in found.iter().enumerate() {
            let data = dispatched(event.bytes(), at == 0);
            assert_eq!(data.as_slice(), event.data().as_slice());
            if !data.is_empty() {
                let replaced = event.with_data("{}");
                assert_eq!(
                    (replaced.data().as_deref(), dispatched(replaced.bytes(), at == 0).as_slice()),
                    (Some("{}"), &["{}".to_owned()][..])
                );
            }
        }
    });
}

#[test]
fn lists_of_tools() {
    let fresh = Freshness { timestamp: 1, fresh_until: NOW + 60 };
    let active = Active::from_files(TENANT, &policy_text(3), &revocations_text(2), fresh).expect("usable");
    let facts = VerifyingKeys::from_issuers(&issuers()).verify(&tokens()[0], NOW).expect("a good token");
    let reader = Reader { active: &active, facts: &facts, resource: RESOURCE, now: NOW };
    let tool = |name: &str| json!({"name": name, "description": "d", "inputSchema": {"type": "object", "properties": {"a": {"x-mcp-header": "A"}}}});
    let tools = ["logs.read", "logs.debug.write", "unbound", "other"].map(tool);
    let list = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, "nextCursor": "n"}});
    let several = json!([list, {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}]);
    let samples = [list.to_string(), several.to_string(), list.to_string().replace("\"tools\"", "\"t\\u006f\\u006F\\u006cs\"")];
    target!(2_000, |mut choices: Choices<'_>| {
        let message = edited_text(&mut choices, &samples);
        let definitions = Definitions::default();
        let shown = filtered(&message, &definitions, reader);
        // What passes as it is has no list in it.
        let Ok(value) = serde_json::from_str::<Value>(shown.as_ref().unwrap_or(&message)) else { return assert_eq!(shown, None) };
        let messages = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
        let lists: Vec<&Vec<Value>> = messages.iter().filter_map(|message| message.get("result")?.get("tools")?.as_array()).collect();
        assert_eq!(shown.is_some(), !lists.is_empty(), "{message}");
        for tool in lists.into_iter().flatten() {
            assert_eq!(tool["name"], "logs.read", "a developer has no other");
        }
        if let Some(shown) = shown {
            assert_eq!(filtered(&shown, &definitions, reader).as_ref(), Some(&shown));
        }
    });
}

fn header(choices: &mut Choices<'_>, samples: &[&str]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(&edited(choices, samples)).ok()
}

#[test]
fn request_headers() {
    let door = Door::new("https://gw.example:8443");
    target!(3_000, |mut choices: Choices<'_>| {
        let mut headers = HeaderMap::new();
        let samples: [(&'static str, &[&str]); 5] = [
            ("host", &["gw.example:8443", "localhost:7500", "127.0.0.1", "[::1]:7500"]),
            ("origin", &["https://gw.example:8443", "http://localhost:3000", "null"]),
            ("authorization", &["Bearer abc.def.ghi", "bearer x", "Basic YTpi"]),
            (
                "traceparent",
                &[
                    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                ],
            ),
            ("tracestate", &["a=b,c=d"]),
        ];
        for (name, values) in samples {
            for _ in 0..*choices.pick(&[1, 1, 1, 0, 2]) {
                if let Some(value) = header(&mut choices, values) {
                    headers.append(name, value);
                }
            }
        }
        if door.admits(&headers) {
            assert_eq!(headers.get_all("host").iter().count(), 1);
            let host = headers["host"].to_str().expect("text");
            let url = Url::parse(&format!("http://{host}/")).expect("a host");
            let ours = ["gw.example", "localhost", "[::1]"].iter().any(|name| url.host_str().is_some_and(|host| host == *name))
                || url.host_str().is_some_and(|host| host.starts_with("127."));
            assert!(ours && url.path() == "/" && url.username().is_empty(), "{host:?} was let in");
        }
        if let Bearer::Token(token) = bearer(&headers) {
            assert!(!token.is_empty() && !token.starts_with(' ') && token.len() <= 16 * 1024);
            assert_eq!(headers.get_all("authorization").iter().count(), 1);
        }
        if let Some(trace) = TraceContext::of(&headers) {
            assert!(trace.id().len() == 32 && trace.id().bytes().all(|digit| digit.is_ascii_hexdigit()) && trace.id() != "0".repeat(32));
            let mut sent = HeaderMap::new();
            trace.onto(&mut sent);
            assert_eq!((&sent["traceparent"], TraceContext::of(&sent)), (&headers["traceparent"], Some(trace)));
        }
    });
}

const CONFIG: &str = r#"
data = "state"
control_plane = "https://writ.example.com/t/acme"
public_url = "https://gw.example.com"
listen = "[::]:7500"
name = "gw-1"
labels = { env = "test", region = "eu" }
enrol_token_file = "token"
log = "json"

[tls]
cert = "cert.pem"
key = "key.pem"

[metrics]
listen = "off"

[limits]
connections = 100
connections_per_peer = 0
requests_per_caller = 0x10
streams_per_caller = 1
body_bytes = 1_048_576
head_bytes = 8192
head_seconds = 30
body_seconds = 30
write_seconds = 60
stop_seconds = 5

[decisions]
disk_bytes = 1073741824
when_unavailable = "deny_all"

[drift]
check_seconds = 300

[upstreams."https://gw.example.com/mcp/logs"]
ca = "ca.pem"
mtls = { cert = "c.pem", key = "k.pem" }
credential = { header = "x-api-key", file = "secret" }
connect_seconds = 5
answer_seconds = 300
body_bytes = 2048
"#;
const UNCONNECTED: &str = "data = 'd'\nrepository.at = \"files\"\nrepository.tenant = \"acme\"\nrepository.every_seconds = 10\n";

#[test]
fn configuration_files() {
    assert!(file::parse(Path::new("gateway.toml"), CONFIG).is_ok() && file::parse(Path::new("gateway.toml"), UNCONNECTED).is_ok());
    target!(2_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &[CONFIG, UNCONNECTED]);
        match file::parse(Path::new("gateway.toml"), &text) {
            Ok(settings) => {
                let limits = &settings.limits;
                assert!((1..=1_000_000).contains(&limits.connections) && limits.connections_per_peer <= 1_000_000);
                assert!((1024..=16 << 20).contains(&limits.body_bytes) && (8192..=1 << 20).contains(&limits.head_bytes));
                assert!((1..=600).contains(&limits.head.as_secs()) && limits.stop.as_secs() <= 600);
                assert!(settings.labels.as_ref().is_none_or(|labels| labels.len() <= 16));
                for upstream in settings.upstreams.values() {
                    assert!((1..=600).contains(&upstream.connect.as_secs()));
                    let header = upstream.credential.as_ref().map_or("x", |credential| credential.header.as_str());
                    assert!(
                        !["host", "content-length", "transfer-encoding", "connection"].contains(&header) && !header.starts_with("mcp-")
                    );
                }
            }
            Err(problems) => {
                assert!(!problems.0.is_empty());
                for problem in &problems.0 {
                    let line = problem.place.strip_prefix("gateway.toml:").and_then(|line| line.parse::<usize>().ok());
                    assert!(line.is_some_and(|line| line >= 1 && line <= text.split('\n').count()), "{problem}");
                    assert!(!problem.what.is_empty());
                }
            }
        }
    });
}

#[test]
fn what_lies_on_disk() {
    let chain = |seq: u64| Chain { seq, sha256: format!("{seq:064x}") };
    let files: Vec<Vec<u8>> = [(1, 2), (8, 7), (u64::MAX, 1)]
        .iter()
        .map(|(one, other)| [chain(*one), chain(*other)].map(|chain| chain.place()).concat())
        .collect();
    let identity = Identity {
        gateway_id: "gw_1".into(),
        name: "gw-1".into(),
        tenant: TENANT.into(),
        root_sha256: "0a".repeat(32),
        control_plane: "https://writ.example/t/acme".into(),
    };
    let identities = [serde_json::to_string_pretty(&identity).expect("serialises")];
    let (key, text) =
        (whole_pkcs8(25), br#"{"https://gw.example/mcp/incident":{"upstream":"http://127.0.0.1:9000/mcp","tools":{"logs.read":"0a"}}}"#);
    let seals = [sealed(&key, "definitions", text).expect("a key"), sealed(&key, "definitions", b"").expect("a key")];
    let others = [sealed(&key, "other", text), sealed(&pkcs8(25), "definitions", text)].map(|file| file.expect("a key"));
    assert!(others.iter().all(|file| unsealed(&key, "definitions", file).is_none()));
    let lines = ["{\"a\":1}\n{\"b\":2}\n{\"c\"", ""];
    target!(3_000, |mut choices: Choices<'_>| {
        if let Some(newest) = Chain::newest(&edited(&mut choices, &files)) {
            assert!([1, 2, 7, 8, u64::MAX].contains(&newest.seq) && newest == chain(newest.seq), "{newest:?} was never written");
        }
        if let Ok(read) = serde_json::from_str::<Identity>(&edited_text(&mut choices, &identities)) {
            assert_eq!(serde_json::from_value::<Identity>(json!(read)).expect("reads its own"), read);
        }
        let file = edited(&mut choices, &seals);
        assert!(unsealed(&key, "definitions", &file).is_none_or(|found| found == text || found.is_empty()), "this was never sealed");
        let log = edited(&mut choices, &lines);
        let (whole, torn) = log.split_at(whole_lines(&log));
        assert!((whole.is_empty() || whole.ends_with(b"\n")) && !torn.contains(&b'\n'));
    });
}

#[test]
fn enrolment_tokens() {
    let samples = [
        format!("wge_{}.{}", "Az09-_x".repeat(7).get(..43).expect("long enough"), "0a".repeat(32)),
        format!(" wge_{}.{}\n", "A".repeat(43), "9f".repeat(32)),
    ];
    assert!(samples.iter().all(|sample| EnrolmentToken::parse(sample).is_ok()));
    target!(4_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &samples);
        match EnrolmentToken::parse(&text) {
            Ok(token) => {
                assert_eq!(text.trim().len(), 4 + 43 + 1 + 64);
                assert!(
                    text.trim().ends_with(token.root_sha256())
                        && token.root_sha256().bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
                );
                assert!(!format!("{token:?}").contains(&text.trim()[4..47]));
            }
            Err(error) => assert!(!error.is_transient()),
        }
    });
}

/// Whatever an answer to an enrolment says, what the token pinned is what is trusted.
#[test]
fn enrolment_answers() {
    let at = "https://writ.example/t/acme";
    let token = EnrolmentToken::parse(&format!("wge_{}.{}", "A".repeat(43), "0a".repeat(32))).expect("whole");
    let samples = [json!({"gateway_id": "gw_1", "name": "gw-1", "tenant": TENANT, "root_sha256": "0a".repeat(32)}).to_string()];
    assert!(token.identity(at, TENANT, samples[0].as_bytes()).is_ok());
    target!(3_000, |mut choices: Choices<'_>| match token.identity(at, TENANT, &edited(&mut choices, &samples)) {
        Ok(identity) => {
            assert_eq!(
                (identity.tenant.as_str(), identity.root_sha256.as_str(), identity.control_plane.as_str()),
                (TENANT, token.root_sha256(), at)
            );
            assert!(identity.gateway_id.len() <= 64 && !identity.gateway_id.is_empty() && is_shown_as_it_is(&identity.gateway_id));
            assert!(is_shown_as_it_is(&identity.name));
            // It is part of the name of its witness's key.
            assert!(evidence::Cosigner::from_seed(&format!("writ/{TENANT}/{}", identity.gateway_id), &[8; 32]).is_ok());
        }
        Err(error) => assert!(is_shown_as_it_is(&error.to_string()) && !error.is_transient()),
    });
}

/// Nothing in it moves a cursor, turns the direction of what follows, or is not seen.
fn is_shown_as_it_is(text: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().count() <= 600
        && !text
            .chars()
            .any(|c| c.is_control() || turns(c) || matches!(c, '\u{ad}' | '\u{200b}' | '\u{2028}' | '\u{2060}' | '\u{feff}' | '\u{e0041}'))
}

/// What a control plane answers is only a claim: that it is read says nothing, that it is judged is tried in `following` and `evidences`.
#[test]
fn answers_of_a_control_plane() {
    let samples = [
        json!({"timestamp": 7, "files": {"metadata/timestamp.json": "{}"}, "wait_ms": 10, "ack_within_ms": 20}).to_string(),
        json!({"type": "about:blank", "title": "Conflict", "status": 409, "code": "gap", "detail": "batch 7 was\u{1b}[31m expected\u{202e}"}).to_string(),
    ];
    target!(3_000, |mut choices: Choices<'_>| {
        let body = edited(&mut choices, &samples);
        let _read = serde_json::from_slice::<Watched>(&body).is_ok();
        let said = gateway::link::said(&body);
        assert!(said.chars().count() <= 300 && is_shown_as_it_is(&said), "{said:?}");
    });
}
