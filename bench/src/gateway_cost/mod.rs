//! What the gateway adds to a `tools/call`, and how many it lets through: the same call to the MCP server itself, through a reverse proxy
//! that does nothing, and through the gateway, in turns. First with the demo's policy, then with everything on that the gateway has.

mod everything;
mod floor;
mod lane;

use crate::report::{Figure, Report};
use crate::world::World;
use anyhow::Result;
use everything::Everything;
use floor::Floor;
use lane::{CALLERS, CALLS, FOR, Lane, ROUNDS, in_turns, rates};
use reqwest::Client;
use std::sync::Arc;

/// What the lines are called, and what is in force meanwhile.
struct Setting<'s> {
    proxy_adds: &'static str,
    gateway_adds: &'static str,
    proxy_rate: &'static str,
    gateway_rate: &'static str,
    in_force: &'s str,
    /// Whether the budgets are for this.
    budgeted: bool,
}

const AS_THE_DEMO_HAS_IT: Setting<'_> = Setting {
    proxy_adds: "bare proxy adds to tools/call",
    gateway_adds: "gateway adds to tools/call",
    proxy_rate: "bare proxy throughput",
    gateway_rate: "gateway throughput",
    in_force: "the demo's policy: token, scope, definition, decision log, assertion; no TLS, limits, schema, step-up",
    budgeted: false,
};

/// Adds what the gateway adds, and throughput.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    let http = || Client::builder().no_proxy().build();
    let floor = Floor::start(&world.places.incident, None).await?;
    let lanes = [
        Lane::new(http()?, &world.places.incident, None)?,
        Lane::new(http()?, &floor.url, None)?,
        Lane::new(http()?, &world.resource, Some(&world.token))?,
    ];
    compared(report, lanes.map(Arc::new), &AS_THE_DEMO_HAS_IT).await?;
    drop(floor);

    let everything = Everything::start(world).await?;
    let in_force = everything.checked().await?;
    let floor = Floor::start(&world.places.incident, Some(everything.certificate())).await?;
    let lanes = [
        Lane::new(http()?, &world.places.incident, None)?,
        Lane::new(everything.http()?, &floor.url, None)?,
        Lane::new(everything.http()?, &everything.resource, Some(&everything.token))?,
    ];
    let setting = Setting {
        proxy_adds: "bare TLS proxy adds to tools/call",
        gateway_adds: "gateway adds to tools/call, everything on",
        proxy_rate: "bare TLS proxy throughput",
        gateway_rate: "gateway throughput, everything on",
        in_force: &in_force,
        budgeted: true,
    };
    compared(report, lanes.map(Arc::new), &setting).await?;
    eprintln!("  {}", everything.accounted().await?);
    Ok(())
}

/// Direct, through the proxy, through the gateway.
async fn compared(report: &mut Report, lanes: [Arc<Lane>; 3], setting: &Setting<'_>) -> Result<()> {
    let [direct, proxy, gateway] = in_turns(&lanes).await?;
    let (floor, added, above) = (proxy.beside(direct), gateway.beside(direct), gateway.beside(proxy));
    report.add(Figure {
        what: setting.proxy_adds,
        unit: "ms",
        median: floor.median,
        p99: Some(floor.p99),
        budget: "",
        met: None,
        how: format!("{CALLS} calls each in turns, one at a time: direct {}, through the proxy {}", direct.shown(), proxy.shown()),
    });
    report.add(Figure {
        what: setting.gateway_adds,
        unit: "ms",
        median: added.median,
        p99: Some(added.p99),
        budget: if setting.budgeted { "≤ 1 ms p99" } else { "" },
        met: setting.budgeted.then_some(added.p99 <= 1.0),
        how: format!(
            "the same calls through the gateway {}; beside the proxy it adds {}; {}",
            gateway.shown(),
            above.shown(),
            setting.in_force
        ),
    });

    let [direct, proxy, gateway] = rates(&lanes).await?;
    report.add(Figure {
        what: setting.proxy_rate,
        unit: "calls/s",
        median: proxy,
        p99: None,
        budget: "",
        met: None,
        how: format!(
            "{CALLERS} callers for {} s, {ROUNDS} rounds in turns; caller, proxy and MCP server on the same cores; the MCP server alone {direct:.0}/s",
            FOR.as_secs()
        ),
    });
    report.add(Figure {
        what: setting.gateway_rate,
        unit: "calls/s",
        median: gateway,
        p99: None,
        budget: if setting.budgeted { "≥ 5,000 calls/s" } else { "" },
        met: setting.budgeted.then_some(gateway >= 5_000.0),
        how: format!("the same through the gateway: {:.2} of what the proxy lets through", gateway / proxy),
    });
    Ok(())
}
