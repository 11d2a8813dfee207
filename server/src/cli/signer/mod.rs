//! Who signs at the shell: a key file, or a program that stands for a key in a management service or on a card.

pub mod command;
pub mod file;
mod passphrase;

use anyhow::{Context, Result};
use bundle::{PublicKey, Signer};
use clap::Args;
use std::path::{Path, PathBuf};

pub use passphrase::ask_for_new;

/// Which key signs.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// A key file, as `writ keys new` makes it.
    #[arg(long, value_name = "FILE", required_unless_present = "command", conflicts_with_all = ["command", "public"])]
    key: Option<PathBuf>,
    /// A file with the passphrase of the key file, readable by its owner only. Without it you are asked at the terminal.
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// A program that signs in place of a key file: it gets the message on its standard input and prints an ECDSA P-256 signature with
    /// SHA-256, ASN.1 DER, as it is or in hex. Quote its arguments as for a shell; no shell runs it.
    #[arg(long, value_name = "PROGRAM ARGS", requires = "public")]
    command: Option<String>,
    /// The public half of the key that the program signs with, SPKI PEM.
    #[arg(long, value_name = "FILE", requires = "command")]
    public: Option<PathBuf>,
}

impl KeyArgs {
    /// The key, opened.
    ///
    /// # Errors
    /// Says what is wrong with the file, the passphrase or the program.
    pub fn signer(&self) -> Result<Box<dyn Signer>> {
        match (&self.key, &self.command, &self.public) {
            (Some(path), ..) => {
                // Before anybody is asked for its passphrase.
                let sealed = file::read(path)?;
                let passphrase = passphrase::given(self.passphrase_file.as_deref(), path)?;
                Ok(Box::new(file::open(&sealed, &passphrase).with_context(|| format!("opening {}", path.display()))?))
            }
            (None, Some(command), Some(public)) => Ok(Box::new(command::CommandSigner::new(command, read_public(public)?)?)),
            _ => anyhow::bail!("give --key FILE, or --command PROGRAM with --public FILE"),
        }
    }
}

/// A public key from a file.
///
/// # Errors
/// When it cannot be read or is none.
pub fn read_public(path: &Path) -> Result<PublicKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    PublicKey::from_pem(&text).with_context(|| format!("{}", path.display()))
}
