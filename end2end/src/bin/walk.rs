//! `walk`: plays the story against running parts, prints each step with its outcome, and fails when one differs.

use anyhow::Result;
use clap::Parser;
use end2end::{places::Places, walk};
use std::process::ExitCode;

/// Plays the story, or only makes what a newcomer finds ready.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    places: Places,
    /// Only make the configuration: roles, group map, servers, a client, a first publish.
    #[arg(long)]
    setup_only: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.setup_only {
        walk::set_up(&arguments.places).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let differences = walk::tell(arguments.places).await;
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
