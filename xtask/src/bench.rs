//! `cargo xtask bench`: the budgets, measured on an optimized build over data that is thrown away.

use crate::{demo, process, tree};
use anyhow::Result;
use clap::Args;
use std::{path::PathBuf, process::Command};

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Only what needs no running system.
    #[arg(long)]
    pure: bool,
    /// Only these: decide, heap, publish, refresh, memory, pages, gateway, tokens, fleet, watchers, large. Repeatable.
    #[arg(long, value_name = "FIGURE")]
    only: Vec<String>,
    /// Which of cargo's profiles to build with: `profiling` is nearly as fast as `release`, has names for `perf`, and builds sooner.
    #[arg(long, default_value = "release")]
    profile: String,
    /// Where to write the figures as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

/// Builds, starts a demo on free ports, measures, prints.
pub fn run(options: &Options) -> Result<()> {
    tree::use_profile(&options.profile);
    let mut cargo = process::cargo();
    cargo.args(["build", "--profile", &options.profile, "-p", "bench"]).current_dir(tree::root());
    if !options.pure {
        for (package, _) in demo::BINARIES {
            cargo.args(["-p", package]);
        }
    }
    process::run(&mut cargo)?;
    let mut command = Command::new(tree::binary("bench"));
    command.arg("--json").arg(tree::root().join(&options.json)).current_dir(tree::root());
    for figure in &options.only {
        command.arg("--only").arg(figure);
    }
    if options.pure {
        return process::run(command.arg("--pure"));
    }
    let data = tempfile::Builder::new().prefix("writ-bench-").tempdir()?;
    let (ports, _leases) = demo::Ports::leased()?;
    let mut demo = demo::Demo::start(data.path(), ports, None, true)?;
    command.envs(demo::environment(demo.places()));
    demo.attend(command)
}
