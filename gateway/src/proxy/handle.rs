//! One request from the door to the answer.

use super::caller::{Busy, Caller, Share};
use super::definitions::{Definitions, Seen};
use super::door::{Bearer, Door, bearer, single};
use super::forward::{Forward, forward, waited};
use super::metadata::{WELL_KNOWN, document};
use super::probe::Prober;
use super::refuse::{About, Outcomes, json_response, plain, refusal, unreadable};
use super::streams::Streams;
use super::trace::TraceContext;
use super::upstreams::Upstreams;
use crate::clock::{Clock, Random};
use crate::config::{Config, Limits, WhenUnavailable};
use crate::data::{DataDir, Identity};
use crate::following::Hurry;
use crate::metrics::Metrics;
use crate::ops::{healthz, readyz};
use crate::spool::Spool;
use crate::standing::Standing;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use enforce::rpc::{self, Headers, INVALID_REQUEST, Message, Unreadable};
use enforce::{Active, Answer, Ask, Cause, Enforcer, MethodOwned, Outcome, Record};
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use policy::{Reason, Risk};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use token::SigningKey;
use tokio_util::sync::CancellationToken;

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
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) prober: Arc<Prober>,
    busy: Arc<Busy>,
    door: Door,
    limits: Limits,
    when_unavailable: WhenUnavailable,
}

/// What a [`Plane`] is put together from.
#[derive(Debug)]
pub struct Parts<'a> {
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
    /// The operator's settings.
    pub config: &'a Config,
    /// How tools are defined now.
    pub definitions: Arc<Definitions>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// Ids.
    pub random: Random,
}

impl Plane {
    /// Puts it together.
    ///
    /// # Errors
    /// When TLS towards MCP servers cannot be set up.
    pub fn new(parts: Parts<'_>) -> Result<Self, String> {
        let Parts { enforcer, standing, streams, spool, hurry, key, identity, config, definitions, metrics, clock, random } = parts;
        let upstreams = Arc::new(Upstreams::new(&config.upstreams)?);
        let prober = Prober {
            enforcer: Arc::clone(&enforcer),
            definitions: Arc::clone(&definitions),
            upstreams: Arc::clone(&upstreams),
            key: Arc::clone(&key),
            identity: identity.clone(),
            clock: clock.clone(),
            random: random.clone(),
            asked: std::sync::Mutex::default(),
        };
        Ok(Self {
            enforcer,
            standing,
            streams,
            spool,
            hurry,
            key,
            identity,
            public_url: config.public_url.clone(),
            clock,
            random,
            metrics,
            upstreams,
            definitions,
            prober: Arc::new(prober),
            busy: Arc::default(),
            door: Door::new(&config.public_url),
            limits: config.limits.clone(),
            when_unavailable: config.decisions.when_unavailable,
        })
    }

    /// Asks MCP servers for their tools, and keeps what is known of them in `data`, until `stop`.
    pub async fn watch_definitions(self: Arc<Self>, data: Arc<DataDir>, every: Option<Duration>, stop: CancellationToken) {
        Arc::clone(&self.prober).run(data, every, stop).await;
    }
}

/// The data plane's one handler: routes come from the policy and change with it.
pub fn router(plane: Arc<Plane>) -> Router {
    Router::new().fallback(handle).layer(tower_http::catch_panic::CatchPanicLayer::new()).with_state(plane)
}

async fn handle(State(plane): State<Arc<Plane>>, request: Request<Body>) -> Response {
    let (began, waited) = (Instant::now(), AtomicU64::new(0));
    let request_id = plane.random.id("req", plane.clock.now_ms());
    let mut response = plane.answer(request, &request_id, &waited).await;
    if let Some(Outcomes { decision, reason }) = response.extensions_mut().remove() {
        plane.metrics.decided(decision, reason);
        if decision == "allow" {
            plane.metrics.took(began.elapsed().saturating_sub(Duration::from_nanos(waited.into_inner())));
        }
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

impl Plane {
    async fn answer(self: &Arc<Self>, request: Request<Body>, request_id: &str, waited: &AtomicU64) -> Response {
        let path = request.uri().path().to_owned();
        let resource = format!("{}{}", self.public_url, if path == "/" { "" } else { &path });
        let stateless = single(request.headers(), "mcp-protocol-version") == Some(rpc::STATELESS);
        let now = self.clock.now();
        let about = About { public_url: &self.public_url, resource: &resource, request_id, rpc_id: None, now, stateless, waited };
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
            Method::GET | Method::DELETE if stateless => {
                not_allowed(&about, "POST", "Use POST: in this revision of MCP there are no sessions.")
            }
            Method::GET => self.session_call(about, &head.headers, MethodOwned::Stream).await,
            Method::DELETE => self.session_call(about, &head.headers, MethodOwned::EndSession).await,
            _ => not_allowed(&about, "POST, GET, DELETE", "Use POST, GET or DELETE."),
        }
    }

    /// What everyone may read.
    fn public(&self, path: &str) -> Option<Response> {
        if path == "/healthz" {
            return Some(healthz(&self.standing.health(self.clock.now_ms())));
        }
        if path == "/readyz" {
            return Some(readyz(&self.standing.health(self.clock.now_ms())));
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
            let refused = self.decide(about, &token, &MethodOwned::Response, None, None, headers).await;
            return refused.map_or_else(|refused| *refused, |_| Response::default());
        }
        if !headers.get_all(CONTENT_ENCODING).iter().all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            // What is not read cannot be judged, and a second reader might unpack it differently.
            let mut response = plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, &about, "encoded", "Send the message as it is, not compressed.");
            response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            return response;
        }
        let json =
            single(headers, CONTENT_TYPE.as_str()).map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if json.as_deref() != Some("application/json") {
            return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, &about, "not_json", "Send one JSON-RPC message as application/json.");
        }
        let largest = self.upstreams.body_bytes(about.resource).unwrap_or(self.limits.body_bytes);
        let began = Instant::now();
        let read_whole = tokio::time::timeout(self.limits.body, axum::body::to_bytes(body, largest)).await;
        waited(&about, began.elapsed());
        let bytes = match read_whole {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                self.metrics.limited("body_bytes");
                let remedy = format!("Send messages of at most {} KiB, whole.", largest / 1024);
                return plain(StatusCode::PAYLOAD_TOO_LARGE, &about, "too_large", &remedy);
            }
            Err(_) => {
                self.metrics.limited("body_seconds");
                let remedy = format!("Send the message within {} seconds.", self.limits.body.as_secs());
                return plain(StatusCode::REQUEST_TIMEOUT, &about, "too_slow", &remedy);
            }
        };
        let message = match read(&bytes, headers, largest) {
            Ok(message) => message,
            Err(why) => return unreadable(&about, &why),
        };
        let about = About { rpc_id: message.id.as_ref(), ..about };
        let seen = self.seen(about.resource, &message.method).await;
        if about.stateless
            && let Some(params) = seen.as_ref().and_then(|seen| seen.params.as_deref())
            && let Err(why) = params.agree(&message, |name| single(headers, name))
        {
            return unreadable(&about, &why);
        }
        match self.decide(about, &token, &message.method, message.arguments.as_ref(), seen.as_ref(), headers).await {
            Ok(decided) => self.go_on(about, headers, decided, message.method.clone(), seen, Some(bytes)).await,
            Err(refused) => *refused,
        }
    }

    /// How the tool of a call is defined now. If that is not known, its server is asked, so that a changed tool is noticed before its first call.
    async fn seen(&self, resource: &str, method: &MethodOwned) -> Option<Seen> {
        let tool = method.tool()?;
        let active = self.enforcer.active()?;
        let server = active.policy().servers.get(resource)?;
        let is_reviewed = server.tools.get(tool).is_some_and(|tool| tool.digest.is_some());
        let found = self.definitions.get(server, resource, tool);
        if found.is_some() || !is_reviewed {
            return found;
        }
        self.prober.before_a_call(resource).await;
        self.definitions.get(server, resource, tool)
    }

    async fn session_call(self: &Arc<Self>, about: About<'_>, headers: &HeaderMap, method: MethodOwned) -> Response {
        if let Some(revision) = headers.get("mcp-protocol-version")
            && !rpc::REVISIONS.iter().any(|known| known.as_bytes() == revision.as_bytes())
        {
            let why = format!("this revision of MCP is not supported: use {}", rpc::REVISIONS.join(", "));
            return unreadable(&about, &Unreadable { code: rpc::UNSUPPORTED_REVISION, why, id: None });
        }
        match self.decide(about, &bearer(headers), &method, None, None, headers).await {
            Ok(decided) => self.go_on(about, headers, decided, method, None, None).await,
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
        seen: Option<&Seen>,
        headers: &HeaderMap,
    ) -> Result<Decided, Box<Response>> {
        let trace = TraceContext::of(headers);
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
            live_tool_digest: seen.map(|seen| seen.digest.as_str()),
            trace_id: trace.as_ref().map(TraceContext::id),
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
        let share = self.share(&mut answer, method);
        if let Some(record) = &answer.record {
            self.standing.tallies.count(record.policy_version, record.decision == Record::ALLOW);
            let written = self.spool.write(record).await;
            let denies = |answer: &Answer| self.when_unavailable == WhenUnavailable::DenyAll || is_risky(answer);
            if written.is_err() && matches!(answer.outcome, Outcome::Allow { .. }) && denies(&answer) {
                let remedy = "The gateway cannot write its decision log and refuses such calls meanwhile. An operator can free its disk.";
                return Err(Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, &about, "decision_log_unavailable", remedy)));
            }
        }
        match (refusal(&about, &answer.outcome), share) {
            (None, Some(share)) => Ok(Decided { answer, share }),
            (Some(refused), _) => Err(Box::new(refused)),
            (None, None) => Err(Box::new(internal(&about))),
        }
    }

    /// Writes down that a call is refused although the record of it said otherwise.
    async fn refused_after_all(&self, record: Option<Record>, reason: &str) {
        let Some(record) = record else { return };
        let record = Record { decision: Record::DENY.to_owned(), reason: reason.to_owned(), ..record };
        self.standing.tallies.count(record.policy_version, false);
        // The spool counts what it cannot write, and says so. The call is refused either way.
        let _counted = self.spool.write(&record).await;
    }

    /// The caller's share of what may be under way. Who has used it up is denied, and the record says so.
    fn share(&self, answer: &mut Answer, method: &MethodOwned) -> Option<Share> {
        let (Outcome::Allow { .. }, Some(facts)) = (&answer.outcome, &answer.facts) else {
            if let Some(Cause::RateLimited { counted, .. }) = answer.outcome.cause() {
                self.metrics.limited(counted.as_str());
            }
            return None;
        };
        let streams = *method == MethodOwned::Stream;
        let most = if streams { self.limits.streams_per_caller } else { self.limits.requests_per_caller };
        let share = self.busy.take(&Caller::from(&**facts), streams, most);
        if share.is_none() {
            self.metrics.limited(if streams { "streams_per_caller" } else { "requests_per_caller" });
            let cause = Cause::TooManyAtOnce { streams };
            if let Some(record) = &mut answer.record {
                (record.decision, record.reason) = (Record::DENY.to_owned(), cause.code().to_owned());
            }
            answer.outcome = Outcome::Denied(cause);
        }
        share
    }

    async fn go_on(
        self: &Arc<Self>,
        about: About<'_>,
        headers: &HeaderMap,
        Decided { answer, share }: Decided,
        method: MethodOwned,
        seen: Option<Seen>,
        body: Option<Bytes>,
    ) -> Response {
        let Answer { outcome: Outcome::Allow { facts, scope, .. }, active: Some(active), record, .. } = answer else {
            return internal(&about);
        };
        let caller = Caller::from(&*facts);
        if headers.contains_key("mcp-session-id") && !about.stateless {
            let sessions = &self.streams.sessions;
            let own = single(headers, "mcp-session-id").is_some_and(|id| sessions.belongs(about.resource, id, &caller));
            if !own {
                self.refused_after_all(record, "unknown_session").await;
                return plain(
                    StatusCode::NOT_FOUND,
                    &about,
                    "unknown_session",
                    "Begin a new session with `initialize`: this one has ended or is not yours.",
                );
            }
        }
        let now = self.clock.now();
        let under_way = self.streams.begin(Arc::clone(&facts), about.resource, method.clone(), now, Some(share));
        // Something may have been revoked between the decision and now, when nobody could yet see this call to end it.
        let replaced = self.enforcer.active().is_none_or(|newest| !Arc::ptr_eq(&newest, &active));
        if replaced && let Err(reason) = self.enforcer.still_allows(&facts, about.resource, &method, now) {
            self.refused_after_all(record, reason.code()).await;
            return plain(StatusCode::FORBIDDEN, &about, reason.code(), reason.remedy());
        }
        let params = seen.and_then(|seen| seen.params);
        forward(self, &about, Forward { headers, active, facts, scope, caller, method, body, params, under_way }).await
    }
}

/// An allowed call, and its caller's share of what may be under way.
struct Decided {
    answer: Answer,
    share: Share,
}

fn internal(about: &About<'_>) -> Response {
    plain(StatusCode::INTERNAL_SERVER_ERROR, about, "internal", "This should not happen. An operator can look into the log.")
}

fn not_allowed(about: &About<'_>, allow: &'static str, remedy: &str) -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, about, "method_not_allowed", remedy);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn is_risky(answer: &Answer) -> bool {
    let (Outcome::Allow { scope: Some(scope), .. }, Some(active)) = (&answer.outcome, &answer.active) else { return false };
    active.policy().scopes.get(scope.as_str()).is_none_or(|rules| rules.risk >= Risk::High)
}

fn read(bytes: &[u8], headers: &HeaderMap, largest: usize) -> Result<Message, Unreadable> {
    let message = rpc::read_within(bytes, largest)?;
    let one = |name: &'static str| match (headers.contains_key(name), single(headers, name)) {
        (true, None) => {
            Err(Unreadable { code: INVALID_REQUEST, why: format!("{name} must be there once, in visible ASCII"), id: message.id.clone() })
        }
        (_, value) => Ok(value),
    };
    let revision = one("mcp-protocol-version")?;
    rpc::agree(&message, Headers { revision, method: one("mcp-method")?, name: one("mcp-name")? })?;
    Ok(message)
}
