//! Configuration: roles, scopes, groups, servers, tools, clients, agents, the IdP connection.
//!
//! Whatever is compiled into policy raises the tenant's draft number, so that the console can say that something waits for a publish.

mod agents;
mod classes;
mod clients;
mod explain;
mod groups;
mod history;
mod home;
mod idp;
pub(crate) mod limits;
mod people;
mod questions;
mod reach;
mod roles;
mod scopes;
mod server_edit;
mod server_remove;
mod servers;
mod unread;

pub use agents::{EditAgent, RegisterAgent, agent_version, public_key};
pub use classes::{NarrowClass, defaults};
pub use clients::{EditClient, RegisterClient, client_version, redirect_uris};
pub use explain::{Explanation, Question, explain};
pub use groups::{MapGroup, UnmapGroup};
pub use history::Edit;
pub use home::{Home, Live, Setup, home};
pub(crate) use idp::secret_place;
pub use idp::{IdpCheck, NoteIdpCheck, SetIdp, idp, idp_secret, idp_version, issuer, last_idp_check};
pub use limits::{Arguments, EditLimits, LimitTool, check_schema, limits, limits_version, per_minute};
pub use people::{AdminView, PersonView, RevokeAdmin, admins, people, person};
pub use questions::{
    AgentView, ClientView, ServerView, ToolView, agent, agents, bundle_sizes, classes, client, clients, last_edit, live_roles, reach,
    scopes, server, servers,
};
pub use reach::Reach;
pub use roles::{
    CreateRole, DeleteRole, EditRole, ImportPreview, ImportRoleFile, RoleConflict, RoleView, preview, role, role_conflict, roles,
};
pub use scopes::EditScope;
pub use server_edit::{EditServer, check_edit, server_version};
pub use server_remove::{Removal, RemoveServer, server_removal};
pub use servers::{BindTool, ImportedTool, RefreshTools, Refreshed, RegisterServer, check_server};
pub use unread::{Unread, unread};

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

/// Tells states apart, for forms that must not overwrite what they did not show. 52 bits, so that every program can hold it.
fn fingerprint(state: &serde_json::Value) -> u64 {
    let digest = crate::chance::sha256_hex(state.to_string());
    u64::from_str_radix(&digest[..13], 16).unwrap_or_default()
}
