//! `writ keys root …`: the ceremony.

use super::super::confirm::{Trust, confirm};
use super::super::signer::{KeyArgs, file, read_public};
use super::super::tenant::{Tenant, explain};
use anyhow::{Context, Result, ensure};
use app::components::visible;
use bundle::Role;
use bundle::ceremony::{Judged, Proposal};
use clap::Subcommand;
use control::keys::{KeyChange, ProposeRoot, SubmitRoot};
use std::path::{Path, PathBuf};

/// The root.
#[derive(Debug, Subcommand)]
pub enum Root {
    /// Write a next root down. Nothing changes until it is signed and submitted; without changes it is the same root for another year.
    Propose {
        #[command(flatten)]
        at: Tenant,
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// One new key, made in the database, signs for the role instead of all that do now.
        #[arg(long, value_name = "ROLE")]
        here: Vec<String>,
        /// One key that lies elsewhere signs for the role instead of all that do now.
        #[arg(long, value_name = "ROLE=PUBLIC-KEY-FILE")]
        elsewhere: Vec<String>,
        /// A key that lies elsewhere may sign for the role, too.
        #[arg(long, value_name = "ROLE=PUBLIC-KEY-FILE")]
        add: Vec<String>,
        /// A key may sign for the role no more.
        #[arg(long, value_name = "ROLE=KEYID")]
        remove: Vec<String>,
        /// So many keys of the role must sign.
        #[arg(long, value_name = "ROLE=NUMBER")]
        threshold: Vec<String>,
    },
    /// Show what a proposal changes and who has signed it. Needs no database.
    Show {
        /// The proposal.
        file: PathBuf,
        #[command(flatten)]
        trust: Trust,
    },
    /// Sign a proposal, on whatever machine your key lies. Needs no database.
    Sign {
        /// The proposal. The signature is added to it.
        file: PathBuf,
        #[command(flatten)]
        trust: Trust,
        #[command(flatten)]
        key: KeyArgs,
        /// Do not ask. The trusted root must be given then, since nobody compares its digest.
        #[arg(long)]
        yes: bool,
    },
    /// Take a signed proposal: one copy, or several that were signed on different machines. Keys in the database sign now.
    Submit {
        #[command(flatten)]
        at: Tenant,
        /// The copies.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the present root to a file, to be kept by whoever signs.
    Export {
        #[command(flatten)]
        at: Tenant,
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

impl Root {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why.
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Propose { at, out, here, elsewhere, add, remove, threshold } => {
                let changes = changes(&here, &elsewhere, &add, &remove, &threshold)?;
                ensure!(std::fs::symlink_metadata(&out).is_err(), "{} is there already; give another --out", out.display());
                let (control, cx) = at.open().await?;
                let proposal = control.run(&cx, ProposeRoot { changes }).await.map_err(explain)?;
                file::write(&out, 0o644, proposal.to_json().as_bytes())?;
                print(&proposal.examine(None)?);
                println!("\nwritten to {}; keys that lie in the database sign when it is submitted", out.display());
                Ok(())
            }
            Self::Show { file, trust } => {
                print(&read(&file)?.examine(trust.sha256()?.as_deref())?);
                Ok(())
            }
            Self::Sign { file: path, trust, key, yes } => {
                let mut proposal = read(&path)?;
                let trusted = trust.sha256()?;
                ensure!(trusted.is_some() || !yes, "with --yes give --root or --root-sha256: nobody compares the digest of the root then");
                let judged = proposal.examine(trusted.as_deref())?;
                print(&judged);
                if trusted.is_none() {
                    println!("\nThe first root of this tenant would be the one with SHA-256 {}.", judged.first_sha256);
                    println!("Compare it with what your gateways pin (writ-gateway status) before you go on.");
                }
                confirm("\nSign this root?", yes)?;
                let signer = key.signer()?;
                for role in proposal.sign(signer.as_ref())? {
                    println!("signed {role} with key {}", signer.public().id());
                }
                replace(&path, &proposal.to_json())?;
                print_missing(&proposal.examine(trusted.as_deref())?);
                Ok(())
            }
            Self::Submit { at, files } => {
                let copies = files.iter().map(|path| read(path)).collect::<Result<Vec<Proposal>>>()?;
                let (control, cx) = at.open().await?;
                let version = control.run(&cx, SubmitRoot { copies }).await.map_err(explain)?;
                println!("root {version} is in force; gateways take it with their next look");
                Ok(())
            }
            Self::Export { at, out } => {
                let (control, cx) = at.open().await?;
                let root = control::keys::newest_root(&control, &cx).await.map_err(explain)?;
                file::write(&out, 0o644, root.as_bytes())?;
                println!("written to {}; SHA-256 {}", out.display(), bundle::sha256_hex(root.as_bytes()));
                Ok(())
            }
        }
    }
}

fn read(path: &Path) -> Result<Proposal> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Proposal::read(&bytes).with_context(|| format!("{}", path.display()))
}

/// Writes the new text beside the file and puts it in its place, so that no moment sees half of it.
fn replace(path: &Path, text: &str) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    file::write(&beside, 0o644, text.as_bytes())?;
    std::fs::rename(&beside, path).with_context(|| format!("writing {}", path.display()))
}

fn print(judged: &Judged) {
    println!("Root {} of tenant {}:", judged.version, visible(&judged.tenant));
    for change in &judged.changes {
        println!("  - {}", visible(change));
    }
    print_missing(judged);
}

fn print_missing(judged: &Judged) {
    for (role, missing) in &judged.missing {
        for judge in missing {
            let by = if judge.by == "role" { "the policy keys of this root" } else { judge.by };
            let state = if judge.is_met() { "met" } else { "not met yet" };
            println!("{role}, by {by}: {} of {} signatures, {state}", judge.signed(), judge.threshold);
            for (id, signed) in &judge.keys {
                println!("    {} {id}", if *signed { "signed" } else { "      " });
            }
        }
    }
}

fn changes(here: &[String], elsewhere: &[String], add: &[String], remove: &[String], threshold: &[String]) -> Result<Vec<KeyChange>> {
    let mut changes = Vec::new();
    for name in here {
        changes.push(KeyChange::Here { role: role(name)? });
    }
    for given in elsewhere {
        let (role, path) = pair(given)?;
        changes.push(KeyChange::Elsewhere { role, key: read_public(Path::new(path))? });
    }
    for given in add {
        let (role, path) = pair(given)?;
        changes.push(KeyChange::Add { role, key: read_public(Path::new(path))? });
    }
    for given in remove {
        let (role, key) = pair(given)?;
        changes.push(KeyChange::Remove { role, key: key.to_owned() });
    }
    for given in threshold {
        let (role, number) = pair(given)?;
        let threshold = number.parse().with_context(|| format!("{given}: {number} is no number"))?;
        changes.push(KeyChange::Threshold { role, threshold });
    }
    Ok(changes)
}

fn pair(given: &str) -> Result<(Role, &str)> {
    let (name, value) = given.split_once('=').with_context(|| format!("{given}: write it as ROLE=VALUE, for example root=anna.key.pub"))?;
    Ok((role(name)?, value))
}

fn role(name: &str) -> Result<Role> {
    Role::parse(name).with_context(|| format!("{name} is no role; the root names keys for root, targets, snapshot and timestamp"))
}
