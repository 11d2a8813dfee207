//! `writ keys …`: making, listing, rotating and moving signing keys.

mod list;
mod reseal;
mod root;
mod rotate;

use super::signer::{self, file};
use super::tenant::{Tenant, explain};
use anyhow::Result;
use clap::Subcommand;
use control::keys::RaiseFloor;
use std::path::PathBuf;

/// Signing keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key file on this machine: encrypted, readable by you only, its public half beside it. Needs no database.
    New {
        /// The file to make. The public half goes to the same name with `.pub`.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// A file with the passphrase, readable by its owner only. Without it you are asked at the terminal.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// List every key: where it lies, since when, until when, and what is about to end.
    List {
        #[command(flatten)]
        at: Tenant,
    },
    /// Replace a key by a new one.
    Rotate(rotate::Rotate),
    /// Seal everything in the database, of every tenant, under another master key. Stop every control plane first.
    Reseal(reseal::Reseal),
    /// Withdraw all policy versions below one, for ever.
    Floor {
        #[command(flatten)]
        at: Tenant,
        /// The lowest version that may run from now on.
        #[arg(long)]
        min_version: u64,
    },
    /// The root, which names the other keys: propose a next one, have it signed, submit it.
    #[command(subcommand)]
    Root(root::Root),
}

impl Keys {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::New { out, passphrase_file } => {
                let passphrase = signer::ask_for_new(passphrase_file.as_deref(), &out)?;
                let public = file::create(&out, &passphrase)?;
                println!("private half  {}", out.display());
                println!("public half   {}", file::public_path(&out).display());
                println!("key id        {}", public.id());
                Ok(())
            }
            Self::List { at } => {
                let (control, cx) = at.open().await?;
                let keys = control::keys::keys(&control, &cx).await.map_err(explain)?;
                let candidate = control::delivery::candidate(&control, &cx).await.map_err(explain)?;
                print!("{}", list::written(&keys, candidate.as_ref(), cx.now_ms));
                Ok(())
            }
            Self::Rotate(rotate) => rotate.run().await,
            Self::Reseal(reseal) => reseal.run().await,
            Self::Floor { at, min_version } => {
                let (control, cx) = at.open().await?;
                match control.run(&cx, RaiseFloor { min_version }).await.map_err(explain)? {
                    None => println!("no version below {min_version} may run any more"),
                    Some(number) => println!("{}", awaits(number, at.slug())),
                }
                Ok(())
            }
            Self::Root(root) => root.run().await,
        }
    }
}

/// What to do about a candidate.
fn awaits(number: u64, tenant: &str) -> String {
    format!(
        "candidate {number} awaits the signature of the policy key, which lies elsewhere:\n  \
         writ candidate export --tenant {tenant} --out candidate-{number}.json\n  \
         writ sign --candidate candidate-{number}.json --root-sha256 HEX --key FILE --upload"
    )
}
