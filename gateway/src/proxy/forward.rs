//! To the MCP server and back: with our own credential instead of the caller's, streaming, and ended when it has to end.

use super::caller::Caller;
use super::door::single;
use super::handle::Plane;
use super::listing::{Reader, filtered};
use super::refuse::{About, plain};
use super::sse::{Events, data, with_data};
use super::streams::UnderWay;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use enforce::{Active, MethodOwned};
use futures::{Stream, StreamExt};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use policy::{McpServer, TokenFacts};
use std::sync::Arc;
use std::time::Duration;
use token::{Assertion, AssertionClaims};

/// The largest list of tools, and the largest event that is held to be looked at, in bytes.
const LARGEST_LIST: usize = 8 << 20;
/// How long an MCP server may take to begin its answer. Tools can be slow.
const HEAD: Duration = Duration::from_secs(300);

/// What is forwarded, for whom.
pub(crate) struct Forward<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) active: Arc<Active>,
    pub(crate) facts: Arc<TokenFacts>,
    pub(crate) scope: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) method: MethodOwned,
    pub(crate) body: Option<Bytes>,
    pub(crate) under_way: UnderWay,
}

/// Request headers that an MCP server gets to see. The caller's credential, cookies and addresses are not among them.
fn is_forwarded(name: &HeaderName) -> bool {
    *name == ACCEPT || *name == CONTENT_TYPE || name == "last-event-id" || name.as_str().starts_with("mcp-")
}

/// Response headers that a caller gets to see.
fn is_returned(name: &HeaderName) -> bool {
    *name == CONTENT_TYPE || *name == CACHE_CONTROL || name == "allow" || name == "retry-after" || name.as_str().starts_with("mcp-")
}

fn copied(headers: &HeaderMap, which: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    headers.iter().filter(|(name, _)| which(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Forwards an allowed call.
pub(crate) async fn forward(plane: &Arc<Plane>, about: &About<'_>, call: Forward<'_>) -> Response {
    let Some(server) = call.active.policy().servers.get(about.resource) else {
        return plain(StatusCode::NOT_FOUND, about, "unknown_resource", policy::Reason::UnknownResource.remedy());
    };
    let Some(assertion) = assertion(plane, server, &call) else {
        return plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            about,
            "internal",
            "The gateway's key could not sign. An operator can look into the log.",
        );
    };
    let method = match call.method {
        MethodOwned::Stream => http::Method::GET,
        MethodOwned::EndSession => http::Method::DELETE,
        _ => http::Method::POST,
    };
    let client = &plane.http[usize::from(!crate::link::is_loopback(&server.upstream))];
    let mut request = client.request(method, &server.upstream).headers(copied(call.headers, is_forwarded)).bearer_auth(assertion);
    if let Some(body) = call.body.clone() {
        request = request.body(body);
    }
    let sent = tokio::select! {
        () = call.under_way.end.cancelled() => {
            return plain(StatusCode::FORBIDDEN, about, "revoked_meanwhile", "What allowed this call was taken away while it ran. Ask your administrator.");
        }
        sent = tokio::time::timeout(HEAD, request.send()) => sent,
    };
    let unavailable = "The MCP server behind the gateway did not answer. Its operator can look into it.";
    let response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::warn!(request_id = about.request_id, server = server.name, error = %crate::link::unreachable(error), "an MCP server did not answer");
            return plain(StatusCode::BAD_GATEWAY, about, "upstream_unavailable", unavailable);
        }
        Err(_) => return plain(StatusCode::GATEWAY_TIMEOUT, about, "upstream_unavailable", unavailable),
    };
    let status = response.status();
    if status.is_redirection()
        || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
    {
        // Its answer is about the gateway's credential; a client would take it for its own.
        tracing::error!(request_id = about.request_id, server = server.name, %status, "an MCP server refused the gateway");
        let remedy = "The MCP server behind the gateway does not accept the gateway. Its operator can make it accept the gateway's key.";
        return plain(StatusCode::BAD_GATEWAY, about, "upstream_refused", remedy);
    }
    remember_session(plane, about.resource, &call, response.headers());
    returned(plane, about, call, response).await
}

fn assertion(plane: &Plane, server: &McpServer, call: &Forward<'_>) -> Option<String> {
    let iat = plane.clock.now();
    let claims = AssertionClaims {
        iss: plane.identity.gateway_id.clone(),
        sub: call.facts.subject.clone(),
        aud: server.upstream.clone(),
        iat,
        exp: iat + Assertion::LIFE,
        jti: plane.random.id("asr", plane.clock.now_ms()),
        client_id: Some(call.facts.client.clone()),
        agent: call.facts.agent.as_ref().map(|agent| agent.id.clone()),
        scope: call.scope.clone(),
    };
    Assertion::Upstream.sign(&plane.key, &plane.identity.gateway_id, &claims).ok()
}

fn remember_session(plane: &Plane, resource: &str, call: &Forward<'_>, answered: &HeaderMap) {
    if let Some(id) = single(answered, "mcp-session-id") {
        plane.sessions.begin(resource, id, call.caller.clone());
    }
    if call.method == MethodOwned::EndSession
        && let Some(id) = single(call.headers, "mcp-session-id")
    {
        plane.sessions.end(resource, id);
    }
}

async fn returned(plane: &Arc<Plane>, about: &About<'_>, call: Forward<'_>, response: reqwest::Response) -> Response {
    let (status, headers) = (response.status(), copied(response.headers(), is_returned));
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let is_list = call.method.is_list();
    let body = if kind.starts_with("text/event-stream") {
        Body::from_stream(ended(Box::pin(events(plane, about.resource, &call, response)), call.under_way))
    } else if is_list {
        match list(plane, about.resource, &call, response).await {
            Ok(body) => body,
            Err(why) => {
                tracing::warn!(request_id = about.request_id, resource = about.resource, why, "a list of tools could not be used");
                let remedy = "The MCP server's list of tools cannot be read. Its operator can look into it.";
                return plain(StatusCode::BAD_GATEWAY, about, "upstream_list_unusable", remedy);
            }
        }
    } else {
        let chunks = response.bytes_stream().map(|chunk| chunk.map_err(|error| error.without_url()));
        Body::from_stream(ended(Box::pin(chunks), call.under_way))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if kind.starts_with("text/event-stream") {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

/// The stream until it has to end. It counts as under way until then.
fn ended<S: Stream + Unpin>(stream: S, under_way: UnderWay) -> impl Stream<Item = S::Item> {
    let end = under_way.end.clone();
    stream.take_until(end.cancelled_owned()).map(move |item| {
        let _counts_until_dropped = &under_way;
        item
    })
}

/// A stream of events in which lists of tools are filtered, wherever they turn up: after a reconnect they arrive on another stream than
/// the one they were asked on.
fn events(
    plane: &Arc<Plane>,
    resource: &str,
    call: &Forward<'_>,
    response: reqwest::Response,
) -> impl Stream<Item = Result<Bytes, reqwest::Error>> + use<> {
    let (plane, resource, facts) = (Arc::clone(plane), resource.to_owned(), Arc::clone(&call.facts));
    let is_list = call.method.is_list();
    let mut cut = Events::default();
    let mut opaque = false;
    response.bytes_stream().map(move |chunk| {
        let chunk = chunk.map_err(|error| error.without_url())?;
        if opaque {
            return Ok(chunk);
        }
        let mut out = Vec::with_capacity(chunk.len());
        for event in cut.push(&chunk) {
            out.extend(on_its_way(&plane, &resource, &facts, event));
        }
        if cut.waiting() > LARGEST_LIST {
            // Too large for a list of tools. A tool's result may be so large: it passes, and so does what follows it.
            let waiting = cut.take();
            opaque = !is_list;
            if opaque {
                out.extend(waiting);
            }
        }
        Ok(Bytes::from(out))
    })
}

fn on_its_way(plane: &Plane, resource: &str, facts: &TokenFacts, event: Vec<u8>) -> Vec<u8> {
    let Some(active) = plane.enforcer.active() else { return event };
    let reader = Reader { active: &active, facts, resource, now: plane.clock.now() };
    match data(&event).and_then(|message| filtered(&message, &plane.definitions, reader)) {
        Some(message) => with_data(&event, &message),
        None => event,
    }
}

async fn list(plane: &Plane, resource: &str, call: &Forward<'_>, response: reqwest::Response) -> Result<Body, &'static str> {
    if response.status() != StatusCode::OK {
        // An error, as JSON or not: nothing to filter.
        return response.bytes().await.map(Body::from).map_err(|_| "broken off");
    }
    let mut whole = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        whole.extend_from_slice(&chunk.map_err(|_| "broken off")?);
        if whole.len() > LARGEST_LIST {
            return Err("larger than 8 MiB");
        }
    }
    let text = String::from_utf8(whole).map_err(|_| "not UTF-8")?;
    let reader = Reader { active: &call.active, facts: &call.facts, resource, now: plane.clock.now() };
    match filtered(&text, &plane.definitions, reader) {
        Some(message) => Ok(Body::from(message)),
        // An error in place of a result passes as it is.
        None if serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|message| message.get("result").is_none()) => {
            Ok(Body::from(text))
        }
        None => Err("no list in it"),
    }
}
