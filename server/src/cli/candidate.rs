//! `writ candidate …`: what awaits the policy key.

use super::signer::file;
use super::tenant::{Tenant, explain};
use anyhow::{Context, Result, bail, ensure};
use app::components::visible;
use app::instant::Instant;
use bundle::ceremony::SignatureFile;
use clap::Subcommand;
use control::delivery::{Progress, SignCandidate, WithdrawCandidate, sign_candidate};
use std::path::PathBuf;

/// What awaits the signature of a policy key.
#[derive(Debug, Subcommand)]
pub enum Candidate {
    /// Show what awaits its signature.
    Show {
        #[command(flatten)]
        at: Tenant,
    },
    /// Write what awaits its signature to a file. It holds the key that revocations are hashed under: hand it to whoever signs, and to
    /// nobody else.
    Export {
        #[command(flatten)]
        at: Tenant,
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Take a signature that was made elsewhere.
    Submit {
        #[command(flatten)]
        at: Tenant,
        /// The signature, as `writ sign` wrote it.
        file: PathBuf,
    },
    /// Take a candidate back: a signature that comes later counts for nothing.
    Withdraw {
        #[command(flatten)]
        at: Tenant,
        /// Its number.
        number: u64,
    },
}

impl Candidate {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::Show { at } => {
                let (control, cx) = at.open().await?;
                let Some(found) = control::delivery::candidate(&control, &cx).await.map_err(explain)? else {
                    println!("nothing awaits a signature");
                    return Ok(());
                };
                println!(
                    "candidate {} ({}): {}",
                    found.number,
                    found.kind.as_str(),
                    if found.note.is_empty() { "no note".to_owned() } else { visible(&found.note) }
                );
                println!("asked for by {} at {}", visible(&found.requested_by), Instant::from_ms(found.requested_ms).text);
                for change in found.access.iter().map(ToString::to_string).chain(found.changes.iter().cloned()) {
                    println!("  - {}", visible(&change));
                }
                println!("{} of {} signatures", found.signed(), found.threshold);
            }
            Self::Export { at, out } => {
                let (control, cx) = at.open().await?;
                let candidate = match control::delivery::export_candidate(&control, &cx, None).await {
                    Err(control::Error::NotFound) => bail!("nothing awaits a signature"),
                    other => other.map_err(explain)?,
                };
                file::write(&out, 0o600, candidate.to_json().as_bytes())?;
                println!("candidate {} is written to {}", candidate.number, out.display());
            }
            Self::Submit { at, file } => {
                let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
                let signature = SignatureFile::read(&bytes)?;
                ensure!(signature.tenant == at.slug(), "the signature is for tenant {}", signature.tenant);
                let (control, cx) = at.open().await?;
                let number = signature.candidate;
                let sign = SignCandidate::from(signature);
                match sign_candidate(&control, &cx, sign).await.map_err(explain)? {
                    Progress::Live => println!("candidate {number} is signed and live"),
                    Progress::Awaits(n) => println!("taken; {n} more of the policy keys must sign"),
                }
            }
            Self::Withdraw { at, number } => {
                let (control, cx) = at.open().await?;
                control.run(&cx, WithdrawCandidate { number }).await.map_err(explain)?;
                println!("candidate {number} is withdrawn");
            }
        }
        Ok(())
    }
}
