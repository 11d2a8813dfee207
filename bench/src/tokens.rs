//! Access tokens a second, each by a refresh that rotates: verified, minted, written down and audited before it is answered.

use crate::report::{Figure, Report};
use crate::world::{World, connect};
use anyhow::{Context as _, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FAMILIES: usize = 16;
const FOR: Duration = Duration::from_secs(5);

/// Adds the figure.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    let mut connections = Vec::with_capacity(FAMILIES);
    for _ in 0..FAMILIES {
        connections.push(Arc::new(connect(&world.resource, &world.client, &mut world.dev).await?));
    }
    let start = Instant::now();
    let loops: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            tokio::spawn(async move {
                let mut done = 0u32;
                while start.elapsed() < FOR {
                    connection.refresh().await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut total = 0;
    for each in loops {
        total += each.await.context("a family")??;
    }
    let median = f64::from(total) / start.elapsed().as_secs_f64();
    let how = format!(
        "{FAMILIES} clients refresh for {} s with the official SDK; SQLite with synchronous=FULL; client and server on the same cores",
        FOR.as_secs()
    );
    report.add(Figure {
        what: "tokens by refresh",
        unit: "tokens/s",
        median,
        p99: None,
        budget: "≥ 2× node oidc-provider",
        met: None,
        how,
    });
    Ok(())
}
