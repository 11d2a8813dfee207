//! Mending the name and the upstream address of an MCP server. Its resource URI stays: tokens and grants name it.

use super::fingerprint;
use super::servers::{Found, ImportedTool, check_server, take};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::Server;

/// Changes a server's name and where gateways forward to. From the next publish on, that is.
pub struct EditServer {
    /// Which server.
    pub server: String,
    /// [`server_version`] of what the editor saw.
    pub version: u64,
    /// Its short name.
    pub name: String,
    /// Where gateways forward to.
    pub upstream: String,
    /// What the server at a new address showed; none where the address stays.
    pub tools: Option<Vec<ImportedTool>>,
}

impl UseCase for EditServer {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let old = scene.db.get::<Server>(&self.server).await?.ok_or(Error::NotFound)?;
        if server_version(&old) != self.version {
            return Err(Error::Changed(format!("the server {} was changed by somebody else", old.name)));
        }
        let mut others = scene.db.all::<Server>().await?;
        others.retain(|other| other.id != old.id);
        check_edit(&old, &self.name, &self.upstream, &others)?;
        let moved = old.upstream != self.upstream;
        let found = match (&self.tools, moved) {
            (Some(tools), true) => take(scene, &old.id, tools).await?,
            // Nothing that nobody looked at gets behind a resource that people hold tokens for.
            (None, true) => return Err(Error::invalid("upstream", "its tools have to be read at the new address first")),
            (_, false) => Found::default(),
        };
        let details = json!({
            "name": self.name, "upstream": self.upstream, "from": { "name": old.name, "upstream": old.upstream }, "tools": found.details(),
        });
        let imported_ms = if moved { scene.cx.now_ms } else { old.imported_ms };
        let row = Server { name: self.name.clone(), upstream: self.upstream.clone(), imported_ms, ..old.clone() };
        if moved || row.name != old.name {
            scene.db.update(row).await?;
            scene.db.touch_draft().await?;
        }
        Ok(Done::new((), Event::new("server.edit").on(&self.server).details(details)))
    }
}

/// What is wrong with a new name and a new address for `server`, if anything, by form field. `others` are all other servers.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_edit(server: &Server, name: &str, upstream: &str, others: &[Server]) -> Result<()> {
    check_server(name, &server.resource, upstream, others)?;
    if others.iter().any(|other| other.name == name) {
        return Err(Error::invalid("name", "there is a server of that name"));
    }
    Ok(())
}

/// Tells one state of a server's registration from another.
pub fn server_version(server: &Server) -> u64 {
    fingerprint(&json!([server.name, server.resource, server.upstream]))
}
