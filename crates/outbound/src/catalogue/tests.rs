//! Imports from servers of all kinds.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::{Bounds, Catalogue, ImportError, definition_digest, import};
use crate::http::{Guarded, Limits, OutboundError, Reach};

/// How a fake server behaves.
#[derive(Clone)]
struct Fake {
    stateless: bool,
    events: bool,
    pages: Arc<Vec<Vec<Value>>>,
    heard: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Fake {
    fn with(tools: Vec<Value>) -> Self {
        Self::paged(vec![tools])
    }

    fn paged(pages: Vec<Vec<Value>>) -> Self {
        Self { stateless: false, events: false, pages: Arc::new(pages), heard: Arc::default() }
    }

    async fn start(&self) -> Url {
        serve(Router::new().route("/mcp", post(answer).delete(|| async { StatusCode::OK })).with_state(self.clone())).await
    }

    fn heard(&self, method: &str) -> Option<HeaderMap> {
        let heard = self.heard.lock().expect("whole");
        heard.iter().find(|(said, _)| said == method).map(|(_, headers)| headers.clone())
    }
}

async fn answer(State(fake): State<Fake>, headers: HeaderMap, Json(message): Json<Value>) -> Response {
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    fake.heard.lock().expect("whole").push((method.clone(), headers.clone()));
    let error = |status: StatusCode, code: i64| {
        let body = json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": code, "message": "no\u{1b}[31m" } });
        (status, Json(body)).into_response()
    };
    let info = json!({ "name": "fake\u{202e}", "version": "1.2", "title": "A fake" });
    let result = match method.as_str() {
        "initialize" if fake.stateless => return error(StatusCode::NOT_FOUND, -32601),
        "initialize" => json!({ "protocolVersion": "2025-06-18", "capabilities": { "tools": {} }, "serverInfo": info }),
        "notifications/initialized" => return StatusCode::ACCEPTED.into_response(),
        "tools/list" => {
            let right = if fake.stateless {
                headers["mcp-protocol-version"] == "2026-07-28"
                    && headers["mcp-method"] == "tools/list"
                    && message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
            } else {
                headers["mcp-session-id"] == "s-1" && headers["mcp-protocol-version"] == "2025-06-18"
            };
            if !right {
                return error(StatusCode::BAD_REQUEST, -32020);
            }
            let page = message["params"]["cursor"].as_str().map_or(0, |cursor| cursor.parse().expect("ours"));
            let mut result = json!({ "tools": fake.pages[page] });
            if page + 1 < fake.pages.len() {
                result["nextCursor"] = (page + 1).to_string().into();
            }
            result
        }
        "server/discover" => json!({ "supportedVersions": ["2026-07-28"], "_meta": { "io.modelcontextprotocol/serverInfo": info } }),
        _ => return error(StatusCode::OK, -32601),
    };
    let body = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    if fake.events {
        let noise = json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": {} });
        let text = format!("data: {noise}\n\nevent: message\ndata: {body}\n\n");
        return ([(header::CONTENT_TYPE, "text/event-stream"), (header::HeaderName::from_static("mcp-session-id"), "s-1")], text)
            .into_response();
    }
    ([("mcp-session-id", "s-1")], Json(body)).into_response()
}

async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/mcp", listener.local_addr().expect("has one"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&url).expect("a URL")
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "description": "Does.", "inputSchema": { "type": "object" } })
}

async fn import_within(url: &Url, bounds: &Bounds) -> Result<Catalogue, ImportError> {
    let reach = Reach { allow_loopback: true, allow_private: false };
    import(&Guarded::new(reach, Limits::default()).expect("builds"), url, Some("Bearer s3cret"), bounds).await
}

async fn import_from(fake: &Fake) -> Result<Catalogue, ImportError> {
    import_within(&fake.start().await, &Bounds::default()).await
}

async fn import_static(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Result<Catalogue, ImportError> {
    let handler = move || async move { (status, [(header::CONTENT_TYPE, kind)], body) };
    import_within(&serve(Router::new().route("/mcp", post(handler))).await, &Bounds::default()).await
}

#[tokio::test]
async fn tools_come_by_session_page_by_page_as_json_or_events() {
    for events in [false, true] {
        let definition = json!({
            "name": "logs.read", "title": "Read logs", "description": "Reads logs.",
            "inputSchema": { "type": "object", "properties": { "since": { "type": "string" } } },
            "annotations": { "readOnlyHint": true, "openWorldHint": false, "title": "x" },
        });
        let fake = Fake { events, ..Fake::paged(vec![vec![definition.clone()], vec![tool("b")], vec![]]) };
        let catalogue = import_from(&fake).await.expect("imports");
        assert_eq!(catalogue.protocol, "2025-06-18");
        assert_eq!(catalogue.server.name, "fake<U+202E>");
        assert_eq!(catalogue.tools.len(), 2);
        let first = &catalogue.tools[0];
        assert_eq!((first.name.as_str(), first.title.as_deref()), ("logs.read", Some("Read logs")));
        assert_eq!((first.annotations.read_only, first.annotations.destructive), (Some(true), None));
        assert_eq!(first.annotations.open_world, Some(false));
        assert_eq!(first.definition_digest, definition_digest(&definition));
        assert_eq!(Value::from(first.input_schema.clone()), definition["inputSchema"]);
        let headers = fake.heard("notifications/initialized").expect("was told");
        assert_eq!(headers["authorization"], "Bearer s3cret");
    }
}

#[tokio::test]
async fn a_stateless_server_is_recognised() {
    let fake = Fake { stateless: true, ..Fake::paged(vec![vec![tool("a")], vec![tool("b")]]) };
    let catalogue = import_from(&fake).await.expect("imports");
    assert_eq!((catalogue.protocol.as_str(), catalogue.tools.len()), ("2026-07-28", 2));
    assert_eq!(catalogue.server.version, "1.2");
    assert!(fake.heard("notifications/initialized").is_none());
}

#[tokio::test]
async fn a_hundred_thousand_tools_import_none() {
    let many: Vec<_> = (0..100_000).map(|number| json!({ "name": format!("t{number}"), "inputSchema": {} })).collect();
    let flood = import_from(&Fake::with(many.clone())).await.expect_err("too large");
    let pages: Vec<_> = many.chunks(1000).map(<[Value]>::to_vec).collect();
    let pages = import_from(&Fake::paged(pages)).await.expect_err("too many");
    assert_eq!((flood, pages), (ImportError::TooManyTools { limit: 2000 }, ImportError::TooManyTools { limit: 2000 }));
}

#[tokio::test]
async fn a_megabyte_of_description_is_cut_and_flagged() {
    let mut long = tool("long");
    long["description"] = "é".repeat(512 * 1024).into();
    let catalogue = import_from(&Fake::with(vec![long.clone(), tool("short")])).await.expect("imports");
    let [first, second] = &catalogue.tools[..] else { panic!("two") };
    assert_eq!((first.description.len(), first.description_chars, first.description_unread), (4096, 512 * 1024, 512 * 1024 - 2048));
    assert_eq!(first.definition_digest, definition_digest(&long));
    assert_eq!(second.description_unread, 0);
}

#[tokio::test]
async fn hidden_characters_are_shown() {
    let mut sly = tool("sly");
    sly["description"] = "ok\u{202e}\u{0}\u{1b}[2J\nline\u{e0041}".into();
    sly["title"] = "a\nb".into();
    let catalogue = import_from(&Fake::with(vec![sly])).await.expect("imports");
    assert_eq!(catalogue.tools[0].description, "ok<U+202E><U+0000><U+001B>[2J\nline<U+E0041>");
    assert_eq!(catalogue.tools[0].title.as_deref(), Some("a<U+000A>b"));
}

#[tokio::test]
async fn one_bad_tool_refuses_the_whole_import() {
    let with = |member: &str, value: Value| {
        let mut bad = tool("bad");
        bad[member] = value;
        bad
    };
    let big = json!({ "type": "object", "description": "x".repeat(64 * 1024) });
    for (bad, problem) in [
        (with("name", json!("a b\u{202e}")), "has a name"),
        (with("name", json!("x".repeat(129))), "has a name"),
        (with("name", Value::Null), "has no name"),
        (with("inputSchema", json!([])), "not an object"),
        (with("inputSchema", json!(true)), "not an object"),
        (json!({ "name": "none" }), "has no input schema"),
        (with("inputSchema", big), "more than 65536 bytes"),
        (with("annotations", json!({ "readOnlyHint": "yes" })), "neither true nor false"),
        (with("description", json!(7)), "not text"),
        (json!("just text"), "is not an object"),
        (tool("fine"), "name of another tool"),
    ] {
        let error = import_from(&Fake::with(vec![tool("fine"), bad.clone()])).await.expect_err(problem);
        assert_eq!(error.code(), "bad_tool");
        let sentence = error.to_string();
        assert!(sentence.contains(problem) && sentence.contains("Tool number 2"), "{sentence}");
        assert!(sentence.len() < 1000 && !sentence.contains('\u{202e}'), "{sentence}");
    }
}

#[tokio::test]
async fn an_oversized_response_is_refused() {
    let huge = vec![tool(&"x".repeat(100)); 60_000];
    let error = import_from(&Fake::with(huge)).await.expect_err("too large");
    assert_eq!(error, ImportError::Outbound(OutboundError::TooLarge { limit: 4 * 1024 * 1024 }));
    let pages = Fake::paged(vec![vec![tool("a")], vec![tool("b")]]);
    let bounds = Bounds { responses: 300, ..Bounds::default() };
    let error = import_within(&pages.start().await, &bounds).await.expect_err("too much together");
    assert_eq!(error, ImportError::TooLarge { limit: 300, unit: "bytes" });
}

#[tokio::test]
async fn endless_pages_end() {
    let many = Fake::paged((0..20).map(|_| vec![]).collect());
    let bounds = Bounds { pages: 5, ..Bounds::default() };
    let error = import_within(&many.start().await, &bounds).await.expect_err("endless");
    assert_eq!(error, ImportError::TooLarge { limit: 5, unit: "pages" });
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_is_said_to_be_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = Url::parse(&format!("http://{}/mcp", listener.local_addr().expect("has one"))).expect("a URL");
    let bounds = Bounds { total: Duration::from_millis(50), ..Bounds::default() };
    let code = import_within(&url, &bounds).await.expect_err("is silent").code();
    assert!(matches!(code, "too_slow" | "timed_out"), "{code}");
    drop(listener);
    let down = import_within(&url, &Bounds::default()).await.expect_err("is down");
    assert_eq!(down.code(), "unreachable");
    let said = down.to_string();
    assert!(said.starts_with("The MCP server could not be reached by Writ: "), "{said}");
}

#[tokio::test]
async fn what_is_no_mcp_server_is_said_to_be_none() {
    let ok = StatusCode::OK;
    assert_eq!(import_static(ok, "text/html", b"<h1>Hi</h1>".to_vec()).await.expect_err("HTML").code(), "not_mcp");
    assert_eq!(import_static(ok, "application/json", b"[1".to_vec()).await.expect_err("broken").code(), "not_mcp");
    assert_eq!(import_static(ok, "text/event-stream", b"data: {}\n\n".to_vec()).await.expect_err("ends").code(), "not_mcp");
    let missing = import_static(StatusCode::NOT_FOUND, "text/html", Vec::new()).await;
    assert_eq!(missing, Err(ImportError::Outbound(OutboundError::BadStatus(404))));
    let redirect = import_static(StatusCode::FOUND, "text/html", Vec::new()).await;
    assert_eq!(redirect, Err(ImportError::Outbound(OutboundError::BadStatus(302))));
    let locked = import_static(StatusCode::UNAUTHORIZED, "text/html", Vec::new()).await;
    assert_eq!(locked, Err(ImportError::Unauthorized(401)));
}

#[tokio::test]
async fn a_servers_own_error_is_shown_as_text() {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32000, "message": "busy\u{1b}[31m" } });
    let error = import_static(StatusCode::OK, "application/json", body.to_string().into_bytes()).await;
    assert_eq!(error, Err(ImportError::Refused { code: -32000, message: "busy<U+001B>[31m".into() }));
}

#[tokio::test]
async fn a_gateway_in_the_place_of_the_server_is_recognised() {
    let said = |reason: &str| {
        let data = json!({ "reason": reason, "remedy": "Do something.", "request_id": "req_1" });
        json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32001, "message": "Do something.", "data": data } })
            .to_string()
            .into_bytes()
    };
    for (status, reason) in [
        (StatusCode::SERVICE_UNAVAILABLE, "gateway_closed"),
        (StatusCode::NOT_FOUND, "unknown_resource"),
        (StatusCode::UNAUTHORIZED, "token_missing"),
    ] {
        assert_eq!(import_static(status, "application/json", said(reason)).await, Err(ImportError::Gateway), "{reason}");
    }
    // A server's own words are none of a gateway's.
    let other = import_static(StatusCode::UNAUTHORIZED, "application/json", said("no_token")).await;
    assert_eq!(other, Err(ImportError::Unauthorized(401)));
    assert_eq!(import_static(StatusCode::FORBIDDEN, "application/json", b"{}".to_vec()).await, Err(ImportError::Unauthorized(403)));
}
