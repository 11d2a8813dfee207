//! A gateway that follows what `writ export-repo` wrote, with no control plane at all; the commands of `docs/without-control-plane.md`.

use super::oauth::token_of;
use super::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result, ensure};
use end2end::{ask, wait};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// It looks every second.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// The page's commands, on this test's folders.
fn commands(rig: &Rig) -> Result<Vec<Vec<String>>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/without-control-plane.md");
    let text = fs::read_to_string(page)?;
    let place = |word: &str| match word {
        "/srv/writ/acme" => rig.path("served").display().to_string(),
        "/media/stick/acme" => rig.path("stick").display().to_string(),
        word => word.to_owned(),
    };
    let mut found = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("writ ")) {
        let mut words: Vec<String> = line.split_whitespace().map(place).collect();
        // The folder with the data is added by the rig.
        if let Some(at) = words.iter().position(|word| word == "--data") {
            words.drain(at..at + 2);
        }
        found.push(words);
    }
    ensure!(found.len() == 2, "the page has {} commands of writ", found.len());
    Ok(found)
}

fn run(rig: &Rig, words: &[String]) -> Result<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    rig.writ(&words)
}

/// What the command said to put into the configuration.
fn configuration(printed: &str) -> Result<&str> {
    Ok(&printed[printed.find("[repository]").context("it printed no configuration")?..])
}

async fn health(rig: &Rig) -> Result<serde_json::Value> {
    Ok(reqwest::get(format!("{}/healthz", rig.places.gateway)).await?.json().await?)
}

async fn calls(rig: &Rig, token: &str) -> Result<ask::Answer> {
    ask::tool(&rig.places.resource("incident"), token, "logs.read", ask::arguments("logs.read")).await
}

#[tokio::test]
async fn a_gateway_follows_a_directory() -> Result<()> {
    let (mut rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let token = token_of(&rig, &mut rig.person("dev")?, &client).await?;
    let export = commands(&rig)?.remove(0);
    let printed = run(&rig, &export)?;
    fs::write(rig.path("follower.toml"), format!("{}every_seconds = 1\n", configuration(&printed)?))?;
    // Nobody but the files: the control plane is gone as well.
    rig.kill(Part::Gateway)?;
    rig.kill(Part::Writ)?;
    rig.start_part(Part::Follower).await?;
    wait::until("the policy is in force", SEEN_WITHIN, async || Ok(calls(&rig, &token).await?.worked().then_some(()))).await?;
    assert_eq!(health(&rig).await?["status"], "ok");

    // What is revoked arrives with the next export, and nothing brings it back.
    let timestamp = rig.path("served/metadata/timestamp.json");
    let old = fs::read(&timestamp)?;
    rig.start_part(Part::Writ).await?;
    let form = ada.see(&format!("/block?kind=client&subject={client}")).await?.form("/block")?.fill("reason", "carried by files")?;
    ada.send(form).await?;
    rig.kill(Part::Writ)?;
    assert!(calls(&rig, &token).await?.worked(), "nothing has told it yet");
    run(&rig, &export)?;
    wait::until("the revocation is in force", SEEN_WITHIN, async || Ok((!calls(&rig, &token).await?.worked()).then_some(()))).await?;
    fs::write(&timestamp, old)?;
    wait::until("it says that it is shown an older state", SEEN_WITHIN, async || {
        let health = health(&rig).await?;
        Ok((health["error"]["code"] == "rollback").then_some(()))
    })
    .await?;
    assert!(!calls(&rig, &token).await?.worked());
    Ok(())
}

#[tokio::test]
async fn an_export_lasts_as_long_as_was_asked_and_never_overwrites_what_it_should_not() -> Result<()> {
    let (rig, Complete { mut ada, .. }) = Rig::complete().await?;
    let [export, carry] = <[Vec<String>; 2]>::try_from(commands(&rig)?).expect("two");
    let printed = run(&rig, &carry)?;
    assert!(printed.contains("policy 1"), "{printed}");
    let metadata: serde_json::Value = serde_json::from_slice(&fs::read(rig.path("stick/metadata/timestamp.json"))?)?;
    let expires = metadata["signed"]["expires"].as_str().context("no expiry")?;
    let days = (chrono::DateTime::parse_from_rfc3339(expires)?.timestamp() - end2end::clock::seconds()) as f64 / 86_400.0;
    assert!((6.9..7.1).contains(&days), "{expires}");
    assert_eq!(ada.audit(&[("action", "repository.sign_for_long")]).await?.len(), 1);

    // A changed file, another tenant's directory and a restored backup are all told, and nothing is written over.
    run(&rig, &export)?;
    let root = rig.path("served/metadata/1.root.json");
    let good = fs::read(&root)?;
    fs::write(&root, "{}")?;
    assert!(run(&rig, &export).expect_err("refused").to_string().contains("another tenant or installation"));
    fs::write(&root, good)?;
    let snapshot = fs::read_dir(rig.path("served/metadata"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().ends_with(".snapshot.json"))
        .context("no snapshot")?;
    fs::write(&snapshot, "{}")?;
    assert!(run(&rig, &export).expect_err("refused").to_string().contains("is not what was signed"));
    let mut newer = metadata;
    newer["signed"]["version"] = 99.into();
    fs::write(rig.path("stick/metadata/timestamp.json"), newer.to_string())?;
    let refused = run(&rig, &carry).expect_err("refused").to_string();
    assert!(refused.contains("was a backup restored?"), "{refused}");
    let too_long: Vec<String> = carry.iter().map(|word| if word == "7d" { "400d".to_owned() } else { word.clone() }).collect();
    assert!(run(&rig, &too_long).expect_err("refused").to_string().contains("between 1 hour and 30 days"));
    Ok(())
}
