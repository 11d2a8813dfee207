//! `cargo xtask bench`: measures what design budgets apply to, prints a table and writes JSON.
//!
//! Every figure is measured in this run, on this machine, which the table names. Where there is a peer it runs in the same run. The
//! whole-system figures need a running demo, whose places are given as for the walk.

mod clock;
mod decide;
mod fleet;
mod gateway_cost;
mod heap;
mod large;
mod memory;
mod pages;
mod publish;
mod refresh;
mod report;
mod tokens;
mod watchers;
mod world;

use anyhow::Result;
use clap::Parser;
use end2end::places::Places;
use report::Report;
use std::path::PathBuf;

/// Measure the budgets.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    places: Places,
    /// Where to write the figures as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
    /// Only what needs no running system.
    #[arg(long)]
    pure: bool,
    /// Only these: decide, heap, publish, refresh, memory, pages, gateway, tokens, fleet, watchers, large. Repeatable.
    #[arg(long, value_name = "FIGURE")]
    only: Vec<String>,
}

impl Args {
    fn wants(&self, figure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == figure)
    }
}

fn main() -> Result<()> {
    // As fair as the control plane's own: see there.
    tokio::runtime::Builder::new_multi_thread().enable_all().global_queue_interval(2).build()?.block_on(run())
}

async fn run() -> Result<()> {
    let args = Args::parse();
    let mut report = Report::on_this_machine()?;
    if args.wants("decide") {
        decide::measure(&mut report)?;
    }
    if args.wants("heap") {
        heap::measure(&mut report)?;
    }
    if args.wants("publish") {
        publish::measure(&mut report).await?;
    }
    if args.wants("refresh") {
        refresh::measure(&mut report)?;
    }
    if !args.pure {
        let mut world = world::World::prepare(args.places.clone()).await?;
        if args.wants("memory") {
            memory::idle(&mut report, &world)?;
        }
        if args.wants("pages") {
            pages::measure(&mut report, &mut world).await?;
        }
        if args.wants("gateway") {
            gateway_cost::measure(&mut report, &mut world).await?;
        }
        if args.wants("tokens") {
            tokens::measure(&mut report, &mut world).await?;
        }
        if args.wants("fleet") {
            fleet::measure(&mut report, &mut world).await?;
        }
        if args.wants("watchers") {
            watchers::measure(&mut report, &mut world).await?;
        }
        // Last, since everything else would be measured on this much data.
        if args.wants("large") {
            pages::measure_large(&mut report, &mut world).await?;
        }
    }
    report.print();
    report.write(&args.json)
}
