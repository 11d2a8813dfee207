//! One call with a given token, answered as it is on the wire. The SDK drops the body of a refusal that carries a challenge, and with it
//! the reason code; and "the same token" can only be shown with a token in hand. So this speaks MCP 2026-07-28 directly.

use anyhow::{Context as _, Result};
use reqwest::{
    StatusCode,
    header::{ACCEPT, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The challenge, if any.
    pub challenge: Option<String>,
    /// The JSON-RPC message.
    pub body: Value,
    /// The gateway's name for this call, as in its decision log.
    pub request_id: String,
}

impl Answer {
    /// The tool ran.
    pub fn worked(&self) -> bool {
        self.status.is_success() && self.body["result"].is_object() && self.body["result"]["isError"] != true
    }

    /// The stable reason code of a refusal.
    pub fn reason(&self) -> Option<&str> {
        self.body["error"]["data"]["reason"].as_str()
    }

    /// The challenge's error code.
    pub fn challenge_error(&self) -> Option<&str> {
        parameter(self.challenge.as_deref()?, "error")
    }

    /// Status, challenge and reason in a few words.
    pub fn shown(&self) -> String {
        if self.worked() {
            return "works".to_owned();
        }
        let challenge = self.challenge_error().map_or_else(String::new, |error| format!(" {error}"));
        let reason = self.reason().map_or_else(
            || self.body["error"]["message"].as_str().map_or_else(String::new, |said| format!(" ({said})")),
            |reason| format!(" ({reason})"),
        );
        format!("{}{challenge}{reason}", self.status.as_u16())
    }
}

/// One parameter of a `WWW-Authenticate` challenge.
pub fn parameter<'c>(challenge: &'c str, name: &str) -> Option<&'c str> {
    let start = format!("{name}=\"");
    let mut from = 0;
    while let Some(at) = challenge[from..].find(&start) {
        let at = from + at;
        // `error` is also the end of another parameter's name, so the character before it counts.
        if matches!(challenge[..at].chars().next_back(), Some(' ' | ',')) {
            return challenge[at + start.len()..].split('"').next();
        }
        from = at + start.len();
    }
    None
}

/// Calls a tool.
///
/// # Errors
/// When the gateway does not answer.
pub async fn tool(resource: &str, token: &str, tool: &str, arguments: Value) -> Result<Answer> {
    tool_by(&reqwest::Client::new(), resource, token, tool, arguments).await
}

/// The same by a client that knows, say, whose certificate to take.
///
/// # Errors
/// As [`tool`].
pub async fn tool_by(http: &reqwest::Client, resource: &str, token: &str, tool: &str, arguments: Value) -> Result<Answer> {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "end2end", "version": env!("CARGO_PKG_VERSION") },
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    });
    let request = http
        .post(resource)
        .bearer_auth(token)
        .header(ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .json(&message);
    let response = request.send().await.with_context(|| format!("calling {tool} at {resource}"))?;
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (challenge, request_id) = (text(WWW_AUTHENTICATE.as_str()), text("x-request-id").unwrap_or_default());
    let status = response.status();
    let body = response.text().await?;
    // A server may answer with an event stream of one message.
    let body = body.lines().find_map(|line| line.strip_prefix("data: ")).map_or(body.clone(), str::to_owned);
    Ok(Answer { status, challenge, body: serde_json::from_str(&body).unwrap_or(Value::String(body)), request_id })
}

/// The arguments that the demo's tools take.
pub fn arguments(tool: &str) -> Value {
    match tool {
        "logs.read" => json!({ "service": "checkout", "since_minutes": 15 }),
        "logs.debug.write" => json!({ "service": "checkout", "level": "debug" }),
        "incidents.trigger" => json!({ "title": "checkout answers 503", "severity": "sev2" }),
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn challenges_are_read_by_name() {
        let challenge = r#"Bearer x_error="no", error="insufficient_scope", scope="a b""#;
        assert_eq!(parameter(challenge, "error"), Some("insufficient_scope"));
        assert_eq!(parameter(challenge, "scope"), Some("a b"));
        assert_eq!(parameter(challenge, "realm"), None);
    }
}
