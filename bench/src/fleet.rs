//! From "revoke" to denied: 100 gateways of this very code follow the control plane, and ten of them are asked until they deny the same
//! token. Asking all would keep both cores busy with the asking.

use crate::clock::{clock, random};
use crate::report::{Figure, Report, quantiles};
use crate::world::World;
use anyhow::{Result, ensure};
use end2end::ask;
use gateway::config::Config;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const GATEWAYS: usize = 100;
/// How many of them are asked.
const ASKED: usize = 10;
const ROUNDS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Adds the figure.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stop = CancellationToken::new();
    let mut addresses = Vec::with_capacity(GATEWAYS);
    for n in 0..GATEWAYS {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let name = format!("bench-{n}");
        let config = Config {
            data: folder.path().join(&name),
            listen: address,
            public_url: world.places.gateway.clone(),
            control_plane: world.places.issuer(),
            enrol_token: Some(world.enrolment_token(&name)?),
            name,
            ..Config::default()
        };
        tokio::spawn(gateway::runtime::run(config, clock(), random(n as u64), listener, stop.clone()));
        addresses.push(format!("http://{address}/mcp/incident"));
    }
    let mut samples = Vec::with_capacity(ASKED * ROUNDS);
    for round in 0..ROUNDS {
        let asked: Vec<&String> = addresses.iter().cycle().skip(round * ASKED).take(ASKED).collect();
        for address in &asked {
            until(address, &world.token, true).await?;
        }
        let started = Instant::now();
        let watchers: Vec<_> = asked
            .into_iter()
            .map(|address| {
                let (address, token) = (address.clone(), world.token.clone());
                tokio::spawn(async move {
                    until(&address, &token, false).await?;
                    anyhow::Ok(started.elapsed())
                })
            })
            .collect();
        let page = world.ada.see(&format!("/block?kind=client&subject={}", world.client)).await?;
        let form = page.form("/block")?.fill("reason", &format!("round {round}"))?;
        let sent = started.elapsed();
        world.ada.send(form).await?;
        for watcher in watchers {
            samples.push((watcher.await??.saturating_sub(sent)).as_secs_f64() * 1000.0);
        }
        let page = world.ada.see(&format!("/block/lift?kind=client&subject={}", world.client)).await?;
        let form = page.form("/block/lift")?.fill("reason", "next round")?;
        world.ada.send(form).await?;
    }
    stop.cancel();
    let (median, p99) = quantiles(&mut samples);
    let how = format!(
        "{ROUNDS} rounds, {GATEWAYS} whole gateways in one process beside the control plane, {ASKED} of them asked every 5 ms; from sending the form to the first denial"
    );
    report.add(Figure {
        what: "revoke to denied, 100 gateways",
        unit: "ms",
        median,
        p99: Some(p99),
        // There is one at 1,000, which `watchers` measures.
        budget: "",
        met: None,
        how,
    });
    Ok(())
}

/// Asks until the gateway allows, or until it denies.
async fn until(address: &str, token: &str, allows: bool) -> Result<()> {
    let started = Instant::now();
    loop {
        let answer = ask::tool(address, token, "logs.read", ask::arguments("logs.read")).await;
        if let Ok(answer) = &answer
            && answer.worked() == allows
            && (allows || answer.reason().is_some())
        {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "{address} still answers {:?}", answer.map(|answer| answer.shown()));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
