//! A client, the first publish, and the gateway's acknowledgement.

use super::{IDE, OTHER, REDIRECT, Story, Telling};
use anyhow::Result;

pub(super) const TITLE: &str = "the admin registers an IDE client and publishes; the gateway verifies, activates and acknowledges";

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let gateway = story.places.gateway_name.clone();
    let ada = &mut story.ada;
    let ide = ada.register_client(IDE, REDIRECT).await?;
    ada.register_client(OTHER, REDIRECT).await?;
    told.expect(format!("the IDE is registered as {ide}"), ide.starts_with("cli_"));
    story.ide = Some(ide);

    let before = ada.live_policy().await?;
    let policy = ada.publish("the walk's first publish").await?;
    told.note(match before {
        Some(before) if before == policy => format!("policy {policy} is live already"),
        Some(before) => format!("published policy {policy} over policy {before}"),
        None => format!("published policy {policy}, the first"),
    });
    let row = ada.converged(&gateway).await?;
    told.equal(format!("the fleet page says that {gateway} runs policy"), row.policy, Some(policy));
    let page = ada.see("/fleet").await?;
    told.expect("and that it is current", page.says(&gateway) && page.says("Current"));

    let health = crate::walk::step8::health(story).await?;
    told.equal("the gateway itself says", health["policy_version"].as_u64(), Some(policy));
    let tuf = reqwest::get(story.places.at("/delivery/tuf/metadata/timestamp.json")).await?.status();
    told.equal("a stranger who asks for the signed repository gets", tuf.as_u16(), 401);
    Ok(())
}
