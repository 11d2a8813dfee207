//! Two control planes over one PostgreSQL: what one does the other's gateways obey, and either may die.

use super::oauth::token_of;
use super::rig::{Complete, Part, Rig};
use anyhow::Result;
use end2end::ask;

/// Calls until the gateway denies, or has gone on allowing for too long.
async fn denied(rig: &Rig, token: &str) -> Result<()> {
    let resource = rig.places.resource("incident");
    end2end::wait::until("the gateway denies", std::time::Duration::from_secs(30), async || {
        let answer = ask::tool(&resource, token, "logs.read", ask::arguments("logs.read")).await?;
        Ok((!answer.worked()).then_some(()))
    })
    .await
}

#[tokio::test]
async fn what_one_replica_publishes_and_revokes_the_gateway_at_the_other_obeys() -> Result<()> {
    let Some(rig) = Rig::replicated("obeys").await? else { return Ok(()) };
    let (rig, Complete { client, .. }) = rig.furnished().await?;
    // The gateway's connections lead to the first; from now on the admin's lead to the other.
    rig.lead_to(Part::Replica);
    let (mut dev, mut ada) = (rig.person("dev")?, rig.person("ada")?);
    let token = token_of(&rig, &mut dev, &client).await?;
    let works = ask::tool(&rig.places.resource("incident"), &token, "logs.read", ask::arguments("logs.read")).await?;
    assert!(works.worked(), "{}", works.shown());

    ada.import_roles("roles:\n  another: [logs.read]\n").await?;
    let version = ada.publish("at the other replica").await?;
    assert_eq!(ada.converged("gw-1").await?.policy, Some(version));

    let form = ada.see(&format!("/block?kind=client&subject={client}")).await?.form("/block")?.fill("reason", "at the other replica")?;
    ada.send(form).await?;
    denied(&rig, &token).await?;
    ada.converged("gw-1").await?;
    Ok(())
}

#[tokio::test]
async fn when_a_replica_dies_the_other_goes_on() -> Result<()> {
    let Some(rig) = Rig::replicated("goes_on").await? else { return Ok(()) };
    let (mut rig, Complete { mut ada, .. }) = rig.furnished().await?;
    for (round, dies) in [Part::Writ, Part::Replica, Part::Writ].into_iter().enumerate() {
        let survives = if dies == Part::Writ { Part::Replica } else { Part::Writ };
        rig.lead_to(dies);
        let before = ada.live_policy().await?;
        ada.import_roles(&format!("roles:\n  round{round}: [logs.read]\n")).await?;
        let form = ada.draft().await?.form("/draft/publish")?.fill("note", "cut off")?;
        // It dies in the middle of it, or just before, or just after.
        let sending = ada.try_send(form);
        let _answered = tokio::time::timeout(std::time::Duration::from_millis(7 * round as u64), sending).await;
        rig.kill(dies)?;
        rig.lead_to(survives);
        let mut admin = rig.person("ada")?;
        let after = admin.live_policy().await?;
        assert!(after == before || after == before.map(|before| before + 1), "{before:?} became {after:?}");
        // No version is lost or given twice, and the gateway finds its way to the survivor.
        let published = admin.publish("after the death").await?;
        assert_eq!(Some(published), before.map(|before| before + 1));
        assert_eq!(admin.converged("gw-1").await?.policy, Some(published));
        rig.start_part(dies).await?;
        ada = rig.person("ada")?;
    }
    Ok(())
}
