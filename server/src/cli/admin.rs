//! `writ admin …`: straight on the database, audited like everything else.

use super::tenant::{Tenant, explain};
use crate::compose::{self, DataArgs};
use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use control::delivery::{RemoveGateway, own_gateway_named};
use control::tenancy::{CreateTenant, GrantAdmin, Holder};
use control::{AdminRole, Error};
use futures::{FutureExt as _, StreamExt as _, stream};
use std::path::PathBuf;

/// How many tokens are made at the same time.
const TOGETHER: usize = 64;

/// Administer from the host's shell.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make a tenant.
    CreateTenant {
        #[command(flatten)]
        data: DataArgs,
        /// Slug, as in URLs: a-z, 0-9 and -.
        slug: String,
        /// As people say it.
        #[arg(long)]
        name: String,
    },
    /// Connect the identity provider, or mend the connection.
    SetIdp {
        #[command(flatten)]
        at: Tenant,
        /// Exact issuer URL.
        #[arg(long)]
        issuer: String,
        /// Our client id there.
        #[arg(long)]
        client_id: String,
        /// File with our client secret there.
        #[arg(long)]
        client_secret_file: Option<PathBuf>,
        /// The claim that holds a person's groups.
        #[arg(long, default_value = "groups")]
        groups_claim: String,
    },
    /// Give one of Writ's own admin roles: owner, iam_admin, approver, operator or auditor.
    Grant {
        #[command(flatten)]
        at: Tenant,
        /// To the person with this `sub` at the identity provider.
        #[arg(long, required_unless_present = "group", conflicts_with = "group")]
        subject: Option<String>,
        /// To everyone with this group.
        #[arg(long)]
        group: Option<String>,
        /// Which role.
        #[arg(long)]
        role: String,
    },
    /// Print a one-time link that signs in as owner for an hour, for when the identity provider does not let anybody in.
    SignInLink {
        #[command(flatten)]
        at: Tenant,
    },
    /// Print a one-time enrolment token for a gateway, good for 15 minutes.
    EnrolGateway {
        #[command(flatten)]
        at: Tenant,
        /// The gateway's name. May be given several times: then each line holds a name and its token.
        #[arg(long, required = true)]
        name: Vec<String>,
        /// The name is taken: the new gateway takes the old one's place, and the old key stops working when the token is used.
        #[arg(long)]
        replace: bool,
    },
    /// Take a gateway out of the fleet, one that is gone for good or whose key was stolen: its key counts no more, and nobody waits for it.
    RemoveGateway {
        #[command(flatten)]
        at: Tenant,
        /// The gateway's name.
        #[arg(long)]
        name: String,
    },
}

impl Admin {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::CreateTenant { data, slug, name } => {
                let control = compose::control(&data).await?;
                control.create_tenant(&slug, CreateTenant { name }).await.map_err(explain)?;
                println!("made tenant {slug}");
            }
            Self::SetIdp { at, issuer, client_id, client_secret_file, groups_claim } => {
                let (control, cx) = at.open().await?;
                let client_secret = client_secret_file.map(|file| read_secret(&file)).transpose()?;
                let version = control::config::idp_version(&control, &cx).await.map_err(explain)?;
                let set = control::config::SetIdp { issuer, client_id, client_secret, groups_claim, version };
                control.run(&cx, set).await.map_err(explain)?;
                println!("redirect URI to register there: {}/signin/callback", control.parts().issuer(&cx.tenant));
            }
            Self::Grant { at, subject, group, role } => {
                let (control, cx) = at.open().await?;
                let Some(role) = AdminRole::parse(&role) else {
                    bail!("there is no admin role {role}; choose owner, iam_admin, approver, operator or auditor")
                };
                let holder = match (subject, group) {
                    (Some(subject), _) => Holder::Subject(subject),
                    (None, Some(group)) => Holder::Group(group),
                    (None, None) => bail!("give --subject or --group"),
                };
                control.run(&cx, GrantAdmin { holder, role }).await.map_err(explain)?;
                println!("given");
            }
            Self::SignInLink { at } => {
                let (control, cx) = at.open().await?;
                println!("{}", control.run(&cx, control::signin::CreateSignInLink).await.map_err(explain)?);
            }
            Self::EnrolGateway { at, name, replace } => {
                let (control, cx) = at.open().await?;
                let token = |name: String| {
                    let (control, cx) = (&control, &cx);
                    async move {
                        match replace {
                            true => control.run(cx, control::delivery::ReplaceGateway { name }).await,
                            false => control.run(cx, control::delivery::CreateEnrolment { name }).await,
                        }
                    }
                };
                let is_one = name.len() == 1;
                // Together, since what is written at the same time is written at once; printed as they come, in their order.
                let mut tokens = stream::iter(name).map(|name| token(name.clone()).map(|token| (name, token))).buffered(TOGETHER);
                while let Some((name, token)) = tokens.next().await {
                    let token = token.map_err(explain).with_context(|| format!("gateway {name}"))?;
                    if is_one { println!("{token}") } else { println!("{name} {token}") }
                }
            }
            Self::RemoveGateway { at, name } => {
                let (control, cx) = at.open().await?;
                let id = own_gateway_named(&control, &cx, &name).await.map_err(|error| match error {
                    Error::NotFound => anyhow!("there is no gateway {name} in the fleet"),
                    other => explain(other),
                })?;
                control.run(&cx, RemoveGateway { id }).await.map_err(explain)?;
                println!("removed {name}");
            }
        }
        Ok(())
    }
}

fn read_secret(file: &std::path::Path) -> Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.permissions().mode();
    if mode & 0o007 != 0 {
        bail!("{} may be read by everybody; run: chmod 600 {}", file.display(), file.display());
    }
    Ok(std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?.trim().to_owned())
}
