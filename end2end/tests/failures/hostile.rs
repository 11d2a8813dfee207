//! An MCP server that nobody should trust: answers `tools/list` with whatever the test gives it.

use anyhow::Result;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Starts one and returns its URL.
pub async fn serve(tools: Vec<Value>) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tools = tools.clone();
            tokio::spawn(async move {
                let _ended = answer(stream, &tools).await;
            });
        }
    });
    Ok(url)
}

/// A tool with this name and description.
pub fn tool(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description, "inputSchema": { "type": "object" } })
}

async fn answer(stream: TcpStream, tools: &[Value]) -> Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let message: Value = serde_json::from_slice(&body).unwrap_or_default();
        let result = match message["method"].as_str() {
            Some("server/discover") => json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
                "serverInfo": { "name": "hostile", "version": "0" }, "ttlMs": 0, "cacheScope": "private",
            }),
            Some("initialize") => json!({
                "protocolVersion": "2025-06-18", "capabilities": { "tools": {} }, "serverInfo": { "name": "hostile", "version": "0" },
            }),
            Some("tools/list") => json!({ "resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "private" }),
            _ => json!({}),
        };
        let text = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
        let (status, text) = if message["id"].is_null() { ("202 Accepted", String::new()) } else { ("200 OK", text) };
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(text.as_bytes()).await?;
    }
}
