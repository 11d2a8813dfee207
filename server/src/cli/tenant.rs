//! Which tenant a command is about, and errors as sentences for the shell.

use crate::compose::{self, DataArgs};
use anyhow::Result;
use clap::Args;
use control::{Actor, Control, Ctx, Error};

/// Which tenant of which installation.
#[derive(Debug, Args)]
pub struct Tenant {
    #[command(flatten)]
    data: DataArgs,
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
}

impl Tenant {
    /// Opens the database, as somebody on the host's shell.
    ///
    /// # Errors
    /// When it cannot be opened, or there is no such tenant.
    pub async fn open(&self) -> Result<(Control, Ctx)> {
        let control = compose::control(&self.data).await?;
        let cx = control.ctx(&self.tenant, Actor::Host, "shell").await.map_err(|error| match error {
            Error::NotFound => {
                anyhow::anyhow!("there is no tenant {}; make it with: writ admin create-tenant {} --name NAME", self.tenant, self.tenant)
            }
            other => explain(other),
        })?;
        Ok((control, cx))
    }

    /// The tenant's slug.
    pub fn slug(&self) -> &str {
        &self.tenant
    }
}

/// A use case's error as a sentence for the shell.
pub fn explain(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => {
            let fields: Vec<String> = fields.into_iter().map(|field| format!("{}: {}", field.field, field.reason)).collect();
            anyhow::anyhow!(fields.join("; "))
        }
        Error::Refused { text, .. } => anyhow::anyhow!(text),
        // At the host's shell the cause is said, too.
        Error::NotSigned(error) => anyhow::anyhow!("{error}").context(error.said()),
        other => anyhow::Error::new(other),
    }
}
