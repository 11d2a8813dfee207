//! `enforce`: messages, headers, definitions, policies on their way into force.

use enforce::rpc::{self, Headers, Message, MethodOwned, ParamHeaders, Unreadable};
use enforce::{Active, Ask, Enforcer, Freshness, Outcome, Record, definition_digest};
use fuzz::samples::policy::{RESOURCE, policy_text, revocations_text};
use fuzz::samples::tokens::tokens;
use fuzz::samples::{NOW, TENANT};
use fuzz::{Choices, Tree, edited, edited_text, target};
use serde_json::{Value, json};
use std::sync::Arc;

const FRESH: Freshness = Freshness { timestamp: 1, fresh_until: NOW + 60 };

fn messages() -> Vec<String> {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": rpc::STATELESS, "progressToken": 7});
    [
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "logs.read", "arguments": {"service": "api", "limit": 10, "labels": ["a"]}, "_meta": meta}}),
        json!({"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": {"name": "logs.debug.write", "arguments": {"id": 1, "kind": {"task": "k", "list": [{"a": 1}]}}}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"cursor": "a"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///a"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"taskId": "t"}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 3, "result": {"content": []}}),
        json!({"jsonrpc": "2.0", "id": 3, "error": {"code": -32000, "message": "no"}}),
    ]
    .map(|message| message.to_string())
    .into()
}

/// Whether a parser that does not look at case could take one for the other. Wider than any that is known: by each mapping of Unicode.
fn looks_like(key: &str, known: &str) -> bool {
    let upper = |text: &str| text.to_uppercase().to_lowercase();
    let plain = |text: &str| upper(text).replace("i\u{307}", "i");
    plain(key) == plain(known)
}

/// The only member that any parser could take for `known`; none if it is not there or if that is not clear.
fn only<'t>(members: &'t [(String, Tree)], known: &str) -> Result<Option<&'t Tree>, ()> {
    let mut found = members.iter().filter(|(key, _)| looks_like(key, known));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some((key, value)), None) if key == known => Ok(Some(value)),
        _ => Err(()),
    }
}

/// What was read is what every other reader of the same bytes reads.
fn is_read_alike(bytes: &[u8], message: &Message) {
    let tree = Tree::read(bytes).expect("it was read as JSON");
    assert!(!tree.has_a_key_twice(), "a key is there twice: {}", tree.write());
    let text = |found: Result<Option<&Tree>, ()>| match found.expect("a key looks like another") {
        Some(Tree::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let members = tree.members();
    for known in ["jsonrpc", "id", "method", "params", "result", "error"] {
        only(members, known).expect("a key looks like another");
    }
    let params = only(members, "params").expect("clear").map_or(&[][..], Tree::members);
    for known in ["name", "arguments", "uri", "taskId", "_meta"] {
        only(params, known).expect("a key looks like another");
    }
    match &message.method {
        MethodOwned::CallTool(tool) => {
            assert_eq!(text(only(members, "method")).as_deref(), Some("tools/call"));
            assert_eq!(text(only(params, "name")).as_ref(), Some(tool));
            assert!(message.id.is_some());
            let arguments =
                only(params, "arguments").expect("clear").map(|arguments| serde_json::from_str::<Value>(&arguments.write()).expect("JSON"));
            assert_eq!(arguments.as_ref(), message.arguments.as_ref());
            assert!(arguments.is_none_or(|arguments| arguments.is_object()));
        }
        MethodOwned::Other(method) => assert_eq!(text(only(members, "method")).as_ref(), Some(method)),
        MethodOwned::Response => assert!(only(members, "method") == Ok(None) && message.id.is_some()),
        MethodOwned::Stream | MethodOwned::EndSession => panic!("no message says so"),
    }
}

fn has_a_code(why: &Unreadable) {
    assert!(why.code <= rpc::DENIED.max(-32000) && why.code >= -32768 && !why.why.is_empty(), "{why:?}");
}

#[test]
fn messages_and_the_decision_about_them() {
    let (messages, tokens) = (messages(), tokens());
    let enforcer = Enforcer::closed();
    enforcer.activate(Arc::new(Active::from_files(TENANT, &policy_text(3), &revocations_text(2), FRESH).expect("usable")));
    let digest = "0a".repeat(32);
    target!(4_000, |mut choices: Choices<'_>| {
        let bytes = edited(&mut choices, &messages);
        let message = match rpc::read(&bytes) {
            Ok(message) => message,
            Err(why) => return has_a_code(&why),
        };
        is_read_alike(&bytes, &message);
        let ask = Ask {
            bearer: Some(choices.pick(&tokens).as_str()),
            resource: RESOURCE,
            method: &message.method,
            arguments: message.arguments.as_ref(),
            live_tool_digest: Some(&digest),
            request_id: "req_1",
            trace_id: None,
            now_ms: NOW * 1000,
        };
        let answer = enforcer.authorize(&ask);
        if let (Outcome::Allow { scope, .. }, Some(tool)) = (&answer.outcome, message.method.tool()) {
            // In this policy a tool's scope has the tool's name.
            assert_eq!(scope.as_deref(), Some(tool));
            if tool == "logs.read" {
                let arguments = message.arguments.as_ref().expect("one is required");
                let service = arguments["service"].as_str().expect("a text");
                assert!(service.len() <= 40 && !service.is_empty() && service.bytes().all(|byte| byte.is_ascii_lowercase()));
            }
            // Its line in the log is read back as it was written.
            let record = answer.record.expect("a call is written down");
            let line = serde_json::to_string(&record).expect("serialises");
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Record>(&line).expect("reads its own"), record);
        }
    });
}

#[test]
fn headers() {
    let messages: Vec<Message> = messages().iter().map(|message| rpc::read(message.as_bytes()).expect("reads")).collect();
    let values = [
        "tools/call",
        "logs.read",
        "=?base64?bG9ncy5yZWFk?=",
        "=?base64?cHLDvGZlbg==?=",
        "file:///a",
        rpc::STATELESS,
        "2025-06-18",
        "10",
        "api",
    ];
    let definition = json!({"name": "logs.read", "inputSchema": {"type": "object", "properties": {
        "service": {"type": "string", "x-mcp-header": "Service"},
        "limit": {"type": "integer", "x-mcp-header": "limit"},
        "kind": {"properties": {"task": {"type": "string", "x-mcp-header": "Task"}}},
    }}})
    .to_string();
    target!(3_000, |mut choices: Choices<'_>| {
        let message = &messages[choices.below(messages.len())];
        let header = |choices: &mut Choices<'_>| (choices.below(4) > 0).then(|| edited_text(choices, &[*choices.clone().pick(&values)]));
        let (revision, method, name) = (header(&mut choices), header(&mut choices), header(&mut choices));
        let headers = Headers { revision: revision.as_deref(), method: method.as_deref(), name: name.as_deref() };
        match rpc::agree(message, headers) {
            Ok(()) => {
                assert!(method.as_deref().is_none_or(|method| method == message.method.name()));
                assert!(revision.as_deref().is_none_or(|revision| rpc::REVISIONS.contains(&revision)));
                assert!(!headers.are_stateless() || method.is_some() && name.is_some() == message.name.is_some());
                if let Some(plain) = name.filter(|name| !name.starts_with("=?base64?")) {
                    assert_eq!(Some(plain), message.name);
                }
            }
            Err(why) => has_a_code(&why),
        }
        if let Ok(definition) = serde_json::from_str::<Value>(&edited_text(&mut choices, &[&definition])) {
            let value = edited_text(&mut choices, &values);
            let params = ParamHeaders::of(&definition);
            if let Err(why) = params.agree(message, |name| name.ends_with('e').then_some(value.as_str())) {
                has_a_code(&why);
            }
        }
    });
}

/// The gateway's digest is the one that the control plane reviewed, and no writing and reading changes it.
#[test]
fn definitions() {
    let samples = [
        json!({"name": "logs.read", "title": "Logs", "description": "Reads \"logs\"\né", "annotations": {"readOnlyHint": true, "destructiveHint": null},
            "inputSchema": {"type": "object", "required": [], "properties": {"limit": {"minimum": 1.5, "maximum": 1e21, "default": -2.5e-7}}, "": [{}, [], "", "[", "{"]}}).to_string(),
        json!({"name": "a", "inputSchema": {}}).to_string(),
    ];
    target!(3_000, |mut choices: Choices<'_>| {
        let Ok(definition) = serde_json::from_str::<Value>(&edited_text(&mut choices, &samples)) else { return };
        let digest = definition_digest(&definition);
        assert_eq!(digest, outbound::catalogue::definition_digest(&definition), "{definition}");
        let again: Value = serde_json::from_str(&definition.to_string()).expect("reads its own");
        assert_eq!(digest, definition_digest(&again), "{definition}");
    });
}

#[test]
fn policies_on_their_way_into_force() {
    let (policies, lists) = ([policy_text(3)], [revocations_text(2)]);
    let calls = messages();
    let tokens = tokens();
    let digest = "0a".repeat(32);
    target!(800, |mut choices: Choices<'_>| {
        let policy = if choices.below(4) > 0 { edited_text(&mut choices, &policies) } else { policies[0].clone() };
        let list = if choices.below(2) == 0 { edited_text(&mut choices, &lists) } else { lists[0].clone() };
        let active = match Active::from_files(TENANT, &policy, &list, FRESH) {
            Ok(active) => active,
            Err(unusable) => return assert!(!unusable.code().is_empty()),
        };
        assert_eq!((active.policy().tenant.as_str(), active.revocations().tenant()), (TENANT, TENANT));
        let enforcer = Enforcer::closed();
        enforcer.activate(Arc::new(active));
        // Whatever it says, a call that comes in is answered.
        let Ok(message) = rpc::read(choices.pick(&calls).as_bytes()) else { return };
        let ask = Ask {
            bearer: Some(choices.pick(&tokens).as_str()),
            resource: RESOURCE,
            method: &message.method,
            arguments: message.arguments.as_ref(),
            live_tool_digest: Some(&digest),
            request_id: "req_1",
            trace_id: None,
            now_ms: NOW * 1000,
        };
        let _answer = enforcer.authorize(&ask);
    });
}
