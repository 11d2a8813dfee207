//! The attack table: good and evil repositories, each followed by our client, by `tough` and by python-tuf.
//!
//! `oracles DIRECTORY` writes every scenario to a folder of its own and follows it with the first two; `follow.py DIRECTORY` does the same
//! with python-tuf. Both print the table and fail where a client does not do what the table says. Where a client of the others differs
//! from ours, the scenario says why. `cargo xtask test --only tuf` runs both.

// The worlds and forgeries are those of the unit tests: what is refused there is shown to others here.
#[path = "../../tests/workflow/forge.rs"]
mod forge;
mod peer;
mod scenario;
mod scenarios;
mod spoil;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/workflow/support.rs"]
mod support;
mod words;

use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<()> {
    let directory: PathBuf = std::env::args().nth(1).context("usage: oracles DIRECTORY")?.into();
    let scenarios = scenarios::all();
    let mut failures = Vec::new();
    println!("{:<66} {:<16} {:<10} {:<10}", "scenario", "ours", "tough", "python-tuf");
    for scenario in &scenarios {
        let folder = directory.join(scenario.file_name());
        scenario.write(&folder)?;
        let ours = scenario.follow();
        let tough = peer::follow(scenario, &folder).await?;
        let word = |accepts: bool| if accepts { "accepts" } else { "refuses" };
        let shown = ours.as_ref().map_or_else(|code| (*code).to_owned(), |()| "accepts".to_owned());
        println!("{:<66} {shown:<16} {:<10} {:<10}", scenario.name, word(tough.is_ok()), word(scenario.python_accepts()));
        if ours != scenario.expected {
            failures.push(format!("{}: our client should say {:?}, says {ours:?}", scenario.name, scenario.expected));
        }
        match (&tough, scenario.tough_accepts()) {
            (Ok(()), true) => {}
            (Err(error), false) if scenario.words().tough.contains(&peer::kind(error).as_str()) => {}
            (_, false) => {
                failures.push(format!("{}: tough should refuse with {:?}, but: {tough:?}", scenario.name, scenario.words().tough))
            }
            (_, true) => failures.push(format!("{}: tough should accept, but: {tough:?}", scenario.name)),
        }
    }
    for scenario in &scenarios {
        for (client, why) in scenario.differences() {
            println!("{client} differs on \"{}\": {why}", scenario.name);
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
