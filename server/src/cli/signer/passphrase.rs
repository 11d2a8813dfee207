//! Passphrases of key files: from a file, or from the terminal.

use super::file::private;
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use zeroize::Zeroizing;

/// Shorter ones are guessed, however costly each guess is.
const SHORTEST: usize = 12;

/// The passphrase of the key at `key`, from `file` or asked for.
pub(super) fn given(file: Option<&Path>, key: &Path) -> Result<Zeroizing<String>> {
    match file {
        Some(file) => from_file(file),
        None => prompt(&format!("Passphrase of {}: ", key.display())),
    }
}

/// The passphrase for a new key, from `file`, or asked for twice.
///
/// # Errors
/// When it is too short, differs the second time, or there is no terminal to ask at.
pub fn ask_for_new(file: Option<&Path>, key: &Path) -> Result<Zeroizing<String>> {
    let passphrase = match file {
        Some(file) => from_file(file)?,
        None => {
            let first = prompt(&format!("Passphrase for {}: ", key.display()))?;
            if *first != *prompt("The same again: ")? {
                bail!("the two passphrases differ; nothing was made");
            }
            first
        }
    };
    ensure!(passphrase.chars().count() >= SHORTEST, "use a passphrase of at least {SHORTEST} characters");
    Ok(passphrase)
}

fn prompt(text: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .context("there is no terminal to ask for the passphrase at; give --passphrase-file")
}

/// The first line of a file that nobody but its owner may read.
fn from_file(path: &Path) -> Result<Zeroizing<String>> {
    let text = private(path)?;
    let line = text.lines().next().unwrap_or_default();
    ensure!(!line.is_empty(), "{} holds no passphrase", path.display());
    Ok(Zeroizing::new(line.to_owned()))
}
