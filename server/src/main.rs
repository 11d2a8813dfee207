//! The `writ` binary: command line, composition root and the one route table.

use clap::Parser;
use std::process::ExitCode;
use writ::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match writ::cli::run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("writ: {error:#}");
            ExitCode::FAILURE
        }
    }
}
