//! The control plane goes away and comes back.

use super::{Story, Telling, WANTED};
use crate::{ask, console::delivery::CONVERGES_WITHIN, supervisor, wait};
use anyhow::{Context as _, Result};
use serde_json::Value;

pub(super) const TITLE: &str = "the control plane is stopped, the gateway decides on, also after a restart; then it comes back";

/// What the gateway says about itself.
pub(super) async fn health(story: &Story) -> Result<Value> {
    let text = reqwest::get(format!("{}/healthz", story.places.gateway)).await?.text().await?;
    serde_json::from_str(&text).with_context(|| format!("/healthz is not what it should be: {text}"))
}

/// For how long nothing was heard, and why, once the gateway says both.
async fn silence(story: &Story) -> Result<Option<(i64, String)>> {
    let health = health(story).await?;
    let why = health["error"]["message"].as_str().filter(|_| health["error"]["code"] == "not_following");
    Ok(health["last_contact_s"].as_i64().filter(|seconds| *seconds >= 2).zip(why.map(str::to_owned)))
}

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let (resource, gateway) = (story.resource(), story.places.gateway_name.clone());
    let token = story.token.clone().context("no token from step 6")?;
    let before = health(story).await?;

    supervisor::ask(&story.places, "stop", "writ").await?;
    let result = without_control_plane(story, told, &resource, &token, &before).await;
    // Whatever happened, the rest of the story needs it back.
    supervisor::ask(&story.places, "start", "writ").await?;
    let denied = result?;
    told.note("the control plane is back");

    let row = story.ada.converged(&gateway).await?;
    told.equal("the gateway catches up: it is current, with policy", row.policy, before["policy_version"].as_u64());
    wait::until("the gateway says so itself", CONVERGES_WITHIN, async || {
        let health = health(story).await?;
        Ok((health["status"] == "ok" && health["error"].is_null() && health["last_contact_s"].is_number()).then_some(()))
    })
    .await?;
    told.note("and says so itself");
    let found = wait::until("the decisions of the meantime arrive in the audit log", CONVERGES_WITHIN, async || {
        let events = story.olga.audit(&[("q", &denied), ("outcome", "denied")]).await?;
        Ok(events.into_iter().next())
    })
    .await?;
    told.expect(format!("what it denied meanwhile is in the audit log: {} {}", found.who, found.outcome), found.who.contains("Dev"));
    Ok(())
}

/// Returns the request id of a call that was denied meanwhile.
async fn without_control_plane(story: &Story, told: &mut Telling, resource: &str, token: &str, before: &Value) -> Result<String> {
    let gone = reqwest::get(format!("{}/healthz", story.places.console)).await;
    told.expect("the control plane is stopped", gone.is_err());
    let works = ask::tool(resource, token, "logs.read", ask::arguments("logs.read")).await?;
    told.equal("meanwhile logs.read", works.shown(), "works".to_owned());

    let (silent, why) = wait::until("the gateway notices the silence", CONVERGES_WITHIN, async || silence(story).await).await?;
    told.note(format!("/healthz: the control plane last answered {silent} s ago; {why}"));

    supervisor::ask(&story.places, "restart", "gateway").await?;
    told.note("the gateway is restarted");
    let works = ask::tool(resource, token, "logs.read", ask::arguments("logs.read")).await?;
    told.equal("logs.read after the restart", works.shown(), "works".to_owned());
    let denied = ask::tool(resource, token, WANTED, ask::arguments(WANTED)).await?;
    told.equal(
        format!("{WANTED} after the restart: what was revoked stays so"),
        denied.shown(),
        "403 insufficient_scope (grant_revoked)".to_owned(),
    );

    let health = health(story).await?;
    told.equal("/healthz: the policy in force", health["policy_version"].as_u64(), before["policy_version"].as_u64());
    let (silent, why) = wait::until("the restarted gateway notices the silence", CONVERGES_WITHIN, async || silence(story).await).await?;
    let [fresh, stale] = ["fresh_for_s", "stale_for_s"].map(|field| health[field].as_i64());
    told.expect(
        format!("/healthz: nothing heard in {silent} s since its start; {why}; proved fresh for {fresh:?} s more, stale for {stale:?} s"),
        // It is one or the other, and the ten minutes of the last signature are running.
        fresh.zip(stale).is_some_and(|(fresh, stale)| (fresh > 0) != (stale > 0) && fresh < 600),
    );
    Ok(denied.request_id)
}
