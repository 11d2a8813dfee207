//! An MCP server in axum that enforces for itself, as a tower layer: the same tokens, policy and revocations as behind `writ-gateway`, and
//! no gateway in front.
//!
//! ```text
//! cargo run -p enforce --example tower_layer -- TENANT RESOURCE FOLDER ADDRESS
//! cargo run -p enforce --example tower_layer -- acme http://127.0.0.1:7800/mcp ./policy 127.0.0.1:7800
//! ```
//!
//! `FOLDER` holds `policy.json` and `revocations.json`, put there by whatever you trust: a deployment, a job that verifies the tenant's
//! repository. They are looked at every second and taken up when they change; what cannot be enforced is refused and what was in force stays.
//! How old `revocations.json` is, is how long nothing was heard of the control plane: have the job write it anew although nothing changed.
//!
//! This server answers at once. One whose calls last, or that keeps streams open, also ends them by [`Enforcer::ends`].

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use enforce::rpc::{self, Headers, Message};
use enforce::{Active, Ask, Challenge, Enforcer, Freshness, Outcome, Unusable, definition_digest};
use policy::{Method, Revocations, TokenFacts};
use serde_json::{Value, json};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

/// A list older than this counts as stale, and the policy's ladder says what that means. In seconds.
const FRESH_FOR: i64 = 600;

/// What the layer shares between requests.
#[derive(Debug)]
struct Guard {
    enforcer: Enforcer,
    /// The resource URI that tokens for this server name as their audience.
    resource: String,
    requests: AtomicU64,
    taken_up: Mutex<Files>,
    /// Unix milliseconds.
    now_ms: fn() -> i64,
}

/// What was read last.
#[derive(Debug, Default, PartialEq)]
struct Files {
    policy: String,
    list: String,
    /// When the list was written, Unix seconds.
    written: i64,
}

/// Lets through what policy allows.
#[derive(Debug, Clone)]
pub struct Enforce(Arc<Guard>);

impl Enforce {
    /// For a server at `resource`. Closed until files were read.
    pub fn new(resource: &str, now_ms: fn() -> i64) -> Self {
        let (enforcer, taken_up) = (Enforcer::closed(), Mutex::default());
        Self(Arc::new(Guard { enforcer, resource: resource.to_owned(), requests: AtomicU64::new(0), taken_up, now_ms }))
    }

    /// Puts the files in `folder` in force, unless they are.
    ///
    /// # Errors
    /// Why they cannot be enforced; what was in force stays.
    pub fn read(&self, tenant: &str, folder: &Path) -> Result<(), String> {
        let file = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"));
        // Its age before what is in it: what comes in between counts as older than it is.
        let written = written(&folder.join("revocations.json")).map_err(|error| format!("revocations.json: {error}"))?;
        let files = Files { policy: file("policy.json")?, list: file("revocations.json")?, written };
        let mut taken_up = self.0.taken_up.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken_up == files {
            return Ok(());
        }
        let freshness = Freshness { timestamp: 0, fresh_until: written + FRESH_FOR };
        let active = match self.0.enforcer.active().filter(|_| taken_up.policy == files.policy) {
            // Nothing of the policy is compiled again.
            Some(active) => {
                let list: Revocations = serde_json::from_str(&files.list).map_err(|error| error.to_string())?;
                active.with((&files.list, list.seq()), freshness)
            }
            None => Active::from_files(tenant, &files.policy, &files.list, freshness),
        };
        self.0.enforcer.activate(Arc::new(active.map_err(|why: Unusable| why.to_string())?));
        *taken_up = files;
        Ok(())
    }

    /// Looks at the files again and again, for ever.
    pub async fn follow(self, tenant: String, folder: PathBuf, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(why) = self.read(&tenant, &folder) {
                eprintln!("not taken up: {why}");
            }
        }
    }
}

/// When a file was written, Unix seconds.
fn written(path: &Path) -> std::io::Result<i64> {
    let since = std::fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

impl<S> Layer<S> for Enforce {
    type Service = Enforced<S>;

    fn layer(&self, inner: S) -> Enforced<S> {
        Enforced { guard: Arc::clone(&self.0), inner }
    }
}

/// A service behind the layer.
#[derive(Debug, Clone)]
pub struct Enforced<S> {
    guard: Arc<Guard>,
    inner: S,
}

impl<S> Service<Request> for Enforced<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        // The one that was ready goes into the future; a clone is ready anew.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            match guard.admit(request).await {
                Ok((request, None)) => inner.call(request).await,
                Ok((request, Some(lists))) => Ok(guard.shorten(inner.call(request).await?, &lists).await),
                Err(refused) => Ok(*refused),
            }
        })
    }
}

impl Guard {
    /// The request, if it may go on, with who calls in its extensions; and who that is, if it asks for the list of tools.
    async fn admit(&self, request: Request) -> Result<(Request, Option<Arc<TokenFacts>>), Box<Response>> {
        let (mut head, body) = request.into_parts();
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        // The bytes that are judged are the bytes that go on.
        let too_large = |_| refuse(413, None, "too_large", "Send messages of at most 1 MiB.", &json!({}));
        let bytes = to_bytes(body, rpc::LARGEST).await.map_err(too_large)?;
        let read = rpc::read(&bytes).and_then(|message: Message| {
            let headers = Headers { revision: text("mcp-protocol-version"), method: text("mcp-method"), name: text("mcp-name") };
            rpc::agree(&message, headers).map(|()| message)
        });
        let message = read.map_err(|why| refuse(400, why.id.as_ref(), "unreadable", &why.why, &json!({})))?;
        let request_id = format!("req_{}", self.requests.fetch_add(1, Ordering::Relaxed));
        // This process defines its tools itself, so it knows how each is defined now.
        let live = message.method.tool().and_then(definition).map(|definition| definition_digest(&definition));
        let answer = self.enforcer.authorize(&Ask {
            bearer: text("authorization").and_then(|value| value.strip_prefix("Bearer ")),
            resource: &self.resource,
            method: &message.method,
            arguments: message.arguments.as_ref(),
            live_tool_digest: live.as_deref(),
            request_id: &request_id,
            trace_id: None,
            now_ms: (self.now_ms)(),
        });
        if let Some(record) = &answer.record {
            // Written down before anything is done. A real server has a durable place for it.
            println!("{}", json!(record));
        }
        let id = message.id.as_ref();
        match answer.outcome {
            Outcome::Allow { facts, .. } => {
                head.extensions.insert(Arc::clone(&facts));
                let lists = matches!(message.method.as_policy(), Method::ListTools).then_some(facts);
                Ok((Request::from_parts(head, Body::from(bytes)), lists))
            }
            Outcome::Challenge(Challenge { cause, scopes, .. }) => {
                Err(refuse(401, id, cause.code(), cause.remedy(), &json!({"scope": scopes.join(" ")})))
            }
            Outcome::Forbidden { scope, cause } => Err(refuse(403, id, cause.code(), cause.remedy(), &json!({"scope": scope}))),
            Outcome::Denied(cause) => Err(refuse(403, id, cause.code(), cause.remedy(), &json!({}))),
        }
    }

    /// A list of tools without those that whoever asks could not call.
    async fn shorten(&self, response: Response, facts: &TokenFacts) -> Response {
        let now = (self.now_ms)() / 1000;
        let visible = self.enforcer.active().map(|active| active.visible_tools(facts, &self.resource, now)).unwrap_or_default();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, rpc::LARGEST).await.unwrap_or_default();
        let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else {
            return *refuse(500, None, "unreadable", "Try again.", &json!({}));
        };
        if let Some(tools) = answer["result"]["tools"].as_array_mut() {
            tools.retain(|tool| tool["name"].as_str().is_some_and(|name| visible.contains(name)));
        }
        let mut response = Response::new(Body::from(answer.to_string()));
        *response.status_mut() = head.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

fn refuse(status: u16, id: Option<&Value>, reason: &str, remedy: &str, more: &Value) -> Box<Response> {
    let data = json!({"reason": reason, "remedy": remedy, "more": more});
    let body = json!({"jsonrpc": "2.0", "id": id, "error": {"code": rpc::DENIED, "message": remedy, "data": data}});
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    if let (401 | 403, Some(scope)) = (status, more["scope"].as_str()) {
        let error = if status == 401 { "invalid_token" } else { "insufficient_scope" };
        response = response.header("www-authenticate", format!("Bearer error=\"{error}\", scope=\"{scope}\""));
    }
    Box::new(response.body(Body::from(body.to_string())).unwrap_or_default())
}

/// How this server's tools are defined.
pub fn definition(tool: &str) -> Option<Value> {
    let schema = json!({"type": "object", "properties": {"service": {"type": "string"}}});
    (tool == "logs.read").then(|| json!({"name": tool, "description": "Reads the newest log lines", "inputSchema": schema}))
}

/// The MCP server itself: it knows nothing of tokens.
async fn mcp(Json(message): Json<Value>) -> Json<Value> {
    let result = match message["method"].as_str() {
        Some("tools/list") => json!({"tools": [definition("logs.read")]}),
        _ => json!({"content": [{"type": "text", "text": "all is well"}]}),
    };
    Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
}

/// The server behind the layer.
pub fn router(enforce: &Enforce) -> Router {
    Router::new().route("/mcp", post(mcp)).layer(enforce.clone())
}

#[expect(clippy::disallowed_methods, reason = "an example program: here is where the system's clock is read")]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [tenant, resource, folder, address] = given.as_slice() else {
        return Err("give TENANT RESOURCE FOLDER ADDRESS".into());
    };
    let enforce = Enforce::new(resource, now_ms);
    enforce.read(tenant, Path::new(folder))?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let router = router(&enforce);
    tokio::spawn(enforce.follow(tenant.clone(), PathBuf::from(folder), Duration::from_secs(1)));
    Ok(axum::serve(listener, router).await?)
}
