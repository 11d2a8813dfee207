//! Figures, and the two ways of showing them.

use anyhow::{Context, Result};
use serde::Serialize;
use std::path::Path;

/// One measured line.
#[derive(Serialize)]
pub struct Figure {
    /// What was measured.
    pub what: &'static str,
    /// Unit of the numbers.
    pub unit: &'static str,
    /// Half of the samples are at most this.
    pub median: f64,
    /// 99 of 100 samples are at most this.
    pub p99: Option<f64>,
    /// The budget, as a sentence.
    pub budget: &'static str,
    /// Whether it is met by these numbers.
    pub met: Option<bool>,
    /// How it was measured: sizes, counts, peers.
    pub how: String,
}

/// All figures of a run.
#[derive(Serialize)]
pub struct Report {
    machine: String,
    figures: Vec<Figure>,
}

impl Report {
    /// An empty report that names this machine.
    pub fn on_this_machine() -> Result<Self> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown processor", |line| line.trim_start_matches([' ', '\t', ':']));
        let cores = std::thread::available_parallelism()?;
        Ok(Self { machine: format!("{model}, {cores} cores, {}", std::env::consts::OS), figures: Vec::new() })
    }

    /// Adds a line.
    pub fn add(&mut self, figure: Figure) {
        eprintln!("{}: {:.3} {}", figure.what, figure.median, figure.unit);
        self.figures.push(figure);
    }

    /// As a Markdown table.
    pub fn print(&self) {
        println!("Machine: {}\n", self.machine);
        println!("| what | median | p99 | budget | met | how |\n| --- | ---: | ---: | --- | --- | --- |");
        for f in &self.figures {
            let p99 = f.p99.map_or_else(String::new, |p99| format!("{p99:.2} {}", f.unit));
            let met = match f.met {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            };
            println!("| {} | {:.2} {} | {p99} | {} | {met} | {} |", f.what, f.median, f.unit, f.budget, f.how);
        }
    }

    /// As JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?).with_context(|| format!("writing {}", path.display()))
    }
}

/// Median and 99th percentile.
pub fn quantiles(samples: &mut [f64]) -> (f64, f64) {
    samples.sort_by(f64::total_cmp);
    let at = |part: f64| samples.get(((samples.len() - 1) as f64 * part) as usize).copied().unwrap_or(f64::NAN);
    (at(0.5), at(0.99))
}
