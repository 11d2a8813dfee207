//! One request from the door to the answer.

use super::caller::{Caller, Sessions};
use super::door::{Bearer, Door, bearer, single};
use super::forward::{Forward, forward};
use super::listing::Definitions;
use super::metadata::{WELL_KNOWN, document};
use super::refuse::{About, json_response, plain, refusal, unreadable};
use super::streams::Streams;
use crate::clock::{Clock, Random};
use crate::data::Identity;
use crate::spool::Spool;
use crate::standing::Standing;
use crate::sync::Hurry;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use enforce::rpc::{self, Headers, INVALID_REQUEST, LARGEST, Message, Unreadable};
use enforce::{Active, Answer, Ask, Cause, Enforcer, MethodOwned, Outcome};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use policy::{Reason, Risk};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use token::SigningKey;

/// How long a client may take to send its message.
const BODY: Duration = Duration::from_secs(30);

/// Everything that answering a request needs.
#[derive(Debug)]
pub struct Plane {
    pub(crate) enforcer: Arc<Enforcer>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) spool: Spool,
    pub(crate) hurry: Hurry,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) identity: Identity,
    pub(crate) public_url: String,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    /// For servers on this host, and for all others.
    pub(crate) http: [reqwest::Client; 2],
    pub(crate) door: Door,
    pub(crate) sessions: Sessions,
    pub(crate) definitions: Definitions,
}

/// What a [`Plane`] is put together from.
#[derive(Debug)]
pub struct Parts {
    /// What decides.
    pub enforcer: Arc<Enforcer>,
    /// How we stand.
    pub standing: Arc<Standing>,
    /// What is under way.
    pub streams: Arc<Streams>,
    /// The decision log.
    pub spool: Spool,
    /// How to catch up.
    pub hurry: Hurry,
    /// The gateway's key.
    pub key: Arc<SigningKey>,
    /// Who this gateway is.
    pub identity: Identity,
    /// Where clients reach it.
    pub public_url: String,
    /// The time.
    pub clock: Clock,
    /// Ids.
    pub random: Random,
}

impl Plane {
    /// Puts it together.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(parts: Parts) -> Result<Self, reqwest::Error> {
        let Parts { enforcer, standing, streams, spool, hurry, key, identity, public_url, clock, random } = parts;
        let door = Door::new(&public_url);
        let http = [crate::link::client("http://127.0.0.1")?, crate::link::client("")?];
        let (sessions, definitions) = (Sessions::default(), Definitions::default());
        Ok(Self { enforcer, standing, streams, spool, hurry, key, identity, public_url, clock, random, http, door, sessions, definitions })
    }
}

/// The data plane's one handler: routes come from the policy and change with it.
pub fn router(plane: Arc<Plane>) -> Router {
    Router::new().fallback(handle).layer(tower_http::catch_panic::CatchPanicLayer::new()).with_state(plane)
}

async fn handle(State(plane): State<Arc<Plane>>, request: Request<Body>) -> Response {
    let request_id = plane.random.id("req", plane.clock.now_ms());
    let mut response = plane.answer(request, &request_id).await;
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

impl Plane {
    async fn answer(self: &Arc<Self>, request: Request<Body>, request_id: &str) -> Response {
        let path = request.uri().path().to_owned();
        let resource = format!("{}{}", self.public_url, if path == "/" { "" } else { &path });
        let about = About { public_url: &self.public_url, resource: &resource, request_id, rpc_id: None, now: self.clock.now() };
        if !self.door.admits(request.headers()) {
            let remedy = "Call this gateway by its public address: the Host or Origin header names another one.";
            return plain(StatusCode::FORBIDDEN, &about, "foreign_host", remedy);
        }
        if request.method() == Method::GET
            && let Some(response) = self.public(&path)
        {
            return response;
        }
        let Some(active) = self.enforcer.active() else {
            return refusal(&about, &Outcome::Denied(Cause::Closed)).unwrap_or_default();
        };
        if !active.policy().servers.contains_key(&resource) {
            return plain(StatusCode::NOT_FOUND, &about, "unknown_resource", Reason::UnknownResource.remedy());
        }
        let (head, body) = request.into_parts();
        match head.method {
            Method::POST => self.post(about, &head.headers, body).await,
            Method::GET => self.session_call(about, &head.headers, MethodOwned::Stream).await,
            Method::DELETE => self.session_call(about, &head.headers, MethodOwned::EndSession).await,
            _ => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, &about, "method_not_allowed", "Use POST, GET or DELETE.");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
                response
            }
        }
    }

    /// What everyone may read.
    fn public(&self, path: &str) -> Option<Response> {
        if path == "/healthz" {
            let health = self.standing.health(self.clock.now_ms());
            let status = if health.status == "closed" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            return Some(json_response(status, &json!(health)));
        }
        if path == "/.well-known/jwks.json" {
            // With this key an upstream verifies who calls, so it needs to trust no network.
            let mut jwk = json!(self.key.public());
            jwk["kid"] = json!(self.identity.gateway_id);
            return Some(json_response(StatusCode::OK, &json!({"keys": [jwk]})));
        }
        let rest = path.strip_prefix(WELL_KNOWN)?;
        let found = self.enforcer.active().and_then(|active| self.metadata(&active, rest));
        let missing = || json_response(StatusCode::NOT_FOUND, &json!({"error": "unknown_resource"}));
        Some(found.map_or_else(missing, |document| json_response(StatusCode::OK, &document)))
    }

    fn metadata(&self, active: &Active, rest: &str) -> Option<Value> {
        let host_end = self.public_url.find("://").map_or(0, |at| at + 3);
        let origin_end = self.public_url[host_end..].find('/').map_or(self.public_url.len(), |at| at + host_end);
        let origin = &self.public_url[..origin_end];
        if let Some(found) = document(active, &format!("{origin}{rest}")) {
            return Some(found);
        }
        // At the root, a client that knows no path can only mean the one server there is.
        let mut servers = active.policy().servers.keys();
        match (rest, servers.next(), servers.next()) {
            ("" | "/", Some(only), None) => document(active, only),
            _ => None,
        }
    }

    async fn post(self: &Arc<Self>, about: About<'_>, headers: &HeaderMap, body: Body) -> Response {
        let token = bearer(headers);
        if !matches!(token, Bearer::Token(_)) {
            // Strangers are turned away before anything of theirs is read.
            return self.decide(about, &token, &MethodOwned::Response, None).await.map_or_else(|refused| *refused, |_| Response::default());
        }
        let json =
            single(headers, CONTENT_TYPE.as_str()).map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if json.as_deref() != Some("application/json") {
            return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, &about, "not_json", "Send one JSON-RPC message as application/json.");
        }
        let bytes = match tokio::time::timeout(BODY, axum::body::to_bytes(body, LARGEST)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => return plain(StatusCode::PAYLOAD_TOO_LARGE, &about, "too_large", "Send messages of at most 1 MiB."),
            Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, &about, "too_slow", "Send the message within 30 seconds."),
        };
        let message = match read(&bytes, headers) {
            Ok(message) => message,
            Err(why) => return unreadable(&about, &why),
        };
        let about = About { rpc_id: message.id.as_ref(), ..about };
        match self.decide(about, &token, &message.method, message.arguments.as_ref()).await {
            Ok(answer) => self.go_on(about, headers, answer, message.method.clone(), Some(bytes)).await,
            Err(refused) => *refused,
        }
    }

    async fn session_call(self: &Arc<Self>, about: About<'_>, headers: &HeaderMap, method: MethodOwned) -> Response {
        match self.decide(about, &bearer(headers), &method, None).await {
            Ok(answer) => self.go_on(about, headers, answer, method, None).await,
            Err(refused) => *refused,
        }
    }

    /// Decides, catching up first if the token is ahead of the revocation list, and writes the decision down.
    async fn decide(
        &self,
        about: About<'_>,
        token: &Bearer<'_>,
        method: &MethodOwned,
        arguments: Option<&Value>,
    ) -> Result<Answer, Box<Response>> {
        let digest = method.tool().and_then(|tool| self.definitions.get(about.resource, tool));
        let ask = || Ask {
            // Something that is not a token cannot verify: it is told so like a token that does not.
            bearer: match token {
                Bearer::None => None,
                Bearer::Token(token) => Some(token),
                Bearer::Other => Some(""),
            },
            resource: about.resource,
            method,
            arguments,
            live_tool_digest: digest.as_deref(),
            request_id: about.request_id,
            now_ms: self.clock.now_ms(),
        };
        let mut answer = self.enforcer.authorize(&ask());
        if let (Some(Cause::Policy(Reason::BehindRevocations)), Some(facts)) = (answer.outcome.cause(), &answer.facts) {
            self.hurry.catch_up(facts.seq).await;
            answer = self.enforcer.authorize(&ask());
        }
        if answer.facts.is_none() {
            self.standing.unauthenticated.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                request_id = about.request_id,
                resource = about.resource,
                reason = answer.outcome.cause().map_or("", Cause::code),
                "a request without a verifiable token"
            );
        }
        if let Some(record) = &answer.record {
            let written = self.spool.write(record).await;
            if written.is_err() && matches!(answer.outcome, Outcome::Allow { .. }) && is_risky(&answer) {
                let remedy =
                    "The gateway cannot write its decision log and refuses high-risk calls meanwhile. An operator can free its disk.";
                return Err(Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, &about, "decision_log_unavailable", remedy)));
            }
        }
        match refusal(&about, &answer.outcome) {
            Some(refused) => Err(Box::new(refused)),
            None => Ok(answer),
        }
    }

    async fn go_on(
        self: &Arc<Self>,
        about: About<'_>,
        headers: &HeaderMap,
        answer: Answer,
        method: MethodOwned,
        body: Option<Bytes>,
    ) -> Response {
        let (Outcome::Allow { facts, scope, .. }, Some(active)) = (answer.outcome, answer.active) else {
            return plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                &about,
                "internal",
                "This should not happen. An operator can look into the log.",
            );
        };
        let caller = Caller::from(&*facts);
        if headers.contains_key("mcp-session-id") {
            let own = single(headers, "mcp-session-id").is_some_and(|id| self.sessions.belongs(about.resource, id, &caller));
            if !own {
                return plain(
                    StatusCode::NOT_FOUND,
                    &about,
                    "unknown_session",
                    "Begin a new session with `initialize`: this one has ended or is not yours.",
                );
            }
        }
        let under_way = self.streams.begin(Arc::clone(&facts), about.resource, method.clone());
        // Something may have been revoked between the decision and now, when nobody could yet see this call to end it.
        let now = self.clock.now();
        let replaced = self.enforcer.active().is_none_or(|newest| !Arc::ptr_eq(&newest, &active));
        if replaced && let Err(reason) = self.enforcer.still_allows(&facts, about.resource, &method, now) {
            return plain(StatusCode::FORBIDDEN, &about, reason.code(), reason.remedy());
        }
        forward(self, &about, Forward { headers, active, facts, scope, caller, method, body, under_way }).await
    }
}

fn is_risky(answer: &Answer) -> bool {
    let (Outcome::Allow { scope: Some(scope), .. }, Some(active)) = (&answer.outcome, &answer.active) else { return false };
    active.policy().scopes.get(scope).is_none_or(|rules| rules.risk >= Risk::High)
}

fn read(bytes: &[u8], headers: &HeaderMap) -> Result<Message, Unreadable> {
    let message = rpc::read(bytes)?;
    let one = |name: &'static str| match (headers.contains_key(name), single(headers, name)) {
        (true, None) => {
            Err(Unreadable { code: INVALID_REQUEST, why: format!("{name} must be there once, in visible ASCII"), id: message.id.clone() })
        }
        (_, value) => Ok(value),
    };
    rpc::agree(&message, Headers { method: one("mcp-method")?, name: one("mcp-name")? })?;
    Ok(message)
}
