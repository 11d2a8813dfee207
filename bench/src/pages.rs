//! How long the console's pages take, over loopback, signed in.

use crate::report::{Figure, Report, quantiles};
use crate::world::World;
use anyhow::Result;
use std::time::Instant;

const ROUNDS: usize = 100;
const PAGES: [&str; 6] = ["/home", "/roles", "/servers", "/fleet", "/grants", "/audit"];

/// Adds one figure over all pages.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    let mut samples = Vec::with_capacity(ROUNDS * PAGES.len());
    for _ in 0..ROUNDS {
        for page in PAGES {
            let start = Instant::now();
            world.ada.see(page).await?;
            samples.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    samples.sort_by(f64::total_cmp);
    let p95 = samples[samples.len() * 95 / 100];
    let (median, p99) = quantiles(&mut samples);
    let how = format!(
        "{} requests to {}; p95 {p95:.2} ms; the small data of a fresh demo, not yet a million audit rows",
        samples.len(),
        PAGES.join(" ")
    );
    report.add(Figure { what: "console page", unit: "ms", median, p99: Some(p99), budget: "p95 ≤ 50 ms", met: Some(p95 <= 50.0), how });
    Ok(())
}
