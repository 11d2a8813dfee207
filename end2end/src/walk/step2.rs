//! Roles, groups, and the server *incident* with its tools.

use super::{ROLE_FILE, Story, Telling};
use crate::console::Person;
use anyhow::Result;

pub(super) const TITLE: &str = "the admin imports roles, maps groups, and registers the MCP server incident by its URL";

/// The tools of *incident*; each is bound to the scope of its name.
pub(super) const TOOLS: [&str; 3] = ["incidents.trigger", "logs.debug.write", "logs.read"];
/// The one that is left unbound until step 4.
pub(super) const UNBOUND: &str = "logs.debug.write";

pub(super) async fn roles_and_groups(ada: &mut Person) -> Result<bool> {
    let imported = !ada.import_roles(ROLE_FILE).await?.is_empty();
    ada.assign("engineering", "developer").await?;
    ada.assign("sre", "sre").await?;
    Ok(imported)
}

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let ada = &mut story.ada;
    let broken = ada.preview_roles("roles:\n  developer: [logs.read\n  sre: [x]\n").await?;
    told.equal("a malformed role file", broken.status.as_u16(), 422);
    told.expect("is refused with its line, and nothing is imported", broken.says("Nothing was imported.") && broken.says("Line "));

    let new = roles_and_groups(ada).await?;
    told.note(if new { "the role file was previewed and saved to the draft" } else { "the role file says what is already so" });
    let scopes = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    told.equal("role developer", ada.role_scopes("developer").await?, scopes(&["analytics.query", "logs.read"]));
    told.equal("role sre", ada.role_scopes("sre").await?, scopes(&["incidents.trigger", "logs.debug.write", "logs.read"]));
    told.note("groups: engineering gives developer, sre gives sre");

    let (resource, upstream) = (story.places.resource("incident"), story.places.incident.clone());
    let server = ada.register_server("incident", &resource, &upstream).await?;
    told.equal("tools that Writ read from the server itself", server.tools.keys().map(String::as_str).collect(), TOOLS.to_vec());
    for tool in TOOLS.into_iter().filter(|tool| *tool != UNBOUND) {
        ada.bind(&server, tool, Some(tool)).await?;
    }
    ada.bind(&server, UNBOUND, None).await?;
    let server = ada.server(&server.id).await?;
    for tool in TOOLS {
        let bound = server.tools.get(tool).cloned().flatten();
        told.equal(format!("{tool} needs the scope"), bound.as_deref(), (tool != UNBOUND).then_some(tool));
    }
    let page = ada.see(&format!("/servers/{}", server.id)).await?;
    told.expect("the page says that the unbound tool is denied", page.says("1 tool not bound to a scope, so every call is denied."));
    story.incident = Some(server);

    // An earlier telling that broke off may have left grants that would make this one different.
    for grant in ada.active_grants().await? {
        ada.revoke(&grant, "left over from an earlier walk").await?;
        told.note(format!("cleared {grant}, left over from an earlier walk"));
    }
    Ok(())
}
