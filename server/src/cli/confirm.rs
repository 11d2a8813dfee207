//! What a person is asked before a key signs or something is taken away.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// The root that trust begins at.
#[derive(Debug, Args)]
pub struct Trust {
    /// A root of this tenant that you kept and trust, any version (see `writ keys root export`).
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Its SHA-256 instead, such as the one that gateways pin (see `writ-gateway status`).
    #[arg(long, value_name = "HEX", conflicts_with = "root")]
    root_sha256: Option<String>,
}

impl Trust {
    /// SHA-256 of the trusted root, if one was given.
    ///
    /// # Errors
    /// When the file cannot be read, or the digest is none.
    pub fn sha256(&self) -> Result<Option<String>> {
        match (&self.root, &self.root_sha256) {
            (Some(path), _) => {
                let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
                Ok(Some(bundle::sha256_hex(&bytes)))
            }
            (None, Some(digest)) => {
                let digest = digest.trim().to_ascii_lowercase();
                ensure!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "--root-sha256: give 64 hex digits");
                Ok(Some(digest))
            }
            (None, None) => Ok(None),
        }
    }
}

/// Asks, and goes on only after a yes.
///
/// # Errors
/// When the answer is another, or there is nobody to ask.
pub fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes { Ok(()) } else { typed(question, "yes", "nothing was signed") }
}

/// Goes on only after this word; `otherwise` says that nothing was done.
///
/// # Errors
/// When the answer is another, or there is nobody to ask.
pub fn typed(question: &str, word: &str, otherwise: &'static str) -> Result<()> {
    let input = std::io::stdin();
    ensure!(input.is_terminal(), "{otherwise}: nobody is there to answer; read what is above, and say --yes");
    eprint!("{question} Type {word} to go on: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    if answer.trim() == word { Ok(()) } else { bail!(otherwise) }
}
