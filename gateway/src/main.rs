//! The `writ-gateway` program: command line, real clock, real randomness.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use gateway::clock::{Clock, Random};
use gateway::config::file;
use gateway::config::{Config, LogFormat, Metrics, Settings};
use gateway::data::{self, Identity};
use gateway::runtime::{self, Listeners};
use rand::SeedableRng;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where metrics are served unless told otherwise.
const METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7501);

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
    Run(Box<Run>),
    /// Says everything that is wrong with a configuration, without starting.
    Check(Box<Given>),
    /// Says what the kept state is, verified again: versions and how stale they are.
    Status {
        /// The gateway's data directory.
        #[arg(long)]
        data: PathBuf,
    },
}

/// Settings, each of which goes over the file's.
#[derive(clap::Args)]
struct Given {
    /// A file with settings, see docs/gateway.md.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where the key, the identity, the verified state and the decision log lie.
    #[arg(long)]
    data: Option<String>,
    /// Where to listen. [default: 127.0.0.1:7500]
    #[arg(long)]
    listen: Option<String>,
    /// How clients reach this gateway: the resource URIs of its MCP servers start with it. [default: http://127.0.0.1:7500]
    #[arg(long)]
    public_url: Option<String>,
    /// The tenant at the control plane, such as http://127.0.0.1:7400/t/acme.
    #[arg(long)]
    control_plane: Option<String>,
    /// Instead of a control plane: where `writ export-repo` wrote the files, a directory or an http(s) address.
    #[arg(long, requires = "tenant", requires = "root_sha256", conflicts_with = "control_plane")]
    repository: Option<String>,
    /// The tenant's slug, with --repository.
    #[arg(long)]
    tenant: Option<String>,
    /// Fingerprint of the tenant's first root, with --repository.
    #[arg(long)]
    root_sha256: Option<String>,
    /// Where to serve metrics and health to operators, or `off`. [default: 127.0.0.1:7501]
    #[arg(long)]
    metrics_listen: Option<String>,
    /// A file with the token from Delivery, Gateways, Add a gateway. For the first start only.
    #[arg(long)]
    enrol_token_file: Option<String>,
    /// This gateway's name in the fleet. [default: gw-1]
    #[arg(long)]
    name: Option<String>,
    /// Labels that rings may go by, such as `env=test`. Repeatable.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
}

#[derive(clap::Args)]
struct Run {
    #[command(flatten)]
    given: Given,
    /// The token itself. Seen by other users of this host: prefer the file.
    #[arg(long, env = "WRIT_ENROL_TOKEN", hide_env_values = true, conflicts_with = "enrol_token_file")]
    enrol_token: Option<String>,
}

impl Given {
    fn settings(self) -> Result<(Settings, String)> {
        let settings = self.config.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let place = self.config.map_or_else(|| "command line".to_owned(), |path| path.display().to_string());
        let given = [
            ("--data", self.data),
            ("--listen", self.listen),
            ("--public-url", self.public_url),
            ("--control-plane", self.control_plane),
            ("--repository", self.repository),
            ("--tenant", self.tenant),
            ("--root-sha256", self.root_sha256),
            ("--metrics-listen", self.metrics_listen),
            ("--enrol-token-file", self.enrol_token_file),
            ("--name", self.name),
        ];
        let given: Vec<_> = given.into_iter().filter_map(|(option, value)| Some((option, value?))).collect();
        Ok((settings.overridden(&given, &self.labels)?, place))
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(run) => started(*run),
        Command::Check(given) => check(*given),
        Command::Status { data } => {
            log(LogFormat::Text);
            status(&data)
        }
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

/// Log lines on standard error.
fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn check(given: Given) -> Result<()> {
    let (settings, place) = given.settings()?;
    let config = settings.finish(&place)?;
    println!("{place} is in order: {} for {}, at {}", config.name, config.control_plane, config.public_url);
    Ok(())
}

fn started(run: Run) -> Result<()> {
    let (settings, place) = run.given.settings()?;
    log(settings.log.unwrap_or(LogFormat::Text));
    let (metrics, token_file) = (settings.metrics, settings.enrol_token_file.clone());
    let mut config = settings.finish(&place)?;
    config.enrol_token = match (run.enrol_token, token_file) {
        (Some(token), _) => Some(token),
        // After the first start the file is not needed any more, and may be gone.
        (None, Some(path)) if path.exists() => {
            Some(std::fs::read_to_string(&path).with_context(|| format!("reading the enrolment token in {}", path.display()))?)
        }
        _ => None,
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config, metrics))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the program reads the system's clock")]
fn clock() -> Clock {
    Clock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

async fn serve(config: Config, metrics: Option<Metrics>) -> Result<()> {
    let clients = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}: is another program there? Choose another `listen`", config.listen))?;
    let operators = match metrics {
        Some(Metrics::Off) => None,
        Some(Metrics::At(address)) => {
            Some(TcpListener::bind(address).await.with_context(|| {
                format!("listening on {address} for metrics: is another program there? Choose another `metrics.listen`")
            })?)
        }
        // Not asked for: no reason not to start, as with a second gateway on one host.
        None => match TcpListener::bind(METRICS).await {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!(%error, "metrics are not served: {METRICS} is taken; choose another address as `metrics.listen`, or `off`");
                None
            }
        },
    };
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        signalled().await;
        tracing::info!("stopping");
        signal.cancel();
    });
    let random = Random::new(rand::rngs::StdRng::from_os_rng());
    runtime::run(config, clock(), random, Listeners { clients, operators }, stop).await
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
    let witness = data::witness_key(dir, &format!("writ/{}/{}", identity.tenant, identity.gateway_id))?;
    println!("witness key     {}", witness.as_deref().unwrap_or("none yet"));
    let kept = data::kept(dir)?;
    let now = clock().now();
    let Identity { tenant, gateway_id: gateway, root_sha256, .. } = identity;
    let pin = bundle::Pin { tenant, gateway, root_sha256, labels: BTreeMap::new() };
    // As a start would: what it would not use is an error here.
    let (_, activated, refused) = bundle::Trusted::restore(&pin, kept.borrowed(), now);
    if let Some(refused) = refused.into_iter().next() {
        return Err(refused).context("what was kept does not verify: a start would be closed, or forget");
    }
    let Some(activated) = activated else {
        println!("state           nothing verified yet: closed");
        return Ok(());
    };
    println!("policy          {} (sha256 {})", activated.policy.version, activated.policy.sha256());
    println!("revocations     {}", activated.revocation_seq);
    println!("timestamp       {}", activated.timestamp);
    println!("root version    {}", activated.root_version);
    match now - activated.fresh_until {
        stale if stale > 0 => println!("freshness       stale for {stale} s"),
        left => println!("freshness       proved for another {} s", -left),
    }
    Ok(())
}
