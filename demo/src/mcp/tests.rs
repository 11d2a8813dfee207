//! The servers over a real socket, spoken to as a plain HTTP client does.

use super::{Config, Kind, serve_until};
use crate::idp::Clock;
use serde_json::{Value, json};
use std::io;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

const NOON: i64 = 1_795_003_200;

struct Server {
    address: String,
    _stop: oneshot::Sender<()>,
}

async fn started(kind: Kind) -> io::Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let (stop, stopped) = oneshot::channel();
    let config = Config { clock: Clock::from_fn(|| NOON), ..Config::new(kind) };
    tokio::spawn(serve_until(listener, config, async {
        let _ = stopped.await;
    }));
    Ok(Server { address, _stop: stop })
}

impl Server {
    async fn post(&self, host: &str, headers: &str, body: &Value) -> io::Result<(u16, Value)> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let json = answer.find('{').and_then(|at| answer.rfind('}').map(|end| &answer[at..=end])).unwrap_or("null");
        Ok((status, serde_json::from_str(json).unwrap_or(Value::Null)))
    }

    /// A call of revision 2025-11-25.
    async fn call(&self, method: &str, params: Value) -> io::Result<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Ok(self.post("127.0.0.1", "MCP-Protocol-Version: 2025-11-25\r\n", &body).await?.1)
    }

    async fn tool(&self, name: &str, arguments: Value) -> io::Result<Value> {
        self.call("tools/call", json!({ "name": name, "arguments": arguments })).await
    }
}

#[tokio::test]
async fn each_kind_lists_its_tools_with_their_annotations() -> io::Result<()> {
    let server = started(Kind::Incident).await?;
    let listed = server.call("tools/list", json!({})).await?;
    let mut tools: Vec<(&str, &Value)> = listed["result"]["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| (tool["name"].as_str().unwrap_or(""), &tool["annotations"]))
        .collect();
    tools.sort_by_key(|(name, _)| *name);
    let names: Vec<&str> = tools.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["incidents.trigger", "logs.debug.write", "logs.read"], "{listed}");
    assert_eq!(tools[0].1["destructiveHint"], true);
    assert_eq!(tools[1].1["readOnlyHint"], false);
    assert_eq!(tools[2].1["readOnlyHint"], true);

    let listed = started(Kind::Analytics).await?.call("tools/list", json!({})).await?;
    assert_eq!(listed["result"]["tools"][0]["name"], "analytics.query", "{listed}");
    Ok(())
}

#[tokio::test]
async fn logs_carry_the_given_time() -> io::Result<()> {
    let answer = started(Kind::Incident).await?.tool("logs.read", json!({ "service": "checkout", "since_minutes": 1 })).await?;
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
    assert_eq!(
        text, "2026-11-18T11:59:00Z ERROR checkout: payment provider answered 503 after 3 attempts order=84121 trace=7f3a09",
        "{answer}"
    );
    Ok(())
}

#[tokio::test]
async fn incidents_are_numbered_across_requests() -> io::Result<()> {
    let server = started(Kind::Incident).await?;
    let ask = json!({ "title": "Checkout is failing", "severity": "sev2" });
    let first = server.tool("incidents.trigger", ask.clone()).await?;
    let second = server.tool("incidents.trigger", ask).await?;
    assert_eq!(first["result"]["structuredContent"]["incident"], "INC-1042", "{first}");
    assert_eq!(second["result"]["structuredContent"]["incident"], "INC-1043", "{second}");
    Ok(())
}

#[tokio::test]
async fn a_level_shows_what_it_replaced() -> io::Result<()> {
    let server = started(Kind::Incident).await?;
    server.tool("logs.debug.write", json!({ "service": "checkout", "level": "debug" })).await?;
    let answer = server.tool("logs.debug.write", json!({ "service": "checkout", "level": "warn" })).await?;
    assert_eq!(answer["result"]["structuredContent"]["before"], "debug", "{answer}");
    Ok(())
}

#[tokio::test]
async fn bad_arguments_are_refused_by_name() -> io::Result<()> {
    let answer = started(Kind::Incident).await?.tool("incidents.trigger", json!({ "title": "x", "severity": "huge" })).await?;
    assert!(answer["error"]["message"].as_str().unwrap_or_default().contains("severity"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_call_of_the_newest_revision_needs_no_initialize() -> io::Result<()> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let arguments = json!({ "metric": "cost", "window": "24h" });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "analytics.query", "arguments": arguments, "_meta": meta } });
    let headers = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: analytics.query\r\n";
    let (status, answer) = started(Kind::Analytics).await?.post("127.0.0.1", headers, &body).await?;
    assert_eq!((status, &answer["result"]["structuredContent"]["unit"]), (200, &json!("EUR")), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_foreign_host_and_a_web_page_are_refused() -> io::Result<()> {
    let server = started(Kind::Incident).await?;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    assert_eq!(server.post("evil.example", "", &body).await?.0, 403);
    assert_eq!(server.post("127.0.0.1", "Origin: https://evil.example\r\n", &body).await?.0, 403);
    Ok(())
}

#[tokio::test]
async fn only_loopback_is_served() -> io::Result<()> {
    let everywhere = TcpListener::bind("0.0.0.0:0").await?;
    let refused = serve_until(everywhere, Config::new(Kind::Incident), async {}).await;
    assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::InvalidInput));
    Ok(())
}
