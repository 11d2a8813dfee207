//! What to take back or block, as options.

use super::tenant::explain;
use anyhow::{Result, anyhow, bail};
use clap::Args;
use control::governance::person_called;
use control::{Control, Ctx, Error};
use policy::Target;

/// What was issued. Whoever it was of may sign in again.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Issued {
    /// Everything that this person holds now: sign them out everywhere. By id (`usr_…`), subject at the identity provider, or address.
    #[arg(long, value_name = "PERSON", help_heading = "Take back")]
    subject: Option<String>,
    /// One sign-in, by the `sid` of its tokens.
    #[arg(long, value_name = "SID", help_heading = "Take back")]
    session: Option<String>,
    /// One connection of a client, by the `lineage` of its tokens.
    #[arg(long, value_name = "LINEAGE", help_heading = "Take back")]
    lineage: Option<String>,
    /// One access token, by its `jti`.
    #[arg(long, value_name = "JTI", help_heading = "Take back")]
    token: Option<String>,
    /// One grant, by id.
    #[arg(long, value_name = "GRANT", help_heading = "Take back")]
    grant: Option<String>,
}

impl Issued {
    /// The target, if one of these options was given.
    ///
    /// # Errors
    /// When nobody, or more than one person, is called so.
    pub async fn target(&self, control: &Control, cx: &Ctx) -> Result<Option<Target>> {
        let plain = [
            self.session.clone().map(Target::Session),
            self.lineage.clone().map(Target::Lineage),
            self.token.clone().map(Target::Token),
            self.grant.clone().map(Target::Grant),
        ];
        match &self.subject {
            Some(text) => Ok(Some(Target::Subject(person(control, cx, text).await?))),
            None => Ok(plain.into_iter().flatten().next()),
        }
    }
}

/// What can be blocked until somebody lifts it.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Blockable {
    /// A person: every call of theirs. By id (`usr_…`), subject at the identity provider, or address.
    #[arg(long, value_name = "PERSON", help_heading = "Block")]
    user: Option<String>,
    /// A client: every call through it. By id.
    #[arg(long, value_name = "CLIENT", help_heading = "Block")]
    client: Option<String>,
    /// An agent: every call that it takes part in. By id.
    #[arg(long, value_name = "AGENT", help_heading = "Block")]
    agent: Option<String>,
    /// An MCP server: every call to it. By id or resource URI.
    #[arg(long, value_name = "SERVER", help_heading = "Block")]
    server: Option<String>,
    /// One scope as this role gives it; goes with --scope.
    #[arg(long, requires = "scope", help_heading = "Block")]
    role: Option<String>,
    /// The scope of --role.
    #[arg(long, requires = "role", help_heading = "Block")]
    scope: Option<String>,
    /// Every call of the tenant.
    #[arg(long, help_heading = "Block")]
    everything: bool,
}

impl Blockable {
    /// The target.
    ///
    /// # Errors
    /// When nobody, or more than one person, is called so.
    pub async fn target(&self, control: &Control, cx: &Ctx) -> Result<Target> {
        if let Some(text) = &self.user {
            return Ok(Target::User(person(control, cx, text).await?));
        }
        let named = [
            self.client.clone().map(Target::Client),
            self.agent.clone().map(Target::Agent),
            self.server.clone().map(Target::Server),
            self.role.clone().zip(self.scope.clone()).map(|(role, scope)| Target::RoleScope { role, scope }),
            self.everything.then_some(Target::Tenant),
        ];
        match named.into_iter().flatten().next() {
            // Gateways compare resource URIs.
            Some(Target::Server(given)) => {
                let by_id = control.read(cx).get::<store::Server>(&given).await?;
                Ok(Target::Server(by_id.map_or(given, |server| server.resource)))
            }
            Some(target) => Ok(target),
            None => bail!("say what: see --help"),
        }
    }
}

async fn person(control: &Control, cx: &Ctx, text: &str) -> Result<String> {
    match person_called(control, cx, text).await {
        Ok(user) => Ok(user.id),
        Err(Error::NotFound) => Err(anyhow!("nobody in this tenant has the id, the subject or the address {text}; nothing was changed")),
        Err(other) => Err(explain(other)),
    }
}
