//! An MCP server in axum that enforces for itself, as a tower layer: the same tokens, policy and revocations as behind `writ-gateway`, and
//! no gateway in front.
//!
//! ```text
//! cargo run -p enforce --example tower_layer -- TENANT RESOURCE FOLDER ADDRESS
//! cargo run -p enforce --example tower_layer -- acme http://127.0.0.1:7800/mcp ./policy 127.0.0.1:7800
//! ```
//!
//! `FOLDER` holds `policy.json` and `revocations.json`, put there by whatever you trust: a deployment, a job that verifies the tenant's
//! repository. They are read again when they change; what cannot be enforced is refused and what was in force stays.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use enforce::rpc::{self, Headers, Message};
use enforce::{Active, Ask, Challenge, Enforcer, Freshness, Outcome, Unusable, definition_digest};
use serde_json::{Value, json};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

/// Files older than this count as stale, and the policy's ladder says what that means. In seconds.
const FRESH_FOR: i64 = 600;

/// What the layer shares between requests.
#[derive(Debug)]
struct Guard {
    enforcer: Enforcer,
    /// The resource URI that tokens for this server name as their audience.
    resource: String,
    requests: AtomicU64,
    /// Unix milliseconds.
    now_ms: fn() -> i64,
}

/// Lets through what policy allows.
#[derive(Debug, Clone)]
pub struct Enforce(Arc<Guard>);

impl Enforce {
    /// For a server at `resource`. Closed until files were read.
    pub fn new(resource: &str, now_ms: fn() -> i64) -> Self {
        Self(Arc::new(Guard { enforcer: Enforcer::closed(), resource: resource.to_owned(), requests: AtomicU64::new(0), now_ms }))
    }

    /// Puts the files in `folder` in force.
    ///
    /// # Errors
    /// Why they cannot be enforced; what was in force stays.
    pub fn read(&self, tenant: &str, folder: &Path) -> Result<(), String> {
        let file = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"));
        let (policy, list) = (file("policy.json")?, file("revocations.json")?);
        let freshness = Freshness { timestamp: 0, fresh_until: (self.0.now_ms)() / 1000 + FRESH_FOR };
        let active = Active::from_files(tenant, &policy, &list, freshness).map_err(|why: Unusable| why.to_string())?;
        self.0.enforcer.activate(Arc::new(active));
        Ok(())
    }

    /// Reads the files again whenever they may have changed, for ever.
    pub async fn follow(self, tenant: String, folder: PathBuf, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(why) = self.read(&tenant, &folder) {
                eprintln!("not taken up: {why}");
            }
        }
    }
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
                Ok(request) => inner.call(request).await,
                Err(refused) => Ok(*refused),
            }
        })
    }
}

impl Guard {
    /// The request, if it may go on, with who calls in its extensions.
    async fn admit(&self, request: Request) -> Result<Request, Box<Response>> {
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
                head.extensions.insert(facts);
                Ok(Request::from_parts(head, Body::from(bytes)))
            }
            Outcome::Challenge(Challenge { cause, scopes, .. }) => {
                Err(refuse(401, id, cause.code(), cause.remedy(), &json!({"scope": scopes.join(" ")})))
            }
            Outcome::Forbidden { scope, cause } => Err(refuse(403, id, cause.code(), cause.remedy(), &json!({"scope": scope}))),
            Outcome::Denied(cause) => Err(refuse(403, id, cause.code(), cause.remedy(), &json!({}))),
        }
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
