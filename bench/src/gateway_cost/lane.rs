//! One way to the same tool of the same MCP server, and how long calls by it take.

use crate::report::quantiles;
use anyhow::{Context as _, Result, ensure};
use end2end::ask;
use reqwest::{Client, Url};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The tool that is called.
pub const TOOL: &str = "logs.read";
/// How many calls are timed by each way.
pub const CALLS: usize = 2_000;
/// How many are made before, so that connections are there and code is warm.
const BEFORE: usize = 200;
/// How many call at once when it is about how many a second.
pub const CALLERS: usize = 16;
/// For how long at a time.
pub const FOR: Duration = Duration::from_secs(4);
/// How often, in turns.
pub const ROUNDS: usize = 3;

/// One way.
pub struct Lane {
    http: Client,
    url: Url,
    token: Option<String>,
    message: String,
}

/// How long calls took, milliseconds.
#[derive(Clone, Copy)]
pub struct Took {
    pub median: f64,
    pub p99: f64,
}

impl Took {
    /// What it takes beside another way: difference of the medians, and of the 99th percentiles.
    pub fn beside(self, other: Self) -> Self {
        Self { median: self.median - other.median, p99: self.p99 - other.p99 }
    }

    /// Both numbers in a few words.
    pub fn shown(self) -> String {
        format!("{:.3} / {:.3} ms", self.median, self.p99)
    }
}

impl Lane {
    /// By this client to this address, with this token.
    pub fn new(http: Client, url: &str, token: Option<&str>) -> Result<Self> {
        let message = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": TOOL, "arguments": ask::arguments(TOOL), "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "0" },
                "io.modelcontextprotocol/clientCapabilities": {},
            } },
        });
        Ok(Self { http, url: url.parse()?, token: token.map(str::to_owned), message: message.to_string() })
    }

    async fn call(&self) -> Result<()> {
        let mut request = self
            .http
            .post(self.url.clone())
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", TOOL)
            .body(self.message.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success() && text.contains("\"result\""), "{} answered {status}: {text}", self.url);
        Ok(())
    }

    /// Calls a second, by many callers at once.
    async fn rate(self: &Arc<Self>) -> Result<f64> {
        let start = Instant::now();
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let lane = Arc::clone(self);
                tokio::spawn(async move {
                    let mut done = 0u32;
                    while start.elapsed() < FOR {
                        lane.call().await?;
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
}

/// One call at a time, by each way in turn: what the machine does meanwhile befalls all alike.
pub async fn in_turns<const N: usize>(lanes: &[Arc<Lane>; N]) -> Result<[Took; N]> {
    for lane in lanes {
        for _ in 0..BEFORE {
            lane.call().await?;
        }
    }
    let mut samples = [const { Vec::new() }; N];
    for _ in 0..CALLS {
        for (lane, samples) in lanes.iter().zip(&mut samples) {
            let start = Instant::now();
            lane.call().await?;
            samples.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(samples.map(|mut samples| {
        let (median, p99) = quantiles(&mut samples);
        Took { median, p99 }
    }))
}

/// Calls a second by each way, the median of rounds in turns.
pub async fn rates<const N: usize>(lanes: &[Arc<Lane>; N]) -> Result<[f64; N]> {
    let mut samples = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (lane, samples) in lanes.iter().zip(&mut samples) {
            samples.push(lane.rate().await?);
        }
    }
    Ok(samples.map(|mut samples| quantiles(&mut samples).0))
}
