//! `cargo xtask client`: an MCP client for the terminal, to try the demo with.

use crate::{demo, process, tree};
use anyhow::Result;
use clap::Args;
use std::process::Command;

/// What to connect to, and as which client.
#[derive(Args)]
pub struct Options {
    /// The client's id, as the console shows it. Its redirect URI is to be <http://127.0.0.1/callback>.
    client_id: String,
    /// The server, as clients call it.
    #[arg(default_value = "http://127.0.0.1:7500/mcp/incident")]
    url: String,
}

/// Builds it, if need be, and has it talk to the person at the terminal.
pub fn run(options: &Options) -> Result<()> {
    demo::build()?;
    let mut client = Command::new(tree::binary("mcp-client"));
    client.args(["--client-id", &options.client_id, "--url", &options.url]);
    process::run(&mut client)
}
