//! `writ audit verify FILE`: says that an export is whole, or where it is not. Needs no database and no network.

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use evidence::CosignerKey;
use evidence::export::Quorum;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

/// Work with audit exports.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Verify an export. Exits with 0 when it is whole and 1 when it is not.
    Verify {
        /// The export, as downloaded from the audit log.
        file: PathBuf,
        /// The log's verifier key (`writ/acme+…`) from a source you trust. Without it the export is checked against the key that it
        /// carries itself.
        #[arg(long)]
        key: Option<String>,
        /// Key of a gateway that you trust as a witness (`writ/acme/gw_…+…`), from the gateway itself: `writ-gateway status` shows it. May be
        /// given several times. Then the export has to hold their cosignatures of the log that it was made from.
        #[arg(long = "witness")]
        witnesses: Vec<String>,
        /// How many of these witnesses have to have cosigned; all of them unless given.
        #[arg(long, requires = "witnesses")]
        quorum: Option<usize>,
    },
}

impl Audit {
    /// Runs it.
    ///
    /// # Errors
    /// When the file cannot be read or the key is not one.
    pub fn run(self) -> Result<ExitCode> {
        let Self::Verify { file, key, witnesses, quorum } = self;
        let pinned = key.map(|key| evidence::Verifier::parse(&key)).transpose().context("--key is not a verifier key")?;
        let quorum = trusted(&witnesses, quorum)?;
        let reader = BufReader::new(File::open(&file).with_context(|| format!("opening {}", file.display()))?);
        let judged = evidence::export::verify(reader, pinned.as_ref()).and_then(|verified| {
            let seen = quorum.as_ref().map(|quorum| quorum.judge(&verified.witnesses)).transpose()?;
            Ok((verified, seen))
        });
        match judged {
            Ok((verified, seen)) => {
                println!("{verified}");
                if let (Some(quorum), Some(seen)) = (quorum, seen) {
                    println!("{} of the {} given witnesses saw the first {seen} events of the log", quorum.enough, quorum.keys.len());
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(finding) => {
                println!("NOT whole: {finding}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// Whom the command trusts, if anybody.
fn trusted(witnesses: &[String], quorum: Option<usize>) -> Result<Option<Quorum>> {
    let keys: Vec<CosignerKey> = witnesses
        .iter()
        .map(|key| CosignerKey::parse(key).with_context(|| format!("--witness {key} is not the key of a witness")))
        .collect::<Result<_>>()?;
    if keys.is_empty() {
        return Ok(None);
    }
    let enough = quorum.unwrap_or(keys.len());
    if !(1..=keys.len()).contains(&enough) {
        bail!("--quorum has to be between 1 and the {} witnesses that are given", keys.len());
    }
    Ok(Some(Quorum { keys, enough }))
}
