//! kill -9 of the control plane in the middle of a change: afterwards it happened whole or not at all.

use super::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result};
use end2end::{
    browser::Form,
    console::{Person, governance::Ask},
};
use std::time::Duration;

/// Moments after sending at which the power goes. The change takes some milliseconds, so some of these hit before, some within, some after.
const MOMENTS_MS: [u64; 6] = [0, 4, 12, 25, 50, 120];

/// Sends a form and kills the control plane a moment later; then starts it again.
async fn interrupted(rig: &mut Rig, person: &mut Person, form: Form, moment_ms: u64) -> Result<()> {
    let answered = {
        let sending = person.try_send(form);
        tokio::pin!(sending);
        let answered = tokio::time::timeout(Duration::from_millis(moment_ms), &mut sending).await.is_ok();
        rig.kill(Part::Writ)?;
        // Whether an answer comes is not what counts: what is there afterwards is.
        answered || tokio::time::timeout(Duration::from_secs(5), sending).await.is_ok_and(|page| page.is_ok())
    };
    println!("killed after {moment_ms} ms, {}", if answered { "answered" } else { "cut off" });
    rig.start_part(Part::Writ).await
}

#[tokio::test]
async fn a_publish_happens_whole_or_not_at_all() -> Result<()> {
    let (mut rig, Complete { mut ada, .. }) = Rig::complete().await?;
    let mut versions = Vec::new();
    for (round, moment) in MOMENTS_MS.into_iter().enumerate() {
        let before = ada.live_policy().await?.context("nothing is live")?;
        ada.import_roles(&format!("roles:\n  round{round}: [logs.read]\n")).await?;
        let form = ada.draft().await?.form("/draft/publish")?.fill("note", "cut off")?;
        interrupted(&mut rig, &mut ada, form, moment).await?;

        let after = ada.live_policy().await?.context("nothing is live after the crash")?;
        assert!(after == before || after == before + 1, "from {before} to {after}");
        println!("after {moment} ms: {}", if after == before { "not published" } else { "published" });
        let waits = ada.draft().await?.form("/draft/publish").is_ok();
        assert_eq!(waits, after == before, "live {after}, before {before}, but the draft says otherwise");
        let row = ada.converged("gw-1").await.context("the gateway after a crash during publish")?;
        assert_eq!(row.policy, Some(after));
        let published = ada.publish("after the crash").await?;
        assert_eq!(published, before + 1, "a version was lost or given twice");
        assert_eq!(ada.converged("gw-1").await?.policy, Some(published));
        versions.push(published);
    }
    let events = ada.audit(&[("action", "bundle.publish")]).await?.len();
    assert_eq!(events, versions.len() + 1, "publishes and their events differ");
    Ok(())
}

#[tokio::test]
async fn an_approval_happens_whole_or_not_at_all() -> Result<()> {
    let (mut rig, Complete { server, client, .. }) = Rig::complete().await?;
    let (mut dev, mut sam, mut olga) = (rig.person("dev")?, rig.person("sam")?, rig.person("olga")?);
    dev.see("/home").await?;
    for moment in MOMENTS_MS {
        let ask = Ask { server: &server, scope: "incidents.trigger", client: &client, duration_s: 3600, reason: "INC-1042" };
        let request = dev.request(ask).await?;
        let form = sam.see(&format!("/requests/{request}")).await?.form("/decision")?;
        let form = form.press("decision", "approve")?.fill("reason", "go on")?;
        interrupted(&mut rig, &mut sam, form, moment).await?;

        let page = sam.see(&format!("/requests/{request}")).await?;
        let decided = page.form("/decision").is_err();
        let grants = page.links_below("/t/acme/grants/grt_").len();
        let events = olga.audit(&[("object", &request)]).await?;
        let count = |action: &str| events.iter().filter(|event| event.what.ends_with(action)).count();
        let (approved, granted) = (count("request.approve"), count("grant.create"));
        let whole = (decided, grants.min(1), approved, granted);
        assert!(whole == (true, 1, 1, 1) || whole == (false, 0, 0, 0), "{whole:?}: {}", page.text());
        println!("after {moment} ms: {}", if decided { "approved" } else { "not approved" });
        let grant = if decided {
            let (_, url) = page.links_below("/t/acme/grants/grt_").remove(0);
            url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default().to_owned()
        } else {
            sam.approve(&request, "go on, again").await?
        };
        // Out of the way of the next round.
        rig.person("ada")?.revoke(&grant, "next round").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_revocation_happens_whole_or_not_at_all() -> Result<()> {
    let (mut rig, Complete { mut ada, server, client }) = Rig::complete().await?;
    let (mut dev, mut sam) = (rig.person("dev")?, rig.person("sam")?);
    for moment in MOMENTS_MS {
        let ask = Ask { server: &server, scope: "incidents.trigger", client: &client, duration_s: 3600, reason: "INC-1042" };
        let request = dev.request(ask).await?;
        let grant = sam.approve(&request, "go on").await?;
        let before = ada.fleet().await?.revocation_seq;
        let form = ada.see(&format!("/grants/{grant}/revoke")).await?.form("/revoke")?.fill("reason", "over")?;
        interrupted(&mut rig, &mut ada, form, moment).await?;

        let after = ada.fleet().await?.revocation_seq;
        let active = ada.active_grants().await?.contains(&grant);
        let events = ada.audit(&[("object", &grant), ("action", "grant.revoke")]).await?.len();
        let whole = (after - before, active, events);
        assert!(whole == (1, false, 1) || whole == (0, true, 0), "{whole:?}");
        println!("after {moment} ms: {}", if active { "not revoked" } else { "revoked" });
        let seq = if active { ada.revoke(&grant, "over, again").await? } else { after };
        ada.receipt(seq, "gw-1").await.context("the receipt after a crash during revoke")?;
    }
    Ok(())
}
