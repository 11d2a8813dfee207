//! `writ sign`: the policy key signs a candidate, wherever it lies.

use super::confirm::{Trust, confirm};
use super::signer::{KeyArgs, file};
use anyhow::{Context, Result, bail, ensure};
use app::components::visible;
use app::instant::Instant;
use bundle::ceremony::{Candidate, Examined, SignatureFile};
use clap::Args;
use policy::Direction;
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
        let mut signature = candidate.sign(&examined, signer.as_ref())?;
        signature.for_opas = opa::countersign(&candidate, &examined, signer.as_ref())?;
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

/// How a change is marked.
const fn mark(direction: Direction) -> char {
    match direction {
        Direction::Widens => '+',
        Direction::Narrows => '-',
        Direction::Neutral => '=',
    }
}

/// What a person has to know before they sign. Names in it are somebody's words, perhaps a thief's: nothing in them can hide a line.
fn told(candidate: &Candidate, examined: &Examined) -> String {
    let mut lines = vec![
        format!("Candidate {} ({}) of tenant {}", candidate.number, candidate.kind.as_str(), visible(&candidate.tenant)),
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
    lines.extend(examined.changes.iter().map(|change| format!("  - {}", visible(change))));
    if let Some(asked) = &candidate.for_opas {
        let at = Instant::from_ms(asked.signed.saturating_mul(1000)).text;
        lines.push(format!("  - What is signed for OPAs says that it was signed at {at}, and ends with the list"));
    }
    if let Some(policy) = &examined.policy {
        match &examined.before {
            Some(before) => lines.push(format!("\nWho could do what, policy {} against policy {}:", policy.version, before.version)),
            None => lines.push(format!("\nWho could do what under policy {}:", policy.version)),
        }
        if examined.access.is_empty() {
            lines.push("  - nothing changes".to_owned());
        }
        lines.extend(examined.access.iter().map(|change| format!("  {} {}", mark(change.direction), visible(&change.to_string()))));
        lines.extend(examined.findings.iter().map(|finding| format!("  ! {:?}: {}", finding.severity, visible(&finding.what))));
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
        bail!("the control plane answered {status}: {}", visible(answer["detail"].as_str().unwrap_or("no reason given")));
    }
    Ok(match answer["awaits"].as_u64() {
        Some(0) => format!("candidate {} is signed and live", signature.candidate),
        more => format!("taken; {} more of the policy keys must sign", more.unwrap_or(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::told;
    use bundle::ceremony::{Candidate, Kind};
    use bundle::{KeySet, Repository, Role, Stamp};
    use policy::Configuration;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn no_name_can_hide_what_is_signed() {
        const END: i64 = 1_900_000_000;
        let keys = KeySet::generate().expect("randomness");
        let (repository, _) = Repository::create("acme", &keys.root_keys(), &[&keys.root], END).expect("signs");
        let hostile = "dev\u{1b}[1A\u{1b}[2K\rnobody\nno change\u{202e}";
        let roles = BTreeMap::from([(hostile.to_owned(), BTreeSet::from(["payments.send".to_owned()]))]);
        let configuration = Configuration { tenant: "acme".into(), roles, ..Configuration::default() };
        let policy = serde_json::to_string(&configuration.compile(1)).expect("writes");
        let unsigned = repository.prepare_policy(&keys.delegates(), 1, &policy, 1, Stamp { version: 1, expires: END }).expect("prepares");
        let candidate = Candidate {
            tenant: "acme".into(),
            number: 1,
            kind: Kind::Publish,
            note: hostile.into(),
            requested_by: hostile.into(),
            requested_ms: 0,
            control_plane: "https://writ.example/t/acme".into(),
            adds: Some((1, configuration)),
            unsigned,
            roots: vec![repository.metadata(Role::Root).expect("signed").to_owned()],
            present_list: None,
            present_policy: None,
            for_opas: None,
        };
        let shown = told(&candidate, &candidate.examine(repository.root_sha256()).expect("holds"));
        assert!(shown.contains("  + Role dev[U+001B][1A[U+001B][2K nobody no change[U+202E] gains payments.send\n"), "{shown}");
        assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("no change")), "{shown}");
    }
}
