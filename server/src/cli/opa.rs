//! `writ opa …`: OPAs that enforce a tenant's policy, straight on the database, audited like everything else.

use super::tenant::{Tenant, explain};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use control::Error;
use control::delivery::RemoveGateway;
use control::delivery::opa::{EnrolOpa, NewToken, Paths, PrintConfiguration, opa_named};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Work with OPAs that enforce this policy.
#[derive(Debug, Subcommand)]
pub enum Opa {
    /// Print a ready configuration for an OPA. One of a new name is taken into the fleet, and its token written to a file.
    Config {
        #[command(flatten)]
        at: Tenant,
        /// The OPA's name.
        #[arg(long)]
        name: String,
        /// File to write the token to; mode 600. Default: NAME.token.
        #[arg(long)]
        token_file: Option<PathBuf>,
        /// Where the OPA finds the token, if that is elsewhere than the file written here.
        #[arg(long)]
        token_path: Option<String>,
        /// Folder that the OPA keeps verified bundles in.
        #[arg(long, default_value = "/var/lib/opa")]
        state: String,
        /// Make another token. The present one works until the new one is used for the first time.
        #[arg(long)]
        new_token: bool,
        /// With --new-token: the present token may be in the wrong hands and stops working at once.
        #[arg(long, requires = "new_token")]
        at_once: bool,
    },
    /// Take an OPA out of the fleet: its token stops working at once.
    Remove {
        #[command(flatten)]
        at: Tenant,
        /// The OPA's name.
        #[arg(long)]
        name: String,
    },
}

impl Opa {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::Config { at, name, token_file, token_path, state, new_token, at_once } => {
                let (control, cx) = at.open().await?;
                let file = token_file.unwrap_or_else(|| PathBuf::from(format!("{name}.token")));
                let known = match opa_named(&control, &cx, &name).await {
                    Ok(id) => Some(id),
                    Err(Error::NotFound) => None,
                    Err(other) => return Err(explain(other)),
                };
                let id = match (known, new_token) {
                    (Some(id), false) => {
                        eprintln!("{name} is in the fleet already; its token is not told again (--new-token makes another)");
                        id
                    }
                    (Some(id), true) => {
                        // Written beside it and moved there: the OPA reads the file at any moment.
                        let new = TokenFile::create(&beside(&file))?;
                        let made = new.or_discard(control.run(&cx, NewToken { client: id, at_once }).await)?;
                        new.write(&made.token)?.move_to(&file)?;
                        made.id
                    }
                    (None, _) => {
                        let new = TokenFile::create(&file)?;
                        let enrolled = new.or_discard(control.run(&cx, EnrolOpa { name: name.clone() }).await)?;
                        new.write(&enrolled.token)?;
                        enrolled.id
                    }
                };
                let token = match token_path {
                    Some(path) => path,
                    None => std::path::absolute(&file)?.to_str().context("the token file has a name that is not text")?.to_owned(),
                };
                print!("{}", control.run(&cx, PrintConfiguration { client: id, paths: Paths { token, state } }).await.map_err(explain)?);
            }
            Self::Remove { at, name } => {
                let (control, cx) = at.open().await?;
                let id = opa_named(&control, &cx, &name).await.map_err(|error| match error {
                    Error::NotFound => anyhow::anyhow!("there is no OPA {name} in the fleet"),
                    other => explain(other),
                })?;
                control.run(&cx, RemoveGateway { id }).await.map_err(explain)?;
                println!("removed {name}");
            }
        }
        Ok(())
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    file.with_file_name(name)
}

/// A file for a token: made before the token is, so that no token is made in vain.
struct TokenFile(File, PathBuf);

impl TokenFile {
    fn create(path: &Path) -> Result<Self> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok(Self(file, path.to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                bail!("{} is there already: move it away, or name another with --token-file", path.display())
            }
            Err(error) => Err(error).with_context(|| format!("making {}", path.display())),
        }
    }

    fn write(mut self, token: &str) -> Result<Self> {
        writeln!(self.0, "{token}").and_then(|()| self.0.sync_all()).with_context(|| format!("writing {}", self.1.display()))?;
        Ok(self)
    }

    fn move_to(self, path: &Path) -> Result<()> {
        fs::rename(&self.1, path).with_context(|| format!("writing {}", path.display()))
    }

    /// Removes it when no token was made.
    fn or_discard<T>(&self, made: control::Result<T>) -> Result<T> {
        if made.is_err()
            && let Err(error) = fs::remove_file(&self.1)
        {
            eprintln!("{} is empty and could not be removed: {error}", self.1.display());
        }
        made.map_err(explain)
    }
}
