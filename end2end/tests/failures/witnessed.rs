//! An auditor who does not trust the server: the gateway's cosignature in an export, verified by the key on the gateway's own host.

use super::rig::{Complete, Rig, binary};
use anyhow::{Context as _, Result};
use end2end::wait;
use evidence::Cosigner;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// A gateway reports every eight seconds: once to be shown the log, and once more to say what it saw.
const COSIGNED_WITHIN: Duration = Duration::from_secs(60);

fn witness_key(rig: &Rig) -> Result<Option<String>> {
    let output = Command::new(binary("writ-gateway")?).arg("status").arg("--data").arg(rig.path("gateway")).output()?;
    let printed = String::from_utf8(output.stdout)?;
    let line = printed.lines().find_map(|line| line.strip_prefix("witness key")).context("no line about it")?;
    Ok(Some(line.trim().to_owned()).filter(|key| key != "none yet"))
}

/// What `writ audit verify` says with this witness, and whether it is content.
fn verify(rig: &Rig, witness: &str) -> Result<(bool, String)> {
    let mut command = Command::new(&rig.places.writ);
    let output = command.args(["audit", "verify", "--witness", witness]).arg(rig.path("audit.ndjson")).output()?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}

#[tokio::test]
async fn an_export_is_verified_by_the_gateway_s_word() -> Result<()> {
    let (rig, Complete { mut ada, .. }) = Rig::complete().await?;
    let said = wait::until("the export holds the gateway's cosignature", COSIGNED_WITHIN, async || {
        let Some(key) = witness_key(&rig)? else { return Ok(None) };
        fs::write(rig.path("audit.ndjson"), ada.export(&[]).await?)?;
        let (content, said) = verify(&rig, &key)?;
        assert!(content || said.contains("not_witnessed"), "{said}");
        Ok(content.then_some(said))
    })
    .await?;
    assert!(said.contains("cosigned by 1 gateway") && said.contains("1 of the 1 given witnesses saw the first"), "{said}");
    // Somebody else's word is not in it.
    let stranger = Cosigner::generate("writ/acme/gw_other")?.key().to_string();
    let (content, said) = verify(&rig, &stranger)?;
    assert!(!content && said.contains("not_witnessed"), "{said}");
    Ok(())
}
