//! `writ audit verify FILE`: says that an export is whole, or where it is not. Needs no database and no network.

use anyhow::{Context, Result};
use clap::Subcommand;
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
    },
}

impl Audit {
    /// Runs it.
    ///
    /// # Errors
    /// When the file cannot be read or the key is not one.
    pub fn run(self) -> Result<ExitCode> {
        let Self::Verify { file, key } = self;
        let pinned = key.map(|key| evidence::Verifier::parse(&key)).transpose().context("--key is not a verifier key")?;
        let reader = BufReader::new(File::open(&file).with_context(|| format!("opening {}", file.display()))?);
        match evidence::export::verify(reader, pinned.as_ref()) {
            Ok(verified) => {
                println!("{verified}");
                Ok(ExitCode::SUCCESS)
            }
            Err(finding) => {
                println!("NOT whole: {finding}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
