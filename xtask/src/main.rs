//! Build, run and test tasks for contributors.

mod bench;
mod client;
mod demo;
mod interrupt;
mod process;
mod test;
mod tree;
mod web;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, run and test Writ.")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the browser half: islands to wasm, and the script that starts them.
    Web(web::Options),
    /// Build and start everything on loopback, with a demo identity provider and demo MCP servers.
    Demo(demo::Options),
    /// Connect an MCP client to the demo's gateway: you sign in with your browser, and call tools from the terminal.
    Client(client::Options),
    /// Measure the budgets on an optimized build: prints a table, writes JSON.
    Bench(bench::Options),
    /// Install what the tests need, and run every test.
    Test(test::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes in one line; a backtrace of this program helps nobody.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    interrupt::watch()?;
    match task {
        Task::Web(options) => web::build(&options).map(drop),
        Task::Demo(options) => demo::run(&options),
        Task::Client(options) => client::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Test(options) => test::run(&options),
    }
}
