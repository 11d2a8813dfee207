//! The `writ-gateway` program: command line, real clock, real randomness.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use gateway::clock::{Clock, Random};
use gateway::config::{self, Config};
use gateway::data::{self, Identity};
use gateway::runtime;
use rand::SeedableRng;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// Lets through what policy allows, in front of MCP servers.
#[derive(Parser)]
#[command(name = "writ-gateway", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Follows the control plane and serves MCP.
    Run(Run),
    /// Says what the kept state is, verified again: versions and how stale they are.
    Status {
        /// The gateway's data directory.
        #[arg(long)]
        data: PathBuf,
    },
}

#[derive(clap::Args)]
struct Run {
    /// Where the key, the identity, the verified state and the decision log lie.
    #[arg(long)]
    data: PathBuf,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:7500")]
    listen: SocketAddr,
    /// How clients reach this gateway: the resource URIs of its MCP servers start with it.
    #[arg(long, default_value = "http://127.0.0.1:7500")]
    public_url: String,
    /// The tenant at the control plane, such as http://127.0.0.1:7400/t/acme.
    #[arg(long)]
    control_plane: String,
    /// The token from Delivery, Gateways, Add a gateway. For the first start only. Seen by other users of this host: prefer the file.
    #[arg(long, env = "WRIT_ENROL_TOKEN", hide_env_values = true, conflicts_with = "enrol_token_file")]
    enrol_token: Option<String>,
    /// A file with that token.
    #[arg(long)]
    enrol_token_file: Option<PathBuf>,
    /// This gateway's name in the fleet.
    #[arg(long, default_value = "gw-1")]
    name: String,
    /// Labels that rings may go by, such as `env=test`. Repeatable.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let done = match Cli::parse().command {
        Command::Run(run) => started(run),
        Command::Status { data } => status(&data),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // For the operator: what went wrong and what to do, not where in the program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn started(run: Run) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(run))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the program reads the system's clock")]
fn clock() -> Clock {
    Clock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

async fn serve(run: Run) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(run.listen)
        .await
        .with_context(|| format!("listening on {}: is another program there? Choose another --listen", run.listen))?;
    let enrol_token = match (&run.enrol_token, &run.enrol_token_file) {
        (Some(token), _) => Some(token.clone()),
        // After the first start the file is not needed any more, and may be gone.
        (None, Some(path)) if path.exists() => {
            Some(std::fs::read_to_string(path).with_context(|| format!("reading --enrol-token-file {}", path.display()))?)
        }
        _ => None,
    };
    let config = Config {
        data: run.data,
        listen: run.listen,
        public_url: run.public_url,
        control_plane: run.control_plane,
        name: run.name,
        labels: config::labels(&run.labels)?,
        enrol_token,
    };
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        signalled().await;
        tracing::info!("stopping");
        signal.cancel();
    });
    runtime::run(config, clock(), Random::new(rand::rngs::StdRng::from_os_rng()), listener, stop).await
}

async fn signalled() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            // Without it, an interrupt still stops us.
            let _interrupted = interrupt.await;
        }
    }
}

/// The kept state, read without taking hold of the directory: a gateway may be running on it.
fn status(dir: &Path) -> Result<()> {
    let Some(identity) = data::identity(dir)? else {
        anyhow::bail!("{} holds no enrolled gateway: start one there with `writ-gateway run`", dir.display());
    };
    println!("gateway         {} ({})", identity.gateway_id, identity.name);
    println!("tenant          {}", identity.tenant);
    println!("control plane   {}", identity.control_plane);
    println!("root sha256     {}", identity.root_sha256);
    let Some(document) = data::trusted(dir)? else {
        println!("state           nothing verified yet: closed");
        return Ok(());
    };
    let now = clock().now();
    let Identity { tenant, gateway_id: gateway, root_sha256, .. } = identity;
    let pin = bundle::Pin { tenant, gateway, root_sha256, labels: BTreeMap::new() };
    let (_, restored) = bundle::Trusted::open(pin, &document, now).context("the kept state does not verify: a start would be closed")?;
    let Some(activated) = restored.activated else {
        println!("state           nothing verified yet: closed");
        return Ok(());
    };
    println!("policy          {} (sha256 {})", activated.policy.version, activated.policy.sha256);
    println!("revocations     {}", activated.revocation_seq);
    println!("timestamp       {}", activated.timestamp);
    println!("root version    {}", activated.root_version);
    match now - activated.fresh_until {
        stale if stale > 0 => println!("freshness       stale for {stale} s"),
        left => println!("freshness       proved for another {} s", -left),
    }
    Ok(())
}
