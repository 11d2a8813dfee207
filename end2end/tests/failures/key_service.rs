//! Keys in a key management service, which stands on a socket of its own: the commands of `docs/security/keys.md` move every role there while a
//! gateway follows, and bring everything back while the service is away.

use super::keys::revokes;
use super::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path};

/// The commands of the page's section that rotate keys.
fn commands() -> Result<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security/keys.md");
    let text = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let section =
        text.split("\n## ").find(|section| section.starts_with("Keys in a key management service")).context("the section is gone")?;
    Ok(section.lines().filter(|line| line.starts_with("writ keys rotate")).map(str::to_owned).collect())
}

fn run(rig: &Rig, command: &str) -> Result<String> {
    let printed = rig.writ(&command.split(' ').skip(1).collect::<Vec<_>>())?;
    println!("$ {command}\n{printed}");
    Ok(printed)
}

const ROLES: [&str; 5] = ["targets", "assignment", "revocations", "snapshot", "timestamp"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_online_role_goes_into_the_service_and_comes_back_without_it() -> Result<()> {
    let (mut rig, Complete { mut ada, server, client }) = Rig::complete().await?;
    let [into, back, then] = commands()?.try_into().map_err(|found| anyhow::anyhow!("the page has other commands: {found:?}"))?;
    let unknown = rig.try_writ(&["keys", "rotate", "--tenant", "acme", "--role", "timestamp", "--in", "vault:transit/acme-timestamp"])?;
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    ensure!(!unknown.status.success() && said.contains("is not configured here"), "{said}");

    rig.with_key_service(&ROLES.map(|role| format!("acme-{role}"))).await?;
    for role in ROLES {
        let printed = run(&rig, &into.replace("timestamp", role))?;
        ensure!(printed.contains(&format!("vault:transit/acme-{role}@1 signs")), "{printed}");
    }
    let list = rig.writ(&["keys", "list", "--tenant", "acme"])?;
    for role in ROLES {
        ensure!(list.contains(&format!("  vault:transit/acme-{role}@1, since ")), "{list}");
    }
    ensure!(ada.see("/keys").await?.says("vault:transit/acme-timestamp@1"), "the page of keys does not say where they lie");
    revokes(&rig, &mut ada, &server, &client).await?;
    let live = ada.live_policy().await?.context("nothing is live")?;
    ada.import_roles("roles:\n  developer: [logs.read, analytics.query, signed.there]\n").await?;
    let published = ada.publish("signed by the service").await?;
    ensure!(published > live && ada.converged("gw-1").await?.policy == Some(published), "policy {published} after {live}");

    rig.kill(Part::KeyService)?;
    let block = ["revoke", "--tenant", "acme", "--everything", "--reason", "nobody knows yet", "--yes"];
    let blocked = rig.try_writ(&block)?;
    let said = String::from_utf8_lossy(&blocked.stderr).into_owned();
    for words in
        ["Nothing was changed", "gateways go on as before", "vault:transit/acme-revocations@1", "writ keys rotate --role revocations"]
    {
        ensure!(said.contains(words), "{words} is not in: {said}");
    }
    ensure!(!blocked.status.success() && !said.contains("hvs."), "{said}");
    ada.import_roles("roles:\n  developer: [logs.read]\n").await?;
    let form = ada.draft().await?.form("/draft/publish")?.fill("note", "not now")?;
    let page = ada.try_send(form).await?;
    ensure!(page.status.as_u16() == 503 && page.says("It could not be signed") && page.says("Nothing was changed"), "{}", page.summary());
    ensure!(!page.text().contains("transit/"), "where keys lie is for the log: {}", page.text());
    ensure!(ada.live_policy().await? == Some(published), "what was not signed is live");

    run(&rig, &back)?;
    run(&rig, &then)?;
    let list = rig.writ(&["keys", "list", "--tenant", "acme"])?;
    ensure!(!list.contains("vault:"), "{list}");
    revokes(&rig, &mut ada, &server, &client).await?;
    let last = ada.publish("signed here again").await?;
    ensure!(ada.converged("gw-1").await?.policy == Some(last), "policy {last} is not in force");
    Ok(())
}
