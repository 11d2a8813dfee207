//! Configuration: roles, scopes, groups, servers, tools, clients, agents, the IdP connection.
//!
//! Whatever is compiled into policy raises the tenant's draft number, so that the console can say that something waits for a publish.

mod agents;
mod classes;
mod clients;
mod groups;
mod idp;
mod people;
mod roles;
mod scopes;
mod servers;

pub use agents::{EditAgent, RegisterAgent};
pub use classes::defaults;
pub use clients::{EditClient, RegisterClient};
pub use groups::{MapGroup, UnmapGroup};
pub use idp::{idp, idp_secret, idp_version, SetIdp};
pub use people::{people, person, PersonView, RevokeAdmin};
pub use roles::{preview, role, roles, CreateRole, DeleteRole, EditRole, ImportPreview, ImportRoleFile, RoleView};
pub use scopes::{EditScope, heads};
pub use servers::{check as check_server, BindTool, ImportedTool, RefreshTools, RegisterServer};

use crate::error::{Error, Result};
use crate::scene::Scene;
use std::collections::BTreeSet;
use store::Scope;

/// A display name: one line, at most 80 characters.
fn display_name(field: &'static str, given: &str) -> Result<String> {
    let name = given.trim();
    match name.chars().count() {
        0 => Err(Error::invalid(field, "give a name")),
        1..=80 if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => Err(Error::invalid(field, "use one line of at most 80 characters")),
    }
}

/// A ceiling: none, or scopes that exist.
async fn ceiling(scene: &Scene<'_>, given: &Option<BTreeSet<String>>) -> Result<()> {
    for scope in given.iter().flatten() {
        if scene.db.get::<Scope>(scope).await?.is_none() {
            return Err(Error::invalid("ceiling", format!("there is no scope {scope}")));
        }
    }
    Ok(())
}
