//! A bundle that is not what was signed: refused, reported, the last good one stays.

use super::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result};
use end2end::{
    ask,
    console::delivery::CONVERGES_WITHIN,
    mcp::{Connection, Identity},
    wait,
};
use serde_json::Value;

async fn health(rig: &Rig) -> Result<Value> {
    Ok(serde_json::from_str(&reqwest::get(format!("{}/healthz", rig.places.gateway)).await?.text().await?)?)
}

async fn token(rig: &Rig, client: &str) -> Result<String> {
    let mut dev = rig.person("dev")?;
    let identity = Identity { client_id: client.to_owned(), redirect_uri: "http://127.0.0.1:33418/callback".to_owned() };
    let (connection, _) = Connection::open(&rig.places.resource("incident"), &identity, &mut dev.browser, dev.username).await?;
    connection.token().await
}

#[tokio::test]
async fn a_policy_altered_on_the_way_is_refused_and_reported_and_the_last_good_one_stays() -> Result<()> {
    let (rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let good = health(&rig).await?["policy_version"].as_u64().context("no policy is in force")?;
    let token = token(&rig, &client).await?;

    // Somebody in the middle gives developers what the admin gives to operators.
    rig.proxy.alter("deploys.run.by.ops", "incidents.triggerX");
    ada.import_roles("roles:\n  developer: [logs.read, analytics.query, deploys.run.by.ops]\n").await?;
    let published = ada.publish("a version that is altered on its way").await?;
    assert!(published > good);
    let seen = wait::until("the gateway refuses the altered policy", CONVERGES_WITHIN, async || {
        let health = health(&rig).await?;
        Ok((!health["error"].is_null()).then_some(health))
    })
    .await?;
    assert_eq!(seen["policy_version"].as_u64(), Some(good), "an altered policy is in force: {seen}");
    let call = ask::tool(&rig.places.resource("incident"), &token, "logs.read", ask::arguments("logs.read")).await?;
    assert!(call.worked(), "the last good policy does not stand: {}", call.shown());
    let reported = wait::until("the fleet page shows the error", CONVERGES_WITHIN, async || {
        let fleet = ada.fleet().await?;
        Ok(fleet.rows.into_iter().find(|row| row.error.is_some()))
    })
    .await?;
    assert_eq!((reported.state.as_str(), reported.policy), ("failing", Some(good)));

    // Only a newer version makes the gateway look again at once: otherwise it would ask for the same refused one all the time.
    rig.proxy.behave();
    ada.import_roles("roles:\n  developer: [logs.read, analytics.query]\n").await?;
    let mended = ada.publish("a version that arrives as it was signed").await?;
    assert!(mended > published);
    let row = ada.converged("gw-1").await?;
    assert_eq!((row.policy, row.error), (Some(mended), None));
    Ok(())
}

#[tokio::test]
async fn a_kept_state_that_was_altered_is_not_enforced() -> Result<()> {
    let (mut rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let token = token(&rig, &client).await?;
    rig.kill(Part::Gateway)?;
    rig.kill(Part::Writ)?;
    // The policy on the gateway's disk gives away what is kept for operators.
    let mut altered = 0;
    for entry in std::fs::read_dir(rig.path("gateway"))? {
        let path = entry?.path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if text.contains("analytics.query") {
            std::fs::write(&path, text.replace("analytics.query", "analytics.quers"))?;
            altered += 1;
        }
    }
    assert!(altered > 0, "the gateway keeps no policy that could be altered");
    rig.start_part(Part::Gateway).await?;
    let call = ask::tool(&rig.places.resource("incident"), &token, "logs.read", ask::arguments("logs.read")).await?;
    assert_eq!(call.status.as_u16(), 503, "an altered state is enforced: {}", call.shown());
    assert_eq!(health(&rig).await?["status"], "closed");

    // With the control plane back, it gets a good one.
    rig.start_part(Part::Writ).await?;
    wait::until(
        "the gateway has a good policy again",
        CONVERGES_WITHIN,
        async || Ok((health(&rig).await?["status"] == "ok").then_some(())),
    )
    .await?;
    ada.converged("gw-1").await?;
    let call = ask::tool(&rig.places.resource("incident"), &token, "logs.read", ask::arguments("logs.read")).await?;
    assert!(call.worked(), "{}", call.shown());
    Ok(())
}
