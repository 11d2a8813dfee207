//! A policy reaches the canary first; a person promotes it; what a gateway refuses goes back by itself. Real gateways, real sockets.

use super::rig::{Complete, Rig};
use anyhow::Result;
use end2end::{
    console::{Person, delivery::CONVERGES_WITHIN},
    wait,
};
use serde_json::Value;

/// What a gateway says that it runs.
async fn runs(base: &str) -> Result<Option<u64>> {
    let health: Value = serde_json::from_str(&reqwest::get(format!("{base}/healthz")).await?.text().await?)?;
    Ok(health["policy_version"].as_u64())
}

/// Waits until canary and rest run these.
async fn run(rig: &Rig, canary: u64, rest: u64) -> Result<()> {
    let wanted = (Some(canary), Some(rest));
    let what = format!("the canary runs {canary}, the rest {rest}");
    wait::until(&what, CONVERGES_WITHIN, async || {
        let found = (runs(&rig.canary()).await?, runs(&rig.places.gateway).await?);
        Ok((found == wanted).then_some(()))
    })
    .await
}

/// Waits until the page of a policy says something.
async fn says(ada: &mut Person, version: u64, text: &str) -> Result<()> {
    wait::until(&format!("policy {version}: {text}"), CONVERGES_WITHIN, async || {
        Ok(ada.see(&format!("/bundles/{version}")).await?.says(text).then_some(()))
    })
    .await
}

async fn published(ada: &mut Person, scope: &str) -> Result<u64> {
    ada.import_roles(&format!("roles:\n  developer: [logs.read, analytics.query, {scope}]\n")).await?;
    ada.publish(scope).await
}

#[tokio::test]
async fn the_canary_runs_it_first_and_a_refusal_takes_it_back() -> Result<()> {
    let (mut rig, Complete { mut ada, .. }) = Rig::complete().await?;
    rig.start_canary().await?;
    let first = ada.live_policy().await?.unwrap_or_default();
    run(&rig, first, first).await?;
    // The ring goes by what the gateway reported.
    ada.converged("gw-canary").await?;
    let form = ada.see("/rings").await?.form("/rings")?.fill("rings", "canary: stage=canary")?;
    ada.send(form).await?;

    let second = published(&mut ada, "deploys.run").await?;
    run(&rig, second, first).await?;
    // Both are where they are to be, and nobody was asked to go on.
    says(&mut ada, second, "A person promotes it").await?;
    let fleet = ada.fleet().await?;
    assert!(fleet.rows.iter().all(|row| row.state == "current"), "{fleet:?}");
    assert_eq!(runs(&rig.places.gateway).await?, Some(first));

    let promote = format!("/bundles/{second}/promote");
    let form = ada.see(&format!("/bundles/{second}")).await?.form(&promote)?;
    ada.send(form).await?;
    run(&rig, second, second).await?;
    says(&mut ada, second, "In every ring").await?;

    // Somebody in the middle alters what only the canary gets.
    rig.proxy.alter("deploys.run.by.ops", "incidents.triggerX");
    let third = published(&mut ada, "deploys.run.by.ops").await?;
    says(&mut ada, third, "Taken back").await?;
    says(&mut ada, third, "gw-canary refused it: hash_mismatch").await?;
    rig.proxy.behave();
    run(&rig, second, second).await?;
    let mended = wait::until("the canary is in order again", CONVERGES_WITHIN, async || {
        let fleet = ada.fleet().await?;
        Ok(fleet.rows.iter().all(|row| row.state == "current").then_some(fleet))
    })
    .await?;
    assert!(mended.rows.iter().all(|row| row.policy == Some(second)), "{mended:?}");
    Ok(())
}
