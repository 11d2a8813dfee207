//! To the MCP server and back: with our own credential instead of the caller's, streaming, and ended when it has to end.

use super::caller::Caller;
use super::door::single;
use super::handle::Plane;
use super::listing::{Reader, filtered};
use super::refuse::{About, Outcomes, plain};
use super::sse::{Event, Events};
use super::streams::{Answer, UnderWay};
use super::trace::TraceContext;
use super::upstreams::Upstream;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use enforce::rpc::ParamHeaders;
use enforce::{Active, MethodOwned};
use futures::{Stream, StreamExt};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use policy::{McpServer, TokenFacts};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use token::{Assertion, AssertionClaims};

/// The largest list of tools, and the largest event that is held to be looked at, in bytes.
const LARGEST_LIST: usize = 8 << 20;
/// Where the assertion goes when a configured credential takes its place.
const ASSERTION: HeaderName = HeaderName::from_static("writ-assertion");

/// What is forwarded, for whom.
pub(crate) struct Forward<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) active: Arc<Active>,
    pub(crate) facts: Arc<TokenFacts>,
    pub(crate) scope: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) method: MethodOwned,
    pub(crate) body: Option<Bytes>,
    /// The headers that the tool repeats arguments in, where that is known.
    pub(crate) params: Option<Arc<ParamHeaders>>,
    pub(crate) under_way: UnderWay,
}

/// Request headers that an MCP server gets to see. The caller's credential, cookies and addresses are not among them, nor anything that names
/// an upstream, a user or a proxy.
fn forwarded(call: &Forward<'_>, stateless: bool) -> HeaderMap {
    let passes = |name: &HeaderName| match name.as_str() {
        "accept" | "content-type" | "mcp-protocol-version" | "mcp-method" | "mcp-name" => true,
        // There are no sessions in 2026-07-28: whatever says so means something else.
        "mcp-session-id" | "last-event-id" => !stateless,
        other => other.starts_with("mcp-param-") && call.params.as_ref().is_none_or(|params| params.has(other)),
    };
    let mut headers = copied(call.headers, passes);
    if let Some(trace) = TraceContext::of(call.headers) {
        trace.onto(&mut headers);
    }
    headers
}

/// Response headers that a caller gets to see.
fn is_returned(name: &HeaderName) -> bool {
    *name == CONTENT_TYPE
        || *name == CACHE_CONTROL
        || matches!(name.as_str(), "allow" | "retry-after" | "mcp-session-id" | "mcp-protocol-version")
}

fn copied(headers: &HeaderMap, which: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    headers.iter().filter(|(name, _)| which(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Shows an MCP server who we are: by the assertion, and by a credential where one is configured. Never by anything of the caller's.
pub(crate) fn authenticated(
    request: reqwest::RequestBuilder,
    upstream: &Upstream,
    assertion: &str,
    now_ms: i64,
) -> reqwest::RequestBuilder {
    match &upstream.credential {
        None => request.bearer_auth(assertion),
        Some(credential) => {
            let request = request.header(credential.header.clone(), credential.value(now_ms));
            if credential.header == AUTHORIZATION { request.header(ASSERTION, assertion) } else { request.bearer_auth(assertion) }
        }
    }
}

/// Forwards an allowed call.
pub(crate) async fn forward(plane: &Arc<Plane>, about: &About<'_>, call: Forward<'_>) -> Response {
    let Some(server) = call.active.policy().servers.get(about.resource) else {
        return plain(StatusCode::NOT_FOUND, about, "unknown_resource", policy::Reason::UnknownResource.remedy());
    };
    let Some(assertion) = assertion(plane, about, server, &call) else {
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
    let unavailable = "The MCP server behind the gateway did not answer. Its operator can look into it.";
    let Some((upstream, address)) = plane.upstreams.of(about.resource, &server.upstream) else {
        plane.metrics.upstream_failed();
        tracing::error!(request_id = about.request_id, server = server.name, "the address of an MCP server in the policy is no URL");
        return plain(StatusCode::BAD_GATEWAY, about, "upstream_unavailable", unavailable);
    };
    let request = upstream.http.request(method, address).headers(forwarded(&call, about.stateless));
    let mut request = authenticated(request, upstream, &assertion, plane.clock.now_ms());
    if let Some(body) = call.body.clone() {
        request = request.body(body);
    }
    let began = Instant::now();
    let sent = tokio::select! {
        () = call.under_way.end.cancelled() => return ended_meanwhile(about, &call.under_way),
        sent = tokio::time::timeout(upstream.answer, request.send()) => sent,
    };
    waited(about, began.elapsed());
    let response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            plane.metrics.upstream_failed();
            tracing::warn!(request_id = about.request_id, server = server.name, error = %crate::link::unreachable(error), "an MCP server did not answer");
            return plain(StatusCode::BAD_GATEWAY, about, "upstream_unavailable", unavailable);
        }
        Err(_) => {
            plane.metrics.upstream_failed();
            tracing::warn!(request_id = about.request_id, server = server.name, "an MCP server did not begin its answer in time");
            return plain(StatusCode::GATEWAY_TIMEOUT, about, "upstream_unavailable", unavailable);
        }
    };
    if let Some((reason, remedy)) = unusable(&response) {
        plane.metrics.upstream_failed();
        tracing::error!(request_id = about.request_id, server = server.name, status = %response.status(), reason, "an MCP server's answer is not passed on");
        return plain(StatusCode::BAD_GATEWAY, about, reason, remedy);
    }
    remember_session(plane, about, &call, response.headers());
    returned(plane, about, call, response).await
}

pub(crate) fn waited(about: &About<'_>, time: Duration) {
    about.waited.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn ended_meanwhile(about: &About<'_>, call: &UnderWay) -> Response {
    if call.is_of_a_stopping_gateway() {
        let remedy = "The gateway was told to stop and could not wait for the MCP server any longer. Try again in a moment.";
        return plain(StatusCode::SERVICE_UNAVAILABLE, about, "gateway_stopping", remedy);
    }
    let remedy = "What allowed this call was taken away while it ran. Ask your administrator.";
    plain(StatusCode::FORBIDDEN, about, "revoked_meanwhile", remedy)
}

/// Answers that are about the gateway, which a client would take for its own, and those that the gateway cannot look into.
fn unusable(response: &reqwest::Response) -> Option<(&'static str, &'static str)> {
    let status = response.status();
    if status.is_redirection()
        || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
    {
        let remedy = "The MCP server behind the gateway does not accept the gateway. Its operator can make it accept the gateway's key.";
        return Some(("upstream_refused", remedy));
    }
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    (!response.headers().get_all(CONTENT_ENCODING).iter().all(plain)).then_some((
        "upstream_encoded",
        "The MCP server behind the gateway compresses its answers, which nobody asked for. Its operator can switch that off.",
    ))
}

fn assertion(plane: &Plane, about: &About<'_>, server: &McpServer, call: &Forward<'_>) -> Option<String> {
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
        decision: Some(about.request_id.to_owned()),
        policy_version: Some(call.active.policy().version),
    };
    Assertion::Upstream.sign(&plane.key, &plane.identity.gateway_id, &claims).ok()
}

fn remember_session(plane: &Plane, about: &About<'_>, call: &Forward<'_>, answered: &HeaderMap) {
    let (resource, sessions) = (about.resource, &plane.streams.sessions);
    if let Some(id) = single(answered, "mcp-session-id").filter(|_| !about.stateless) {
        sessions.begin(resource, id, call.caller.clone(), &call.facts);
    }
    if call.method == MethodOwned::EndSession
        && let Some(id) = single(call.headers, "mcp-session-id")
    {
        sessions.end(resource, id);
    }
}

async fn returned(plane: &Arc<Plane>, about: &About<'_>, call: Forward<'_>, response: reqwest::Response) -> Response {
    let (status, mut headers) = (response.status(), copied(response.headers(), is_returned));
    if about.stateless {
        headers.remove("mcp-session-id");
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let is_events = kind.starts_with("text/event-stream");
    let body = if is_events {
        let events: Answer = Box::pin(events(plane, about.resource, &call, response));
        Body::from_stream(call.under_way.returning(events, false))
    } else if call.method.is_list() && status.is_success() {
        let began = Instant::now();
        let listed = tokio::select! {
            () = call.under_way.end.cancelled() => return ended_meanwhile(about, &call.under_way),
            listed = list(plane, about.resource, &call, response) => listed,
        };
        waited(about, began.elapsed());
        match listed {
            Ok(body) => body,
            Err(why) => {
                tracing::warn!(request_id = about.request_id, resource = about.resource, why, "a list of tools could not be used");
                let remedy = "The MCP server's list of tools cannot be read. Its operator can look into it.";
                return plain(StatusCode::BAD_GATEWAY, about, "upstream_list_unusable", remedy);
            }
        }
    } else {
        // An error in place of a list, too: there is nothing to filter, and nobody knows how long it is.
        let chunks: Answer = Box::pin(response.bytes_stream().map(|chunk| chunk.map_err(|error| error.without_url())));
        Body::from_stream(call.under_way.returning(chunks, true))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if is_events {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response.extensions_mut().insert(Outcomes::ALLOWED);
    response
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
            out.extend_from_slice(on_its_way(&plane, &resource, &facts, event).bytes());
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

fn on_its_way(plane: &Plane, resource: &str, facts: &TokenFacts, event: Event) -> Event {
    let Some(active) = plane.enforcer.active() else { return event };
    let reader = Reader { active: &active, facts, resource, now: plane.clock.now() };
    match event.data().and_then(|message| filtered(&message, &plane.definitions, reader)) {
        Some(message) => event.with_data(&message),
        None => event,
    }
}

async fn list(plane: &Plane, resource: &str, call: &Forward<'_>, response: reqwest::Response) -> Result<Body, &'static str> {
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
