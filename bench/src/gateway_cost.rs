//! What the gateway adds to a `tools/call`: the same call to the MCP server itself and through the gateway, in turns.

use crate::report::{Figure, Report, quantiles};
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use end2end::ask;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CALLS: usize = 2_000;
const CALLERS: usize = 16;
const FOR: Duration = Duration::from_secs(5);

fn message() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "logs.read", "arguments": ask::arguments("logs.read"), "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "0" },
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    })
}

async fn call(http: &reqwest::Client, url: &str, token: Option<&str>) -> Result<()> {
    let mut request = http
        .post(url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "logs.read")
        .json(&message());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    ensure!(status.is_success() && text.contains("result"), "{url} answered {status}: {text}");
    Ok(())
}

/// Adds latency and throughput.
pub async fn measure(report: &mut Report, world: &World) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let (direct_url, through_url, token) = (&world.places.incident, &world.resource, Some(world.token.as_str()));
    for _ in 0..100 {
        call(&http, direct_url, None).await?;
        call(&http, through_url, token).await?;
    }
    let (mut direct, mut through) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    for _ in 0..CALLS {
        let start = Instant::now();
        call(&http, direct_url, None).await?;
        direct.push(start.elapsed().as_secs_f64() * 1000.0);
        let start = Instant::now();
        call(&http, through_url, token).await?;
        through.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let ((direct_median, direct_p99), (median, p99)) = (quantiles(&mut direct), quantiles(&mut through));
    let added = p99 - direct_p99;
    let how = format!(
        "{CALLS} calls each in turns, one at a time; direct median {direct_median:.3} ms, p99 {direct_p99:.3} ms; through median {median:.3} ms, p99 {p99:.3} ms"
    );
    report.add(Figure {
        what: "gateway adds to tools/call",
        unit: "ms",
        median: median - direct_median,
        p99: Some(added),
        budget: "≤ 1 ms p99",
        met: Some(added <= 1.0),
        how,
    });

    let floor = rate(&http, direct_url, None).await?;
    let reached = rate(&http, through_url, token).await?;
    let how = format!(
        "{CALLERS} callers for {} s, client, gateway and MCP server on the same cores; the MCP server alone: {floor:.0}/s",
        FOR.as_secs()
    );
    report.add(Figure {
        what: "gateway throughput",
        unit: "calls/s",
        median: reached,
        p99: None,
        budget: "≥ 5,000 calls/s",
        met: Some(reached >= 5_000.0),
        how,
    });
    Ok(())
}

async fn rate(http: &reqwest::Client, url: &str, token: Option<&str>) -> Result<f64> {
    let (url, token) = (Arc::<str>::from(url), token.map(Arc::<str>::from));
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (http, url, token) = (http.clone(), Arc::clone(&url), token.clone());
            tokio::spawn(async move {
                let mut done = 0u32;
                while start.elapsed() < FOR {
                    call(&http, &url, token.as_deref()).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut total = 0;
    for caller in callers {
        total += caller.await.context("a caller")??;
    }
    Ok(f64::from(total) / start.elapsed().as_secs_f64())
}
