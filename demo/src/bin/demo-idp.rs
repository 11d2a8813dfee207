//! The demo identity provider as a program: `demo-idp --issuer http://127.0.0.1:7600 --client writ:SECRET:REDIRECT_URI`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::Parser;
use demo::idp::{Client, Config, Person, Server, only_loopback};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// A small OpenID provider without passwords, for demos and tests. Loopback only.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; must be a loopback address.
    #[arg(long, default_value = "127.0.0.1:7600")]
    listen: SocketAddr,
    /// The issuer identifier; by default http:// and the address it listens on.
    #[arg(long)]
    issuer: Option<String>,
    /// A relying party, as CLIENT_ID:SECRET:REDIRECT_URI. Repeatable.
    #[arg(long = "client", value_name = "CLIENT_ID:SECRET:REDIRECT_URI")]
    clients: Vec<Client>,
    /// A JSON file with `clients` and `people`; either can be missing.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A JSON file with an array of people, in place of the built-in ones.
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// A directory to keep the signing key in; without it, each start makes a new key.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    clients: Vec<Client>,
    people: Option<Vec<Person>>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-idp: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    only_loopback(arguments.listen)?;
    let file: File = match &arguments.config {
        Some(path) => read(path)?,
        None => File::default(),
    };
    let people = match &arguments.people {
        Some(path) => Some(read(path)?),
        None => file.people,
    };
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another with --listen", arguments.listen))?;
    let address = listener.local_addr()?;
    let mut config = Config::new(arguments.issuer.unwrap_or_else(|| format!("http://{address}")));
    config.clients = arguments.clients.into_iter().chain(file.clients).collect();
    config.data = arguments.data;
    if let Some(people) = people {
        config.people = people;
    }
    if config.clients.is_empty() {
        bail!("no client: give --client CLIENT_ID:SECRET:REDIRECT_URI or --config FILE");
    }
    let server = Server::new(config).context("cannot read or keep the signing key")?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening on http://{address}");
    let stop = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    server.serve_until(listener, stop).await.context("serving")
}

fn read<T: serde::de::DeserializeOwned>(path: &PathBuf) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what was expected", path.display()))
}
