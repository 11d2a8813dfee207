//! The stand-in for a Transit engine as a program: `demo-transit --listen 127.0.0.1:8200 --token-file token`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use demo::transit::{Transit, serve};
use tokio::net::TcpListener;

/// Signs like the Transit engine of HashiCorp Vault or OpenBao, with keys in memory. Loopback only.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; must be a loopback address.
    #[arg(long, default_value = "127.0.0.1:8200")]
    listen: SocketAddr,
    /// A file with the one token that it takes.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-transit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let token = std::fs::read_to_string(&arguments.token_file).with_context(|| format!("reading {}", arguments.token_file.display()))?;
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| format!("listening on {}", arguments.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(serve(listener, Transit::new(token.trim())).await?)
}
