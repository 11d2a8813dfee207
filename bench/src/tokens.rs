//! Access tokens a second, each by a refresh that rotates: verified, minted, written down and audited before it is answered. Beside it, in
//! turns, node oidc-provider doing the same with its in-memory adapter: nothing of it survives a restart.

use crate::report::{Figure, Report};
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How many clients refresh at once.
const CLIENTS: [usize; 2] = [16, 64];
const FOR: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;

/// Where refresh tokens are redeemed, and one for each family.
struct Issuer {
    url: String,
    client: String,
    families: Vec<String>,
}

/// Adds the figures.
pub async fn measure(report: &mut Report, world: &mut World) -> Result<()> {
    for (clients, what) in CLIENTS.into_iter().zip(["tokens by refresh, 16 clients", "tokens by refresh, 64 clients"]) {
        let mut families = Vec::with_capacity(clients);
        for _ in 0..clients {
            let answer = world.authorized(&world.resource.clone(), "logs.read", None).await?;
            families.push(answer.body["refresh_token"].as_str().context("no refresh token")?.to_owned());
        }
        let mut ours = Issuer { url: world.places.at("/token"), client: world.client.clone(), families };
        // A process of its own for each: its memory forgets the tokens that nobody redeems meanwhile.
        let (mut theirs, _node) = peer(clients).await?;
        let (mut mine, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            mine.push(rate(&mut ours).await?);
            peers.push(rate(&mut theirs).await?);
        }
        mine.sort_by(f64::total_cmp);
        peers.sort_by(f64::total_cmp);
        let (median, peer) = (mine[ROUNDS / 2], peers[ROUNDS / 2]);
        let how = format!(
            "{clients} clients refresh for {} s, {ROUNDS} rounds in turns; node oidc-provider 9.13.3, in memory: {peer:.0}/s, ratio {:.2}; ours on SQLite with synchronous=FULL, each token audited",
            FOR.as_secs(),
            median / peer
        );
        report.add(Figure {
            what,
            unit: "tokens/s",
            median,
            p99: None,
            budget: "≥ 2× node oidc-provider",
            met: Some(median >= 2.0 * peer),
            how,
        });
    }
    Ok(())
}

/// Starts the peer, which prints its port and its refresh tokens.
async fn peer(families: usize) -> Result<(Issuer, Child)> {
    let folder = PathBuf::from("bench/peer");
    if !folder.join("node_modules").is_dir() {
        let installed =
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder).status().await.context("running npm ci")?;
        ensure!(installed.success(), "npm ci failed in {}", folder.display());
    }
    let mut node = Command::new("node")
        .args(["server.mjs", &families.to_string()])
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("starting node")?;
    let stdout = node.stdout.take().context("node has no output")?;
    let line = BufReader::new(stdout).lines().next_line().await?.context("the peer ended before it was ready")?;
    let told: Value = serde_json::from_str(&line)?;
    let tokens = told["tokens"].as_array().context("no tokens")?;
    let families = tokens.iter().filter_map(|token| token.as_str().map(str::to_owned)).collect();
    Ok((Issuer { url: format!("http://127.0.0.1:{}/token", told["port"]), client: "bench".to_owned(), families }, node))
}

/// Redeems and rotates in all families at once; the new tokens are kept for the next round.
async fn rate(issuer: &mut Issuer) -> Result<f64> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let start = Instant::now();
    let loops: Vec<_> = issuer
        .families
        .drain(..)
        .map(|mut token| {
            let (http, url, client) = (http.clone(), issuer.url.clone(), issuer.client.clone());
            tokio::spawn(async move {
                let mut done = 0u32;
                while start.elapsed() < FOR {
                    let form = [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", token.as_str())];
                    let answer: Value = http.post(&url).form(&form).send().await?.json().await?;
                    ensure!(answer["access_token"].is_string(), "{url} answered {answer}");
                    token = answer["refresh_token"].as_str().context("it does not rotate")?.to_owned();
                    done += 1;
                }
                anyhow::Ok((done, token))
            })
        })
        .collect();
    let mut total = 0;
    for each in loops {
        let (done, token) = each.await.context("a family")??;
        total += done;
        issuer.families.push(token);
    }
    Ok(f64::from(total) / start.elapsed().as_secs_f64())
}
