//! `cargo xtask bench`: measures what design budgets apply to, prints a table and writes JSON.
//!
//! Every figure is measured in this run, on this machine, which the table names. Where there is a peer it runs in the same run.

mod decide;
mod report;

use anyhow::Result;
use clap::Parser;
use report::Report;
use std::path::PathBuf;

/// Measure the budgets.
#[derive(Parser)]
struct Args {
    /// Where to write the figures as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut report = Report::on_this_machine()?;
    decide::measure(&mut report);
    report.print();
    report.write(&args.json)
}
