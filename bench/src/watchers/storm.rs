//! All connections are lost at once, and all watchers come back: after a restart, which lets them go and tells each how long to stay away,
//! and after the control plane was killed, which tells nobody anything. A revocation is made as soon as the control plane is there again,
//! while most of them are not.

use super::crowd::{Arrival, Crowd};
use super::{PATIENCE, block, lift};
use crate::memory::resident;
use crate::report::{Figure, Report, quantiles};
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use end2end::supervisor;
use std::time::Instant;

/// How they lose their connections.
struct Loss {
    what: &'static str,
    /// What the supervisor is asked for, one after the other.
    asked: &'static [&'static str],
    /// Whether each is told how long to stay away; otherwise they wait as after any failure.
    is_told: bool,
}

const LOSSES: [Loss; 2] = [
    Loss { what: "restart until 10,000 watchers are back", asked: &["restart"], is_told: true },
    Loss { what: "kill until 10,000 watchers are back", asked: &["kill", "start"], is_told: false },
];

/// Adds both figures.
pub async fn measure(report: &mut Report, world: &mut World, crowd: &mut Crowd) -> Result<()> {
    for loss in &LOSSES {
        crowd.told_to_stay_away_ms();
        let began = Instant::now();
        for verb in loss.asked {
            supervisor::ask(&world.places, verb, "writ").await?;
        }
        let away = began.elapsed().as_secs_f64();
        let seq = crowd.revocations() + 1;
        let sent = block(world, "while they are coming back").await?;
        let arrivals = crowd.all_reached(seq, PATIENCE).await.context("coming back")?;
        crowd.all_confirmed(seq, PATIENCE).await.context("confirming after coming back")?;
        let (confirmed, told_ms) = (began.elapsed().as_secs_f64(), crowd.told_to_stay_away_ms());
        ensure!((told_ms > 0) == loss.is_told, "{}: they were told to stay away for {told_ms} ms", loss.what);
        let before = arrivals.iter().filter(|arrival| arrival.after(sent) < HELD_MS).count();
        let (back, last) = (quantiles(&mut times(&arrivals, began)), latest(&arrivals, began));
        // All of them hold a request again: this one comes to all at once.
        let (sent, arrivals) = lift(world, crowd).await?;
        let (median, p99) = quantiles(&mut times(&arrivals, sent));
        let told =
            if loss.is_told { format!("told to stay away for up to {:.1} s", told_ms as f64 / 1000.0) } else { "told nothing".to_owned() };
        let how = format!(
            "{told}; the control plane is there again after {away:.1} s; a revocation made then misses none: {before} have it within a second, the last {:.1} s after the loss, all have confirmed it after {confirmed:.1} s; the next revocation takes {median:.0} / {p99:.0} ms to all; the control plane then has {:.0} MB",
            last / 1000.0,
            resident(world)?,
        );
        report.add(Figure { what: loss.what, unit: "ms", median: back.0, p99: Some(back.1), budget: "", met: None, how });
    }
    Ok(())
}

/// Who has a revocation so soon was there when it was made.
const HELD_MS: f64 = 1_000.0;

fn times(arrivals: &[Arrival], since: Instant) -> Vec<f64> {
    arrivals.iter().map(|arrival| arrival.after(since)).collect()
}

fn latest(arrivals: &[Arrival], since: Instant) -> f64 {
    times(arrivals, since).into_iter().fold(0.0, f64::max)
}
