//! `cargo xtask test`: everything that must hold, in stages, each timed. What is missing gets installed where it may be.

mod browser;
mod opa;
mod postgres;
mod prerequisites;
mod python;
mod stage;
mod tuf;

use crate::{demo, interrupt, process, tree, web};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use prerequisites::Tools;
use stage::Stage;
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// Which stages to run.
#[derive(Args)]
pub struct Options {
    /// Run these stages only, in the usual order. Repeatable.
    #[arg(long, value_enum, value_name = "STAGE")]
    only: Vec<Stage>,
    /// Leave these stages out. Repeatable.
    #[arg(long, value_enum, value_name = "STAGE")]
    skip: Vec<Stage>,
    /// Go on after a failed stage, and fail at the end.
    #[arg(long)]
    keep_going: bool,
}

/// Runs the stages. The last line says `xtask test: passed …` or `xtask test: FAILED …`.
pub fn run(options: &Options) -> Result<()> {
    let chosen: Vec<Stage> = Stage::ALL
        .into_iter()
        .filter(|stage| (options.only.is_empty() || options.only.contains(stage)) && !options.skip.contains(stage))
        .collect();
    ensure!(!chosen.is_empty(), "no stage is left: what --only names, --skip leaves out");
    let began = Instant::now();
    let mut done: Vec<(Stage, Duration, Outcome)> = Vec::new();
    let tools = prerequisites::tools(&chosen)?;
    for stage in &chosen {
        println!("\n=== {}: {}", stage.name(), stage.purpose());
        let started = Instant::now();
        let outcome = match perform(*stage, &tools) {
            Ok(outcome) => outcome,
            Err(error) => {
                println!("{error:#}");
                Outcome::Failed
            }
        };
        println!("=== {}: {} in {}", stage.name(), outcome.word(), shown(started.elapsed()));
        done.push((*stage, started.elapsed(), outcome));
        interrupt::check()?;
        if outcome == Outcome::Failed && !options.keep_going {
            break;
        }
    }
    report(&done, chosen.len(), began.elapsed())
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Outcome {
    Passed,
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
        }
    }
}

fn report(done: &[(Stage, Duration, Outcome)], chosen: usize, took: Duration) -> Result<()> {
    println!("\n  stage      outcome        time");
    for (stage, time, outcome) in done {
        println!("  {:<10} {:<8} {:>10}", stage.name(), outcome.word(), shown(*time));
    }
    let failed: Vec<&str> = done.iter().filter(|(_, _, outcome)| *outcome == Outcome::Failed).map(|(stage, _, _)| stage.name()).collect();
    if failed.is_empty() {
        println!("\nxtask test: passed ({} stages, {})", done.len(), shown(took));
        return Ok(());
    }
    let not_reached = chosen - done.len();
    println!("\nxtask test: FAILED ({}; {not_reached} stages not reached, {})", failed.join(", "), shown(took));
    anyhow::bail!("failed: {}", failed.join(", "))
}

fn shown(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn perform(stage: Stage, tools: &Tools) -> Result<Outcome> {
    match stage {
        Stage::Fmt => cargo(&["fmt", "--check"])?,
        Stage::Build => cargo(&["build"])?,
        Stage::Clippy => {
            // All but what is for building wasm. In one go: the benchmark by itself would have most dependencies checked once more, since it
            // has other features switched on in them.
            cargo(&["clippy", "--workspace", "--exclude", "xtask-web", "--all-targets", "--", "-D", "warnings"])?;
        }
        Stage::Rust => {
            cargo(&["test", "--package", "xtask", "--quiet"])?;
            rust_tests(tools)?;
        }
        Stage::Tuf => tuf::run(tools)?,
        Stage::Opa => opa::run(tools)?,
        Stage::Docs => {
            cargo(&["test", "--doc"])?;
            let mut doc = process::cargo();
            doc.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").current_dir(tree::root());
            process::run(&mut doc)?;
        }
        Stage::Licences => {
            let program = tools.cargo_deny.as_ref().context("cargo-deny was found a moment ago")?;
            let mut check = Command::new(program);
            process::run(check.args(["--log-level", "error", "check", "bans", "licenses", "sources"]).current_dir(tree::root()))?;
        }
        Stage::Web => drop(web::build(&web::Options::default())?),
        Stage::Walk => walk()?,
        Stage::Browser => browser::run(tools)?,
    }
    Ok(Outcome::Passed)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    process::run(process::cargo().args(arguments).current_dir(tree::root()))
}

fn rust_tests(tools: &Tools) -> Result<()> {
    let postgres = postgres::given_or_started(tools.postgres.as_deref())?;
    let mut command: Command = process::cargo();
    command.current_dir(tree::root()).env(postgres::VARIABLE, postgres.url());
    if tools.nextest {
        command.args(["nextest", "run"]);
    } else {
        command.args(["test", "--lib", "--bins", "--tests"]);
    }
    process::run(&mut command)
}

/// The story, beside whatever demo may be running: on free ports, over data that is thrown away.
fn walk() -> Result<()> {
    demo::build()?;
    let data = tempfile::Builder::new().prefix("writ-walk-").tempdir()?;
    let site = web::build(&web::Options::default())?;
    let (ports, _leases) = demo::Ports::leased()?;
    demo::Demo::start(data.path(), ports, Some(site), true)?.walk()
}
