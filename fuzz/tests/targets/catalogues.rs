//! `outbound`: what MCP servers answer to the control plane.

use fuzz::streams::{STREAMS, dispatched};
use fuzz::{Choices, Tree, edited, edited_text, target};
use outbound::catalogue::{Bounds, Events, ImportError, Message, Pages};
use serde_json::{Value, json};

#[test]
fn event_streams() {
    target!(2_000, |mut choices: Choices<'_>| {
        let stream = edited(&mut choices, &STREAMS);
        let (mut events, mut found, mut rest) = (Events::default(), Vec::new(), stream.as_slice());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((choices.below(40) + 1).min(rest.len()));
            found.extend(events.push(now));
            rest = later;
        }
        let found: Vec<String> = found.iter().map(|data| String::from_utf8_lossy(data).into_owned()).collect();
        assert_eq!(found, dispatched(&stream, true));
    });
}

#[test]
fn answers() {
    let samples = [
        json!({"jsonrpc": "2.0", "id": 7, "result": {"tools": []}}),
        json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32601, "message": "no such \u{202e}method", "data": {"reason": "token_missing", "remedy": "sign in"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}),
    ]
    .map(|message| message.to_string());
    target!(3_000, |mut choices: Choices<'_>| {
        let body = edited(&mut choices, &samples);
        let message = match Message::read(&body) {
            Ok(message) => message,
            Err(error) => return says_what_is_wrong(&error),
        };
        // What is skipped need not be text.
        let Some(tree) = Tree::read(&body) else { return };
        let only = |name: &str| {
            let found: Vec<&Tree> = tree.members().iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect();
            assert!(found.len() < 2, "{name} is there twice");
            found.first().map(|found| found.write()).filter(|found| found != "null")
        };
        if let Some((_, words)) = message.error() {
            assert!(only("error").is_some() && words.len() < 4_000 && is_visible(&words, false));
        }
        assert!(!message.is_of_a_gateway() || message.error().is_some());
        let (ends, refuses) = (message.ends(7), message.error().is_some());
        assert!(!ends || only("id").as_deref() == Some("7"));
        match message.into_result(7) {
            Ok(result) => {
                let written = only("result").and_then(|written| serde_json::from_str::<Value>(&written).ok());
                assert!(ends && written.as_ref() == Some(&result), "{result}");
            }
            Err(error) => {
                assert!(!ends || refuses);
                says_what_is_wrong(&error);
            }
        }
    });
}

#[test]
fn pages_of_tools() {
    let bounds = Bounds { tools: 5, pages: 3, description: 40, schema: 400, ..Bounds::default() };
    let tool = |name: &str| {
        json!({"name": name, "title": "A tool\u{202e}", "description": "Reads \u{1b}[31m logs, and more of them than fit into forty bytes",
            "annotations": {"readOnlyHint": true, "openWorldHint": null},
            "inputSchema": {"type": "object", "properties": {"service": {"type": "string"}}}})
    };
    let page = |names: [&str; 2], next: Value| json!({"tools": names.map(tool), "nextCursor": next}).to_string();
    let samples = [page(["logs.read", "A/b:c-d_9"], json!("2")), page(["a", "b"], json!(null)), json!({"tools": []}).to_string()];
    target!(2_000, |mut choices: Choices<'_>| {
        let mut pages = Pages::new(bounds);
        let mut asked = 0;
        loop {
            asked += 1;
            assert!(asked <= bounds.pages, "more pages are asked for than are allowed");
            let Ok(result) = serde_json::from_str::<Value>(&edited_text(&mut choices, &samples)) else { return };
            match pages.take(&result) {
                Ok(true) => assert!(pages.cursor().is_some()),
                Ok(false) => break,
                Err(error) => return says_what_is_wrong(&error),
            }
        }
        let tools = pages.into_tools();
        assert!(tools.len() <= bounds.tools);
        let mut names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), tools.len());
        for tool in &tools {
            assert!(tool.name.len() <= 128 && tool.name.bytes().all(|byte| byte.is_ascii_graphic()));
            // What cannot be seen is written out, so the text may be longer than its bound, but not by much.
            assert!(tool.description.len() <= bounds.description * 10 && is_visible(&tool.description, true));
            assert!(tool.title.as_ref().is_none_or(|title| is_visible(title, false)));
            assert!(json!(tool.input_schema).to_string().len() <= bounds.schema);
            assert_eq!(tool.definition_digest.len(), 64);
        }
    });
}

fn is_visible(text: &str, lines: bool) -> bool {
    text.chars().all(|c| {
        (lines && matches!(c, '\n' | '\t'))
            || !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    })
}

fn says_what_is_wrong(error: &ImportError) {
    assert!(!error.code().is_empty() && !error.remedy().is_empty());
    let text = error.to_string();
    assert!(text.len() < 5_000 && is_visible(&text, false), "{text:?}");
}
