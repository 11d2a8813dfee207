//! `writ keys rotate`.

use super::super::signer::{file, read_public};
use super::super::tenant::{Tenant, explain};
use super::awaits;
use anyhow::{Result, ensure};
use bundle::Role;
use clap::{Args, ValueEnum};
use control::keys::{Carried, KeyRotation, RotateAuditLog, RotateKeys, RotateTokenKey, Rotated, prove};
use control::{Control, Ctx};
use std::path::PathBuf;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Signs {
    /// The next root.
    Root,
    /// The policy key: the list of policies.
    Targets,
    /// Which gateway runs which version.
    Assignment,
    /// The revocation list.
    Revocations,
    /// What belongs together.
    Snapshot,
    /// That it is the newest.
    Timestamp,
    /// Access tokens.
    Token,
    /// The audit log.
    AuditLog,
}

impl Signs {
    const fn role(self) -> Option<Role> {
        match self {
            Self::Root => Some(Role::Root),
            Self::Targets => Some(Role::Targets),
            Self::Assignment => Some(Role::Assignment),
            Self::Revocations => Some(Role::Revocations),
            Self::Snapshot => Some(Role::Snapshot),
            Self::Timestamp => Some(Role::Timestamp),
            Self::Token | Self::AuditLog => None,
        }
    }
}

/// Replaces keys.
#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    at: Tenant,
    /// What the key signs. Repeatable: keys that the root names go into one new root.
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<Signs>,
    /// The old key was stolen: it is dropped at once, and what it signed counts no more.
    #[arg(long)]
    compromised: bool,
    /// The public half of the new key, where the key lies elsewhere: make it there with `writ keys new`.
    #[arg(long, value_name = "FILE")]
    new: Option<PathBuf>,
    /// Where the new key lies in the key management service, for example vault:transit/acme-timestamp. It signs a test first. Goes with one role.
    #[arg(long = "in", value_name = "REFERENCE", conflicts_with = "new")]
    service: Option<String>,
    /// Id, or beginning of the id, of the key to replace, where there are several.
    #[arg(long, value_name = "KEYID")]
    old: Option<String>,
    /// Where to write the next root, if it has to be signed elsewhere.
    #[arg(long, value_name = "FILE", default_value = "root-proposal.json")]
    out: PathBuf,
}

impl Rotate {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why.
    pub(super) async fn run(self) -> Result<()> {
        let elsewhere = self.new.as_deref().map(read_public).transpose()?;
        let roles: Vec<Role> = self.roles.iter().filter_map(|signs| signs.role()).collect();
        let (delegated, listed): (Vec<Role>, Vec<Role>) =
            roles.into_iter().partition(|role| matches!(role, Role::Assignment | Role::Revocations));
        // Found out before a key is made.
        let free = listed.is_empty() || std::fs::symlink_metadata(&self.out).is_err();
        ensure!(free, "{} is there already; give another --out", self.out.display());
        ensure!(self.old.is_none() || self.new.is_some() || self.service.is_some(), "--old goes with --new or --in");
        if self.service.is_some() {
            let one = self.roles.len() == 1 && self.roles[0].role().is_some();
            ensure!(one, "--in goes with one role of the repository; keys for tokens and for the audit log lie in the database");
        }
        let (control, cx) = self.at.open().await?;
        let service = match &self.service {
            Some(reference) => Some(prove(&control, &cx, reference).await.map_err(explain)?),
            None => None,
        };
        if let Some(key) = &service {
            println!("{} signs", key.reference);
        }
        for roles in [listed, delegated] {
            if !roles.is_empty() {
                let rotation = RotateKeys {
                    roles,
                    elsewhere: elsewhere.clone(),
                    service: service.clone(),
                    replaces: self.old.clone(),
                    compromised: self.compromised,
                };
                self.repository(&control, &cx, rotation).await?;
            }
        }
        for signs in self.roles {
            let compromised = self.compromised;
            let rotation = match signs {
                Signs::Token => control.run(&cx, RotateTokenKey { compromised }).await,
                Signs::AuditLog => control.run(&cx, RotateAuditLog { compromised }).await,
                _ => continue,
            };
            said(signs, &rotation.map_err(explain)?, compromised, self.at.slug());
        }
        Ok(())
    }

    async fn repository(&self, control: &Control, cx: &Ctx, rotation: RotateKeys) -> Result<()> {
        let done = control.run(cx, rotation).await.map_err(explain)?;
        for (role, id) in &done.keys {
            println!("new {role} key: {id}");
        }
        match done.rotated {
            Rotated::Done => println!("done: the new keys sign, the old ones are destroyed"),
            Rotated::Proposed(proposal) => {
                file::write(&self.out, 0o644, proposal.to_json().as_bytes())?;
                println!("the old keys go on until the next root is signed and submitted:");
                println!("  writ keys root sign {} --key FILE", self.out.display());
                println!("  writ keys root submit --tenant {} {}", self.at.slug(), self.out.display());
            }
            Rotated::Awaits(number) => println!("{}", awaits(number, self.at.slug())),
        }
        Ok(())
    }
}

/// What happens next with a key that policy names.
fn said(signs: Signs, rotation: &KeyRotation, compromised: bool, tenant: &str) {
    let name = if signs == Signs::Token { "token" } else { "audit-log" };
    println!("new {name} key: {}", rotation.key);
    match rotation.carried {
        Carried::Unneeded => println!("done: nothing is published yet, so nobody has to know it first"),
        Carried::Live(version) if compromised => println!("done: policy {version} names the new key only, and no older version may run"),
        Carried::Live(version) => {
            println!("policy {version} names both keys; the new one takes over once every gateway runs it (see writ keys list)");
        }
        Carried::Awaits(number) => println!("{}", awaits(number, tenant)),
        Carried::NextPublish => {
            println!("a candidate awaits its signature; the publish after it tells gateways of the new key, which takes over then");
        }
    }
}
