//! A demo MCP server as a program: `demo-mcp --kind incident --listen 127.0.0.1:7701`.

use anyhow::Context as _;
use clap::Parser;
use demo::mcp::{Config, Kind, serve_until};
use std::net::SocketAddr;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// A small MCP server with made-up data, for demos and tests. Loopback only.
#[derive(Parser)]
struct Arguments {
    /// Which tools it has.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Where to listen; must be a loopback address.
    #[arg(long, default_value = "127.0.0.1:7701")]
    listen: SocketAddr,
    /// Give clients of older protocol revisions sessions and event streams.
    #[arg(long)]
    sessions: bool,
    /// Log for each request whether it came with a credential (never the credential).
    #[arg(long)]
    log_identity: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,demo=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another with --listen", arguments.listen))?;
    let address = listener.local_addr()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    let config = Config { sessions: arguments.sessions, log_identity: arguments.log_identity, ..Config::new(arguments.kind) };
    println!("listening on http://{address}");
    serve_until(listener, config, stop).await.context("serving")
}
