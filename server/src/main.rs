//! The `writ` binary: command line, composition root and the one route table.

use clap::Parser;
use std::process::ExitCode;
use writ::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _unheard = error.print();
            // Not clap's 2, which says of a revocation that it stands and is not confirmed everywhere.
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match writ::cli::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("writ: {error:#}");
            ExitCode::FAILURE
        }
    }
}
