//! `writ revoke …` and `writ lift …`: what a security team runs at night, or has a program run. Shows what stops, does it, and says which
//! gateways have confirmed.

use super::confirm::typed;
use super::receipt::{self, Wait};
use super::target::{Blockable, Issued};
use super::tenant::{Tenant, explain};
use anyhow::{Result, anyhow};
use app::instant::plural;
use clap::{ArgGroup, Args};
use control::governance::{self, BlastRadius, Trace};
use control::{Actor, Control, Ctx, Error};
use policy::Target;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Take back what was issued, or block.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["subject", "session", "lineage", "token", "grant", "user", "client", "agent", "server", "role", "everything"]))]
pub struct Revoke {
    #[command(flatten)]
    at: Tenant,
    #[command(flatten)]
    issued: Issued,
    #[command(flatten)]
    block: Blockable,
    /// Why. Auditors read it.
    #[arg(long)]
    reason: String,
    /// Only say what would stop.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Revoke {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why; then nothing was changed.
    pub async fn run(self) -> Result<ExitCode> {
        let (control, cx) = self.at.open().await?;
        let target = match self.issued.target(&control, &cx).await? {
            Some(target) => target,
            None => self.block.target(&control, &cx).await?,
        };
        let stops = governance::blast_radius(&control, &cx, &target).await.map_err(unknown)?;
        if !self.wait.json {
            eprint!("{}", said(&stops, &target));
        }
        if self.dry_run {
            if self.wait.json {
                println!("{}", json!({ "tenant": cx.tenant.as_str(), "target": target, "dry_run": true, "stops": counted(&stops) }));
            }
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes {
            let word = if target == Target::Tenant { cx.tenant.as_str() } else { "yes" };
            typed("Take it away?", word, "nothing was changed")?;
        }
        // The answer may have taken its time.
        let cx = again(&control, &cx).await?;
        let seq = governance::revoke(&control, &cx, target.clone(), self.reason).await.map_err(explain)?;
        let told = json!({ "tenant": cx.tenant.as_str(), "target": target, "stops": counted(&stops) });
        receipt::tell(&control, &cx, seq, &self.wait, told).await
    }
}

/// Lift a block.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["user", "client", "agent", "server", "role", "everything"]))]
pub struct Lift {
    #[command(flatten)]
    at: Tenant,
    #[command(flatten)]
    block: Blockable,
    /// Why. Auditors read it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    wait: Wait,
}

impl Lift {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why; then nothing was changed.
    pub async fn run(self) -> Result<ExitCode> {
        let (control, cx) = self.at.open().await?;
        let target = self.block.target(&control, &cx).await?;
        let seq = governance::lift(&control, &cx, &target, self.reason).await.map_err(|error| match error {
            Error::NotFound => anyhow!("no block stands against it"),
            other => explain(other),
        })?;
        receipt::tell(&control, &cx, seq, &self.wait, json!({ "tenant": cx.tenant.as_str(), "target": target })).await
    }
}

async fn again(control: &Control, cx: &Ctx) -> Result<Ctx> {
    control.ctx(cx.tenant.as_str(), Actor::Host, "shell").await.map_err(explain)
}

fn unknown(error: Error) -> anyhow::Error {
    match error {
        Error::NotFound => anyhow!("there is no such thing in this tenant; nothing was changed"),
        other => explain(other),
    }
}

/// What stops, for a program.
fn counted(stops: &BlastRadius) -> Value {
    let known = match stops.trace {
        Trace::Found => "found",
        Trace::Ended(_) => "ended",
        Trace::Unknown => "unknown",
    };
    json!({
        "name": stops.name, "known": known, "people": stops.people, "agents": stops.agents, "tokens_at_most": stops.tokens,
        "connections": stops.connections, "live_grants": stops.live_grants, "gateways": stops.gateways,
    })
}

/// What stops, for a person.
fn said(stops: &BlastRadius, target: &Target) -> String {
    let stays = if target.is_block() { "until somebody lifts it" } else { "they may sign in again, with the same rights" };
    let known = match stops.trace {
        Trace::Found => "",
        Trace::Ended(_) => "  it has ended by itself: there is nothing left to take back\n",
        Trace::Unknown => "  nothing is known by this identifier: compare it with the audit event that you have it from\n",
    };
    let connections = stops.connections.map_or_else(|| "none of its own".to_owned(), |n| n.to_string());
    format!(
        "{}: this stops\n{known}  people         {}\n  agents         {}\n  access tokens  {} at most: so many were issued in the last hour\n  connections    {connections}\n  live grants    {}\n  told           {}\n  afterwards     {stays}\n",
        stops.name,
        stops.people,
        stops.agents,
        stops.tokens,
        stops.live_grants,
        plural(i64::try_from(stops.gateways).unwrap_or(i64::MAX), "gateway")
    )
}
