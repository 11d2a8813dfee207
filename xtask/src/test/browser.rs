//! Playwright against a demo of its own, in the system's Chromium.

use super::prerequisites::Tools;
use crate::{demo, tree, web};
use anyhow::{Context as _, Result};
use std::process::Command;

/// Starts a demo on free ports and runs the browser tests against it.
pub fn run(tools: &Tools) -> Result<()> {
    let chromium = tools.chromium.as_ref().context("Chromium was found a moment ago")?;
    let site = web::build(&web::Options::default())?;
    demo::build()?;
    let data = tempfile::Builder::new().prefix("writ-browser-").tempdir()?;
    let (ports, _leases) = demo::Ports::leased()?;
    let mut demo = demo::Demo::start(data.path(), ports, Some(site), true)?;
    let mut playwright = Command::new("npx");
    playwright.args(["--no-install", "playwright", "test"]).current_dir(tree::root().join("end2end")).env("WRIT_CHROMIUM", chromium);
    for (name, value) in demo::environment(demo.places()) {
        playwright.env(name, value);
    }
    demo.attend(playwright)
}
