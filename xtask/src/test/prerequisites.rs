//! What the tests need from the machine: found, else installed where this is allowed, else named all at once.

use super::{opa, postgres, python, stage::Stage, tuf};
use crate::{process, tree};
use anyhow::{Result, bail};
use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

/// What was found.
pub struct Tools {
    /// The folder with `initdb` and `postgres`; none when a URL was given.
    pub postgres: Option<PathBuf>,
    /// The browser.
    pub chromium: Option<PathBuf>,
    /// Whether `cargo nextest` runs.
    pub nextest: bool,
    /// The library of OPA's engine; none when its stage was not chosen.
    pub opa_engine: Option<PathBuf>,
    /// An environment with python-tuf; none when its stage was not chosen.
    pub python_tuf: Option<PathBuf>,
    /// `cargo-deny`; none when its stage was not chosen.
    pub cargo_deny: Option<PathBuf>,
}

/// Finds what the chosen stages need.
pub fn tools(stages: &[Stage]) -> Result<Tools> {
    let wants = |stage| stages.contains(&stage);
    let missing_packages = || missing_packages(&wants);
    let missing = missing_packages();
    if !missing.is_empty() && process::is_root() && tree::on_path(&["apt-get"]).is_some() {
        process::apt_install(&missing)?;
    }
    let missing = missing_packages();
    if !missing.is_empty() {
        bail!(
            "the tests need packages that are not installed; on Debian: sudo apt-get install {} (or leave stages out with --skip; \
             {}, {} and WRIT_CHROMIUM can name a database, an engine and a browser of yours)",
            missing.join(" "),
            postgres::VARIABLE,
            opa::VARIABLE
        );
    }
    if wants(Stage::Browser) {
        install_node_packages()?;
    }
    Ok(Tools {
        postgres: postgres::binaries(),
        chromium: chromium(),
        nextest: subcommand_runs("nextest"),
        opa_engine: wants(Stage::Opa).then(opa::engine).transpose()?,
        python_tuf: wants(Stage::Tuf).then(tuf::client).transpose()?,
        cargo_deny: wants(Stage::Licences).then(cargo_deny).transpose()?,
    })
}

fn missing_packages(wants: &impl Fn(Stage) -> bool) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if wants(Stage::Rust) && env::var_os(postgres::VARIABLE).is_none() && postgres::binaries().is_none() {
        missing.push("postgresql");
    }
    if wants(Stage::Opa) {
        missing.extend(opa::missing_packages());
    }
    if wants(Stage::Tuf) {
        missing.extend(python::missing_packages());
    }
    missing.sort_unstable();
    missing.dedup();
    if wants(Stage::Browser) {
        if chromium().is_none() {
            missing.push("chromium");
        }
        if tree::on_path(&["node"]).is_none() {
            missing.push("nodejs");
        }
        if tree::on_path(&["npm"]).is_none() {
            missing.push("npm");
        }
    }
    missing
}

fn chromium() -> Option<PathBuf> {
    env::var_os("WRIT_CHROMIUM").map(PathBuf::from).or_else(|| tree::on_path(&["chromium", "chromium-browser", "google-chrome"]))
}

/// `npm ci`, when the lock file is newer than what was installed from it.
fn install_node_packages() -> Result<()> {
    let folder = tree::root().join("end2end");
    let changed = |path: &str| folder.join(path).metadata().and_then(|file| file.modified()).ok();
    if changed("node_modules/.package-lock.json") >= changed("package-lock.json") && changed("package-lock.json").is_some() {
        return Ok(());
    }
    println!("installing the browser tests' npm packages");
    process::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// The machine's own, or one that is built here once.
fn cargo_deny() -> Result<PathBuf> {
    if let Some(found) = tree::on_path(&["cargo-deny"]) {
        return Ok(found);
    }
    let folder = tree::root().join("target/tools");
    let program = folder.join("bin/cargo-deny");
    if !program.is_file() {
        println!("building cargo-deny, once (about three minutes)");
        process::run(process::cargo().args(["install", "--quiet", "--no-default-features", "cargo-deny", "--root"]).arg(folder))?;
    }
    Ok(program)
}

fn subcommand_runs(name: &str) -> bool {
    let mut command = process::cargo();
    command.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
