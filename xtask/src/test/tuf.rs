//! The attack table: repositories, good and evil, as our client, `tough` and python-tuf follow them.

use super::prerequisites::Tools;
use crate::{process, tree};
use anyhow::{Context as _, Result};
use std::{path::PathBuf, process::Command};

/// The reference client.
pub fn client() -> Result<PathBuf> {
    super::python::environment("python-tuf", "crates/bundle/oracles/requirements.txt", &[])
}

/// Writes every repository, and has all three follow each.
pub fn run(tools: &Tools) -> Result<()> {
    let client = tools.python_tuf.as_ref().context("python-tuf was installed a moment ago")?;
    let scenarios = tempfile::Builder::new().prefix("writ-attacks-").tempdir()?;
    let mut oracles = process::cargo();
    process::run(oracles.args(["run", "--quiet", "--package", "oracles", "--"]).arg(scenarios.path()).current_dir(tree::root()))?;
    let script = tree::root().join("crates/bundle/oracles/follow.py");
    process::run(Command::new(client.join("bin/python")).arg(script).arg(scenarios.path()))
}
