//! The gateway asks MCP servers for their tools itself: when a policy comes into force, now and then, and before the first call of a tool that
//! it has not seen. So a changed tool is noticed before anybody calls it, and not only after somebody listed.
//!
//! Both generations are spoken: 2026-07-28, where each request stands alone, and the older ones, which want `initialize` first. Everything
//! is bounded: time, bytes, pages, and one question at a time to each server.

use super::definitions::Definitions;
use super::sse::Events;
use super::upstreams::{Upstream, Upstreams};
use crate::clock::{Clock, Random};
use crate::data::{DataDir, Identity};
use enforce::{Active, Enforcer};
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use policy::McpServer;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use token::{Assertion, AssertionClaims, SigningKey};
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long one server may take for all of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a call waits for it.
const CALL_PATIENCE: Duration = Duration::from_secs(3);
/// After a question, whatever came of it, the next one for the sake of a call.
const AGAIN_MS: i64 = 5_000;
/// Servers asked at once.
const AT_ONCE: usize = 4;
/// Bytes of one answer.
const LARGEST: usize = 8 << 20;
/// Pages of one list.
const PAGES: usize = 64;
/// How often to look whether another policy is in force, and whether something has to be kept.
const LOOK: Duration = Duration::from_millis(500);
/// The revision that is offered with `initialize`.
const WITH_SESSIONS: &str = "2025-11-25";

/// Asks.
#[derive(Debug)]
pub(crate) struct Prober {
    pub(crate) enforcer: Arc<Enforcer>,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    /// When each server was last asked, Unix milliseconds. Whoever holds the inner lock asks.
    pub(crate) asked: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<i64>>>>>,
}

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("it did not answer ({0})")]
    Unreachable(String),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it answered with error {0}")]
    Refused(i64),
    #[error("its answer cannot be used: {0}")]
    Unusable(&'static str),
}

impl Prober {
    /// Asks all servers whenever a policy comes into force and every `every`, and keeps what is known, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, data: Arc<DataDir>, every: Option<Duration>, stop: CancellationToken) {
        let mut asked_for: Option<(String, i64)> = None;
        loop {
            if let Some(active) = self.enforcer.active() {
                let (now, policy) = (self.clock.now_ms(), active.policy_sha256());
                let new = asked_for.as_ref().is_none_or(|(before, _)| before != policy);
                let due = asked_for.as_ref().zip(every).is_some_and(|((_, at), every)| now.saturating_sub(*at) >= milliseconds(every));
                if new || due {
                    if new {
                        self.definitions.prune(&active);
                    }
                    asked_for = Some((policy.to_owned(), now));
                    tokio::select! {
                        () = self.ask_all(&active) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
            self.keep(&data).await;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return self.keep(&data).await,
            }
        }
    }

    async fn keep(&self, data: &Arc<DataDir>) {
        let (definitions, data) = (Arc::clone(&self.definitions), Arc::clone(data));
        let kept = tokio::task::spawn_blocking(move || definitions.keep(&data)).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "the definitions of tools could not be kept on disk");
        }
    }

    async fn ask_all(&self, active: &Active) {
        let servers = active.policy().servers.keys().cloned();
        futures::stream::iter(servers).for_each_concurrent(AT_ONCE, async |resource| self.ask(&resource, i64::MAX).await).await;
    }

    /// For a call of a tool that was not seen yet: asks its server, unless that was done a moment ago, and waits, not for long.
    pub(crate) async fn before_a_call(&self, resource: &str) {
        let since = self.clock.now_ms().saturating_sub(AGAIN_MS);
        if tokio::time::timeout(CALL_PATIENCE, self.ask(resource, since)).await.is_err() {
            tracing::warn!(resource, "an MCP server did not list its tools in time for a call");
        }
    }

    /// Asks one server, unless it was asked at `since` or later.
    async fn ask(&self, resource: &str, since: i64) {
        let turn = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asked.entry(resource.to_owned()).or_default())
        };
        let mut last = turn.lock().await;
        let Some(active) = self.enforcer.active() else { return };
        let Some(server) = active.policy().servers.get(resource) else { return };
        if last.is_some_and(|at| at >= since) {
            return;
        }
        *last = Some(self.clock.now_ms());
        let learned = tokio::time::timeout(PATIENCE, self.list(&active, resource, server)).await;
        match learned {
            Ok(Ok(tools)) => tracing::debug!(server = server.name, tools, "an MCP server listed its tools"),
            Ok(Err(why)) => tracing::warn!(server = server.name, %why, "an MCP server could not be asked for its tools"),
            Err(_) => tracing::warn!(server = server.name, "an MCP server took too long to list its tools"),
        }
    }

    async fn list(&self, active: &Active, resource: &str, server: &McpServer) -> Result<usize, Failed> {
        let (upstream, address) = self.upstreams.of(resource, &server.upstream).ok_or(Failed::Unusable("its address is no URL"))?;
        let mut line = Line { prober: self, upstream, address, server, headers: HeaderMap::new(), stateless: true, id: 0 };
        match line.pages(active, resource).await {
            Ok(tools) => Ok(tools),
            // It wants `initialize` first, or does not know the revision.
            Err(Failed::Status(status)) if status.is_client_error() && !refuses_us(status) => line.with_session(active, resource).await,
            Err(Failed::Refused(_)) => line.with_session(active, resource).await,
            Err(other) => Err(other),
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const fn refuses_us(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// A conversation with one server.
struct Line<'a> {
    prober: &'a Prober,
    upstream: &'a Upstream,
    address: Url,
    server: &'a McpServer,
    headers: HeaderMap,
    stateless: bool,
    id: u64,
}

impl Line<'_> {
    async fn with_session(&mut self, active: &Active, resource: &str) -> Result<usize, Failed> {
        self.stateless = false;
        self.headers.clear();
        let client = json!({"name": "writ-gateway", "version": env!("CARGO_PKG_VERSION")});
        let params = json!({"protocolVersion": WITH_SESSIONS, "capabilities": {}, "clientInfo": client});
        let (result, answered) = self.ask("initialize", params).await?;
        let chosen = result.get("protocolVersion").and_then(Value::as_str).and_then(|chosen| HeaderValue::from_str(chosen).ok());
        self.headers.insert("mcp-protocol-version", chosen.ok_or(Failed::Unusable("it chose no revision"))?);
        if let Some(session) = answered.get("mcp-session-id") {
            self.headers.insert("mcp-session-id", session.clone());
        }
        let begun = self.send(http::Method::POST, Some(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))).await?;
        drop(begun);
        let listed = self.pages(active, resource).await;
        if self.headers.contains_key("mcp-session-id") {
            // Servers need not offer to end a session.
            let _ended = self.send(http::Method::DELETE, None).await;
        }
        listed
    }

    async fn pages(&mut self, active: &Active, resource: &str) -> Result<usize, Failed> {
        let (mut cursor, mut found) = (None::<String>, 0);
        for _ in 0..PAGES {
            let mut params = json!({});
            if let Some(cursor) = &cursor {
                params["cursor"] = json!(cursor);
            }
            let (result, _) = self.ask("tools/list", params).await?;
            let tools = result.get("tools").and_then(Value::as_array).ok_or(Failed::Unusable("no list in it"))?;
            self.prober.definitions.learn(active, resource, tools);
            found += tools.len();
            match result.get("nextCursor").and_then(Value::as_str) {
                Some(next) if cursor.as_deref() != Some(next) => cursor = Some(next.to_owned()),
                _ => return Ok(found),
            }
        }
        Ok(found)
    }

    async fn ask(&mut self, method: &str, mut params: Value) -> Result<(Value, HeaderMap), Failed> {
        self.id += 1;
        if self.stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": enforce::rpc::STATELESS,
                "io.modelcontextprotocol/clientInfo": {"name": "writ-gateway", "version": env!("CARGO_PKG_VERSION")},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            self.headers.insert("mcp-protocol-version", HeaderValue::from_static(enforce::rpc::STATELESS));
        }
        if let Ok(method) = HeaderValue::from_str(method) {
            self.headers.insert("mcp-method", method);
        }
        let message = json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params});
        let response = self.send(http::Method::POST, Some(&message)).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(Failed::Unusable("it is compressed, which nobody asked for"));
        }
        let is_events =
            headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.starts_with("text/event-stream"));
        let message = if is_events && status.is_success() { self.event(response).await? } else { whole(response).await? };
        let Some(message) = message else { return Err(Failed::Status(status)) };
        if let Some(error) = message.get("error") {
            return Err(Failed::Refused(error.get("code").and_then(Value::as_i64).unwrap_or_default()));
        }
        match message.get("result") {
            Some(result) if status.is_success() => Ok((result.clone(), headers)),
            _ => Err(Failed::Status(status)),
        }
    }

    async fn send(&self, method: http::Method, message: Option<&Value>) -> Result<reqwest::Response, Failed> {
        let Prober { clock, random, identity, key, .. } = self.prober;
        let iat = clock.now();
        let claims = AssertionClaims {
            iss: identity.gateway_id.clone(),
            // For itself: nobody calls.
            sub: identity.gateway_id.clone(),
            aud: self.server.upstream.clone(),
            iat,
            exp: iat + Assertion::LIFE,
            jti: random.id("asr", clock.now_ms()),
            ..AssertionClaims::default()
        };
        let assertion =
            Assertion::Upstream.sign(key, &identity.gateway_id, &claims).map_err(|_| Failed::Unusable("the key cannot sign"))?;
        let mut request = self.upstream.http.request(method, self.address.clone()).headers(self.headers.clone());
        request = request.header(ACCEPT, "application/json, text/event-stream");
        request = super::forward::authenticated(request, self.upstream, &assertion, clock.now_ms());
        if let Some(message) = message {
            request = request.header(CONTENT_TYPE, "application/json").body(message.to_string());
        }
        request.send().await.map_err(|error| Failed::Unreachable(crate::link::unreachable(error).to_string()))
    }

    /// Reads events until the answer to the last question comes.
    async fn event(&self, response: reqwest::Response) -> Result<Option<Value>, Failed> {
        let (mut events, mut read, mut chunks) = (Events::default(), 0, response.bytes_stream());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Failed::Unreachable(crate::link::unreachable(error).to_string()))?;
            read += chunk.len();
            if read > LARGEST {
                return Err(Failed::Unusable("larger than 8 MiB"));
            }
            for event in events.push(&chunk) {
                let message = event.data().and_then(|data| serde_json::from_str::<Value>(&data).ok());
                if let Some(message) = message.filter(|message| message.get("id").and_then(Value::as_u64) == Some(self.id)) {
                    return Ok(Some(message));
                }
            }
        }
        Ok(None)
    }
}

/// A body as one JSON document; `None` if it is none.
async fn whole(response: reqwest::Response) -> Result<Option<Value>, Failed> {
    let (mut body, mut chunks) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|error| Failed::Unreachable(crate::link::unreachable(error).to_string()))?);
        if body.len() > LARGEST {
            return Err(Failed::Unusable("larger than 8 MiB"));
        }
    }
    Ok(serde_json::from_slice(&body).ok())
}
