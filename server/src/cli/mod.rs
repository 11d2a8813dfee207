//! The command line.

mod admin;
mod audit;
mod candidate;
mod confirm;
mod export_repo;
mod keys;
mod opa;
mod receipt;
mod revoke;
mod sign;
pub mod signer;
mod target;
mod tenant;

use crate::serve::{self, ServeArgs};
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Writ: who may call which MCP method, decided, approved, signed, delivered and provable.
#[derive(Debug, Parser)]
#[command(name = "writ", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control plane.
    Serve(ServeArgs),
    /// Administer from the host's shell: the first admin, and the way back in.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Take back what was issued, or block, and say which gateways have confirmed. Exits with 0 when all have and 2 when some have not.
    Revoke(revoke::Revoke),
    /// Lift a block. Exits as `revoke` does.
    Lift(revoke::Lift),
    /// Write a tenant's signed repository into a directory, for a web server, an object store or an air gap.
    ExportRepo(export_repo::ExportRepo),
    /// Work with audit exports.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Signing keys: make them, list them, rotate them, move them. Most of it needs the database; making and signing need none.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// What awaits the signature of a policy key that lies elsewhere.
    #[command(subcommand)]
    Candidate(candidate::Candidate),
    /// Sign a candidate with the policy key, on whatever machine that lies. Needs no database.
    Sign(sign::Sign),
    /// Work with OPAs that enforce this policy.
    #[command(subcommand)]
    Opa(opa::Opa),
}

/// Runs a command.
///
/// # Errors
/// What went wrong, for the person at the shell.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let filter =
        EnvFilter::try_from_env("WRIT_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.command {
        Command::Serve(args) => serve::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Admin(admin) => admin.run().await.map(|()| ExitCode::SUCCESS),
        Command::Revoke(revoke) => revoke.run().await,
        Command::Lift(lift) => lift.run().await,
        Command::ExportRepo(export) => export.run().await.map(|()| ExitCode::SUCCESS),
        Command::Audit(audit) => audit.run(),
        Command::Keys(keys) => keys.run().await.map(|()| ExitCode::SUCCESS),
        Command::Candidate(candidate) => candidate.run().await.map(|()| ExitCode::SUCCESS),
        Command::Sign(sign) => sign.run().await.map(|()| ExitCode::SUCCESS),
        Command::Opa(opa) => opa.run().await.map(|()| ExitCode::SUCCESS),
    }
}
