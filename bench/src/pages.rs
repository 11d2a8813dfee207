//! How long the console's pages take, over loopback, signed in: on a fresh demo, and on a tenant that has been in use for years.

use crate::large;
use crate::report::{Figure, Report, quantiles};
use crate::world::World;
use anyhow::Result;
use std::time::Instant;

const ROUNDS: usize = 100;
const PAGES: [&str; 6] = ["/home", "/roles", "/servers", "/fleet", "/grants", "/audit"];
/// In a large tenant, what people look for as well: the story of a request, what one person did, what seldom or never happened, what somebody is called.
const SEARCHES: [&str; 11] = [
    "/requests",
    "/people",
    "/people?q=person-77",
    "/audit?object=req_p31",
    "/audit?actor=usr_p31",
    "/audit?actor=person-77",
    "/audit?action=tenant.create",
    "/audit?action=key.rotate",
    "/audit?client=cli_nobody",
    "/audit?agent=agt_nobody",
    "/audit?outcome=denied",
];

/// Adds one figure over all pages of a fresh demo.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    let (mut samples, _) = timed(world, &PAGES).await?;
    let how = format!("{} requests to {}; p95 {:.2} ms; a fresh demo's data", samples.len(), PAGES.join(" "), p95(&mut samples));
    add(report, "console page", samples, how);
    Ok(())
}

/// Adds one figure over all pages and searches in a large tenant.
pub async fn measure_large(report: &mut Report, world: &mut World) -> Result<()> {
    large::fill(world).await?;
    let pages = [PAGES.as_slice(), &SEARCHES].concat();
    let (mut samples, mut slowest) = timed(world, &pages).await?;
    slowest.sort_by(|a, b| b.1.total_cmp(&a.1));
    let slowest: Vec<String> = slowest.iter().take(3).map(|(page, ms)| format!("{page} {ms:.1} ms")).collect();
    let how = format!(
        "{} requests to {} pages and searches; p95 {:.2} ms; {} audit events, {} grants, {} people; slowest medians {}",
        samples.len(),
        pages.len(),
        p95(&mut samples),
        large::EVENTS,
        large::GRANTS,
        large::PEOPLE,
        slowest.join(", "),
    );
    add(report, "console page, large tenant", samples, how);
    Ok(())
}

/// All samples, and the median of each page.
async fn timed(world: &mut World, pages: &[&'static str]) -> Result<(Vec<f64>, Vec<(&'static str, f64)>)> {
    let (mut samples, mut medians) = (Vec::with_capacity(ROUNDS * pages.len()), Vec::new());
    for page in pages {
        let mut own = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            world.ada.see(page).await?;
            own.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        let (median, _) = quantiles(&mut own);
        eprintln!("  {page}: {median:.1} ms");
        medians.push((*page, median));
        samples.extend(own);
    }
    Ok((samples, medians))
}

fn p95(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() * 95 / 100]
}

fn add(report: &mut Report, what: &'static str, mut samples: Vec<f64>, how: String) {
    let p95 = p95(&mut samples);
    let (median, p99) = quantiles(&mut samples);
    report.add(Figure { what, unit: "ms", median, p99: Some(p99), budget: "p95 ≤ 50 ms", met: Some(p95 <= 50.0), how });
}
