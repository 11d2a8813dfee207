//! Resident memory of the control plane, as the kernel counts it.

use crate::report::{Figure, Report};
use crate::world::World;
use anyhow::{Context as _, Result};
use std::fs;

/// Resident set size of `writ serve` for this demo, in megabytes.
pub fn resident(world: &World) -> Result<f64> {
    let port = world.places.console.rsplit(':').next().context("the console's address has no port")?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains("writ serve") && line.contains(&format!(":{port}")) {
            let status = fs::read_to_string(entry.path().join("status"))?;
            let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
            let number: f64 = kilobytes.trim().trim_end_matches(" kB").trim().parse()?;
            return Ok(number / 1024.0);
        }
    }
    anyhow::bail!("no process `writ serve` on port {port}")
}

/// After start and one small configuration.
pub fn idle(report: &mut Report, world: &World) -> Result<()> {
    let median = resident(world)?;
    let how = "VmRSS of writ serve after start, set-up and one sign-in".to_owned();
    report.add(Figure {
        what: "control plane memory, idle",
        unit: "MB",
        median,
        p99: None,
        budget: "≤ 60 MB",
        met: Some(median <= 60.0),
        how,
    });
    Ok(())
}
