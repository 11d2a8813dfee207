//! The admin takes the grant back.

use super::{Story, Telling, WANTED};
use crate::ask;
use anyhow::{Context as _, Result};

pub(super) const TITLE: &str = "the admin revokes the grant; the same token loses that scope and keeps the rest";

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let (resource, grant, gateway) = (story.resource(), story.grant()?, story.places.gateway_name.clone());
    let token = story.token.clone().context("no token from step 6")?;
    let before = ask::tool(&resource, &token, WANTED, ask::arguments(WANTED)).await?;
    told.equal(format!("before: {WANTED}"), before.shown(), "works".to_owned());

    let seq = story.ada.revoke(&grant, "the incident is over").await?;
    let line = story.ada.receipt(seq, &gateway).await?;
    told.note(format!("revocation {seq}, its receipt: {line}"));
    let page = story.ada.see(&format!("/revocations/{seq}")).await?;
    told.expect("the page says: Everywhere. 1 of 1 gateway denies it", page.says("Everywhere. 1 of 1 gateway denies it"));

    let after = ask::tool(&resource, &token, WANTED, ask::arguments(WANTED)).await?;
    told.equal(format!("the same token: {WANTED}"), after.shown(), "403 insufficient_scope (grant_revoked)".to_owned());
    let kept = ask::tool(&resource, &token, "logs.read", ask::arguments("logs.read")).await?;
    told.equal("the same token: logs.read", kept.shown(), "works".to_owned());
    Ok(())
}
