//! Serving: the layers around the route table, and the background work.

use crate::app::App;
use crate::compose::{self, DataArgs};
use crate::connections::{self, Limits};
use crate::site::Site;
use crate::{around, delivery, endpoint, problem, upkeep};
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use outbound::http::{self, Guarded, Reach};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

/// How to serve.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address to listen on.
    #[arg(long, env = "WRIT_LISTEN", default_value = "127.0.0.1:7400")]
    listen: SocketAddr,
    /// Connections at once; more wait. Each gateway takes two. Keep it below the limit of open files, so that some are left for the rest.
    #[arg(long, env = "WRIT_CONNECTIONS", default_value_t = Limits::default().connections)]
    connections: usize,
    /// Folder of the browser half (`cargo xtask web` makes it). Pages work without.
    #[arg(long, env = "WRIT_SITE")]
    site: Option<PathBuf>,
    /// Let Writ call services on this very machine: an identity provider or MCP server on loopback. For trials.
    #[arg(long, env = "WRIT_ALLOW_LOOPBACK")]
    allow_loopback: bool,
    /// Let Writ call private networks (10/8, 192.168/16, …), where an enterprise's MCP servers are.
    #[arg(long, env = "WRIT_ALLOW_PRIVATE")]
    allow_private: bool,
}

/// Serves until the process is asked to end.
///
/// # Errors
/// Says what kept it from starting.
pub async fn run(args: ServeArgs) -> Result<()> {
    let control = compose::control(&args.data).await?;
    let reach = Reach { allow_loopback: args.allow_loopback, allow_private: args.allow_private };
    let outbound = Guarded::new(reach, http::Limits::default())?;
    let site = Site::load(args.site.as_deref()).context("reading the browser half")?;
    let ending = CancellationToken::new();
    let app = App::new(control.clone(), outbound, site, ending.clone());
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listening on {}; is another program there? choose with --listen", args.listen))?;
    let address = listener.local_addr()?;
    let signing = tokio::spawn(delivery::upkeep::upkeep_loop(control.clone(), ending.clone()));
    let hearing = tokio::spawn(upkeep::hear_replicas(control.clone(), ending.clone()));
    let upkeep = tokio::spawn(upkeep::run(control, ending.clone()));
    tracing::info!(%address, public_url = app.public_url(), "listening");
    println!("listening on http://{address}");
    tokio::spawn(asked_to_end(ending.clone()));
    let limits = Limits { connections: args.connections, ..Limits::default() };
    connections::serve(listener, service(app), limits, ending).await;
    signing.await?;
    upkeep.await?;
    hearing.await?;
    Ok(())
}

/// The whole application, ready to be called.
pub fn service(app: App) -> Router {
    endpoint::router()
        .fallback(missing)
        .layer(from_fn_with_state(app.clone(), around::layer))
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(2 << 20))
        .with_state(app)
}

async fn missing() -> problem::Problem {
    control::Error::NotFound.into()
}

async fn asked_to_end(ending: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::error!(%error, "cannot listen for SIGTERM");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("ending");
    ending.cancel();
}
