//! An auditor reads the grant's whole life, exports it, and proves it.

use super::{Story, Telling};
use anyhow::{Context as _, Result};
use std::path::Path;
use tokio::process::Command;

pub(super) const TITLE: &str = "an auditor follows the grant through the audit log, exports it, and verifies the file";

/// The story as it must be found, each by its stable name.
const LIFE: [&str; 5] = ["request.create", "request.approve", "grant.create", "grant.first_used", "grant.revoke"];

/// What comes before what. The approval and the grant happen in one transaction, at one time.
const ORDER: [(&str, &str); 4] = [
    ("request.create", "request.approve"),
    ("request.create", "grant.create"),
    ("grant.create", "grant.first_used"),
    ("grant.first_used", "grant.revoke"),
];

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let grant = story.grant()?;
    let events = story.olga.audit(&[("object", &grant)]).await?;
    let place = |wanted: &str| events.iter().position(|event| event.what.ends_with(wanted));
    for wanted in LIFE {
        match place(wanted) {
            Some(at) => told.note(format!("{}: {}", events[at].who, events[at].what)),
            None => {
                told.expect(format!("{wanted} is among {:?}", events.iter().map(|event| event.what.as_str()).collect::<Vec<_>>()), false)
            }
        }
    }
    let ordered = ORDER.iter().all(|(first, then)| place(first).is_some() && place(first) < place(then));
    told.expect("request, approval, grant, first use and revocation are there, in this order", ordered);

    // Who decided did so in the console, not through the client that the grant is for; who used it did so through that client.
    let who = |wanted: &str| place(wanted).map(|at| events[at].who.as_str());
    told.equal("approved by", who("request.approve"), Some("Sam (SRE, approver)"));
    told.equal("revoked by", who("grant.revoke"), Some("Ada (IAM admin)"));
    told.equal("used by", who("grant.first_used"), Some(format!("Dev (developer), through {}", super::IDE).as_str()));

    let file = story.places.data.join(format!("export-{grant}.ndjson"));
    let mut bytes = story.olga.export(&[("object", &grant)]).await?;
    std::fs::write(&file, &bytes).with_context(|| format!("writing {}", file.display()))?;
    let (whole, said) = verify(story, &file).await?;
    told.expect(format!("writ audit verify: {said}"), whole && said.starts_with("whole: "));

    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let line = bytes[..middle].iter().filter(|byte| **byte == b'\n').count() + 1;
    let altered = story.places.data.join(format!("altered-{grant}.ndjson"));
    std::fs::write(&altered, &bytes).with_context(|| format!("writing {}", altered.display()))?;
    let (whole, said) = verify(story, &altered).await?;
    told.expect(
        format!("with one byte of line {line} changed: {said}"),
        !whole && said.starts_with("NOT whole: ") && said.contains(&format!("line {line}")),
    );
    std::fs::remove_file(&altered).with_context(|| format!("removing {}", altered.display()))?;
    Ok(())
}

async fn verify(story: &Story, file: &Path) -> Result<(bool, String)> {
    let output = Command::new(&story.places.writ).args(["audit", "verify"]).arg(file).output().await;
    let output = output.with_context(|| format!("starting {}", story.places.writ.display()))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}
