//! A fleet over real sockets: from "revoke" to enforced at 1,000 gateways, and to arrived at 1,000 and 10,000.
//!
//! The gateways are simulated as to their proxy and their disk only: each has its own key and identity, its own held request, and follows by
//! the gateway's own link and state machine. On the cores that they share with the control plane their signatures are most of the work; so
//! "arrived" is measured with fleets of which one in a hundred verifies, and the others take note of what arrived, and acknowledge it.

mod crowd;
mod gateway;
mod storm;

use crate::memory::resident;
use crate::report::{Figure, Report, quantiles};
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use crowd::{Arrival, Crowd};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// A size of the fleet, and what is promised for it.
struct Scale {
    gateways: usize,
    /// One of so many verifies.
    verifies: usize,
    rounds: usize,
    what: [&'static str; 2],
    budget: &'static str,
    bar_ms: Option<f64>,
}

const THOUSAND: Scale = Scale {
    gateways: 1_000,
    verifies: 1,
    rounds: 5,
    what: ["revoke to enforced, 1,000 gateways", "revoke to confirmed by all, 1,000 gateways"],
    budget: "p99 ≤ 250 ms at 1,000 gateways",
    bar_ms: Some(250.0),
};
/// The bar is for gateways that enforce: what has only arrived has none.
const THOUSAND_WATCHERS: Scale = Scale {
    verifies: 100,
    what: ["revoke to arrived, 1,000 watchers", "revoke to confirmed by all, 1,000 watchers"],
    budget: "",
    bar_ms: None,
    ..THOUSAND
};
const TEN_THOUSAND: Scale = Scale {
    gateways: 10_000,
    verifies: 100,
    rounds: 3,
    what: ["revoke to arrived, 10,000 watchers", "revoke to confirmed by all, 10,000 watchers"],
    budget: "p99 ≤ 1 s at 10,000 watchers",
    bar_ms: Some(1_000.0),
};

/// Adds the figures of each size. Those of before are enrolled still, and silent.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    for scale in [THOUSAND, THOUSAND_WATCHERS, TEN_THOUSAND] {
        at_scale(report, world, &scale).await?;
    }
    Ok(())
}

async fn at_scale(report: &mut Report, world: &mut World, scale: &Scale) -> Result<()> {
    let prefix = format!("w{}-{}", scale.gateways, scale.verifies);
    let identities = crowd::enrol(world, &prefix, scale.gateways).await?;
    let started = Instant::now();
    let mut crowd = Crowd::start(world, identities, scale.verifies);
    crowd.all_reached(0, PATIENCE).await.context("following at first")?;
    let joined = started.elapsed();
    let (mut samples, mut verified, mut confirmed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..scale.rounds {
        let seq = crowd.revocations() + 1;
        let sent = block(world, &format!("round {round}")).await?;
        let arrivals = crowd.all_reached(seq, PATIENCE).await.context("hearing of a revocation")?;
        for arrival in arrivals {
            let ms = arrival.after(sent);
            samples.push(ms);
            if arrival.enforced {
                verified.push(ms);
            }
        }
        crowd.all_confirmed(seq, PATIENCE).await.context("confirming a revocation")?;
        confirmed.push(sent.elapsed().as_secs_f64() * 1000.0);
        lift(world, &mut crowd).await?;
    }
    let memory = resident(world)?;
    ensure!(!samples.is_empty() && !verified.is_empty(), "nothing was measured");
    let first = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let (median, p99) = quantiles(&mut samples);
    let (verified_median, verified_p99) = quantiles(&mut verified);
    let how = format!(
        "{} rounds; one in {} verifies and enforces ({verified_median:.0} / {verified_p99:.0} ms); the first has it after {first:.0} ms; {:.1} s for all of them to come at once and follow",
        scale.rounds,
        scale.verifies,
        joined.as_secs_f64(),
    );
    report.add(Figure {
        what: scale.what[0],
        unit: "ms",
        median,
        p99: Some(p99),
        budget: scale.budget,
        met: scale.bar_ms.map(|bar| p99 <= bar),
        how,
    });
    let (median, _) = quantiles(&mut confirmed);
    let how = "until the last acknowledgement was answered: receipt written, checkpoint shown".to_owned();
    report.add(Figure { what: scale.what[1], unit: "ms", median, p99: None, budget: "", met: None, how });
    if scale.gateways == TEN_THOUSAND.gateways {
        let how = "VmRSS of writ serve after the rounds, all of them watching".to_owned();
        report.add(Figure {
            what: "control plane memory, 10,000 watchers",
            unit: "MB",
            median: memory,
            p99: None,
            budget: "≤ 300 MB",
            met: Some(memory <= 300.0),
            how,
        });
        storm::measure(report, world, &mut crowd).await?;
    }
    crowd.stop().await;
    Ok(())
}

/// Blocks the client, and answers when the form was sent.
async fn block(world: &mut World, reason: &str) -> Result<Instant> {
    let page = world.ada.see(&format!("/block?kind=client&subject={}", world.client)).await?;
    let form = page.form("/block")?.fill("reason", reason)?;
    let sent = Instant::now();
    world.ada.send(form).await?;
    Ok(sent)
}

/// Lifts that, and waits until all have confirmed it. Answers what [`block`] does, and when it was where.
async fn lift(world: &mut World, crowd: &mut Crowd) -> Result<(Instant, Vec<Arrival>)> {
    let page = world.ada.see(&format!("/block/lift?kind=client&subject={}", world.client)).await?;
    let form = page.form("/block/lift")?.fill("reason", "next round")?;
    let (sent, seq) = (Instant::now(), crowd.revocations() + 1);
    world.ada.send(form).await?;
    let arrivals = crowd.all_reached(seq, PATIENCE).await.context("hearing that a block was lifted")?;
    crowd.all_confirmed(seq, PATIENCE).await.context("confirming that a block was lifted")?;
    Ok((sent, arrivals))
}
