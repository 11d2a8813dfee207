//! `writ sign`: the policy key signs a candidate, wherever it lies.

use super::confirm::{Trust, confirm};
use super::signer::{KeyArgs, file};
use anyhow::{Context, Result, bail, ensure};
use app::instant::Instant;
use bundle::ceremony::{Candidate, Examined, SignatureFile};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Signs a candidate.
#[derive(Debug, Args)]
pub struct Sign {
    /// The candidate, as downloaded from the console or written by `writ candidate export`.
    #[arg(long, value_name = "FILE")]
    candidate: PathBuf,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    key: KeyArgs,
    /// Where to write the signature; beside the candidate if it is not given, unless it is uploaded.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Send the signature to the control plane that the candidate names.
    #[arg(long)]
    upload: bool,
    /// Send it there instead, for example <https://writ.example.com/t/acme>.
    #[arg(long, value_name = "URL", requires = "upload")]
    control_plane: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

impl Sign {
    /// Runs it.
    ///
    /// # Errors
    /// What does not hold, or was refused.
    pub async fn run(self) -> Result<()> {
        let Some(trusted) = self.trust.sha256()? else {
            bail!("give the root that you trust: --root FILE (see `writ keys root export`), or --root-sha256 HEX as gateways pin it")
        };
        let bytes = std::fs::read(&self.candidate).with_context(|| format!("reading {}", self.candidate.display()))?;
        let candidate = Candidate::read(&bytes)?;
        let examined = candidate.examine(&trusted)?;
        print!("{}", told(&candidate, &examined));
        confirm("\nSign this with the policy key?", self.yes)?;
        let signer = self.key.signer()?;
        let signature = candidate.sign(&examined, signer.as_ref())?;
        let out = match (&self.out, self.upload) {
            (Some(out), _) => Some(out.clone()),
            (None, true) => None,
            (None, false) => Some(self.candidate.with_extension("signature.json")),
        };
        if let Some(out) = out {
            file::write(&out, 0o644, signature.to_json().as_bytes())?;
            println!("signed with key {}; the signature is in {}", signature.keyid, out.display());
        }
        if self.upload {
            let base = self.control_plane.as_deref().unwrap_or(&candidate.control_plane);
            println!("{}", upload(base, &signature).await?);
        }
        Ok(())
    }
}

/// What a person has to know before they sign.
fn told(candidate: &Candidate, examined: &Examined) -> String {
    let mut lines = vec![
        format!("Candidate {} ({}) of tenant {}", candidate.number, candidate.kind.as_str(), candidate.tenant),
        format!("asked for by {:?} at {}", candidate.requested_by, Instant::from_ms(candidate.requested_ms).text),
    ];
    if !candidate.note.is_empty() {
        // Somebody's words: quoted, so that they cannot pass for ours.
        lines.push(format!("note: {:?}", candidate.note));
    }
    let present = examined.present.stamp(bundle::Role::Targets);
    lines.push(match present {
        Some(held) => {
            format!("\nIt follows list {}, which you or another policy key signed. If you signed a later one, stop.", held.version)
        }
        None => "\nIt is the first list of all: nothing was signed before.".to_owned(),
    });
    lines.push("\nWhat would be signed:".to_owned());
    lines.extend(examined.changes.iter().map(|change| format!("  - {change}")));
    if let Some(policy) = &examined.policy {
        match &examined.before {
            Some(before) => lines.push(format!("\nWho could do what, policy {} against policy {}:", policy.version, before.version)),
            None => lines.push(format!("\nWho could do what under policy {}:", policy.version)),
        }
        if examined.access.is_empty() {
            lines.push("  - nothing changes".to_owned());
        }
        lines.extend(examined.access.iter().map(|change| format!("  {} {}", if change.widens { "+" } else { "-" }, change.what)));
        lines.extend(examined.findings.iter().map(|finding| format!("  ! {:?}: {}", finding.severity, finding.what)));
        lines.push("\nThe policy was compiled here from the configuration in the file, and is the one that would be signed.".to_owned());
    }
    for missing in &examined.missing {
        lines.push(format!("{} of {} signatures so far", missing.signed(), missing.threshold));
    }
    lines.join("\n") + "\n"
}

/// How long the control plane may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn upload(base: &str, signature: &SignatureFile) -> Result<String> {
    let base = url::Url::parse(base).with_context(|| format!("{base} is not a URL"))?;
    let loopback = match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    ensure!(base.scheme() == "https" || (base.scheme() == "http" && loopback), "{base}: use https://, or http:// on loopback");
    let mut client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    if loopback {
        client = client.no_proxy();
    }
    let target = format!("{}/delivery/candidates/{}/signature", base.as_str().trim_end_matches('/'), signature.candidate);
    let request = client.build()?.post(&target).header("content-type", "application/json").body(signature.to_json());
    let response = request.send().await.with_context(|| format!("sending the signature to {target}"))?;
    let status = response.status();
    let answer: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap_or_default()).unwrap_or_default();
    if !status.is_success() {
        bail!("the control plane answered {status}: {}", answer["detail"].as_str().unwrap_or("no reason given"));
    }
    Ok(match answer["awaits"].as_u64() {
        Some(0) => format!("candidate {} is signed and live", signature.candidate),
        more => format!("taken; {} more of the policy keys must sign", more.unwrap_or(1)),
    })
}
