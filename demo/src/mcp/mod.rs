//! Two small MCP servers for demos and tests, on the official SDK.
//!
//! They speak streamable HTTP at `/mcp`: revision 2026-07-28 (a request carries all it needs, and there is no
//! `initialize`) and the older ones (with `initialize`). They trust whoever reaches them, which is why they listen on
//! loopback only; deciding who may call what is the job of the gateway in front of them.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:7701").await?;
//! demo::mcp::serve(listener, demo::mcp::Kind::Incident).await
//! # }
//! ```

mod analytics;
mod incident;
#[cfg(test)]
mod tests;

use crate::idp::Clock;
use axum::{
    Router,
    extract::Request,
    http::header::AUTHORIZATION,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager},
};
use std::{future::Future, io, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Which of the demo servers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Kind {
    /// Logs and incidents: `logs.read`, `logs.debug.write`, `incidents.trigger`.
    Incident,
    /// Numbers: `analytics.query`.
    Analytics,
}

/// What a server is made of.
pub struct Config {
    /// Which tools it has.
    pub kind: Kind,
    /// Whether clients of revisions before 2026-07-28 get a session and event streams, as many real servers give them;
    /// otherwise each request stands alone and its answer is one JSON document.
    pub sessions: bool,
    /// Whether each request logs if it came with a credential. The credential itself is never logged.
    pub log_identity: bool,
    /// What time it is: log lines and incidents carry it.
    pub clock: Clock,
}

impl Config {
    /// A server of this kind, without sessions, on the system's clock.
    pub fn new(kind: Kind) -> Self {
        Self { kind, sessions: false, log_identity: false, clock: Clock::system() }
    }
}

/// Serves until the task is dropped. Refuses a listener that is not on loopback.
pub async fn serve(listener: TcpListener, kind: Kind) -> io::Result<()> {
    serve_until(listener, Config::new(kind), std::future::pending()).await
}

/// Serves until `stop` resolves, then ends open streams and finishes the requests under way.
pub async fn serve_until(listener: TcpListener, config: Config, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let said = format!("the demo MCP servers trust whoever reaches them and listen on loopback only, not on {address}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
    }
    // Streams that a client holds open would keep a graceful shutdown waiting for ever.
    let streams = CancellationToken::new();
    let router = router(&config, streams.clone());
    let stop = async move {
        stop.await;
        streams.cancel();
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

fn router(config: &Config, streams: CancellationToken) -> Router {
    let http = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(config.sessions)
        .with_json_response(!config.sessions)
        // No web page has business here: a request with an `Origin` is refused. The SDK itself checks `Host` for
        // loopback names, so no foreign name can be pointed at this server either.
        .enforce_origin_validation()
        .with_cancellation_token(streams);
    let router = match config.kind {
        Kind::Incident => mcp(incident::Incident::new(config.clock.clone()), http),
        Kind::Analytics => mcp(analytics::Analytics::new(), http),
    };
    let router = router.route("/healthz", get(|| async { "ok" }));
    if config.log_identity { router.layer(middleware::from_fn(log_identity)) } else { router }
}

fn mcp<H: ServerHandler + Clone>(handler: H, http: StreamableHttpServerConfig) -> Router {
    let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(LocalSessionManager::default()), http);
    Router::new().nest_service("/mcp", service)
}

async fn log_identity(request: Request, next: Next) -> Response {
    let credential = if request.headers().contains_key(AUTHORIZATION) { "present" } else { "absent" };
    tracing::info!(method = %request.method(), path = request.uri().path(), authorization = credential, "request");
    next.run(request).await
}
