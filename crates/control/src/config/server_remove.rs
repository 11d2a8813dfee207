//! Forgetting an MCP server, and what stops with it.

use super::fingerprint;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::governance::is_blocked;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::Target;
use serde_json::json;
use store::{GrantFilter, GrantIs, Reader, Request, Server, Tool};

/// Forgets a server and its tools. Nothing of it can be called once that is published; grants for it end by themselves.
pub struct RemoveServer {
    /// Which.
    pub server: String,
    /// [`Removal::version`] of what was shown.
    pub version: u64,
}

/// What stops when a server is removed and that is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// The server.
    pub server: Server,
    /// Its tools as `(name, scope)`, those that it offers no more left out.
    pub tools: Vec<(String, Option<String>)>,
    /// Grants on its resource that are in force now.
    pub grants: u64,
    /// Requests for it that wait for a decision. They can no longer be approved.
    pub requests: u64,
    /// Whether its resource is blocked. The block stays.
    pub blocked: bool,
    /// The live policy, if it has this server: gateways obey it until the next publish.
    pub live: Option<u64>,
    /// Tells this state from another.
    pub version: u64,
}

/// What stops when this server is removed.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::WriteConfig`].
pub async fn server_removal(control: &Control, cx: &Ctx, id: &str) -> Result<Removal> {
    cx.needs(Permission::WriteConfig)?;
    let db = control.read(cx);
    let server = db.get::<Server>(id).await?.ok_or(Error::NotFound)?;
    let tools = db.tools_of(id).await?;
    let active =
        GrantFilter { resource: Some(server.resource.clone()), state: Some(GrantIs::Active), now_s: cx.now_s(), ..GrantFilter::default() };
    let live = crate::delivery::compile::live(&db).await?.filter(|policy| policy.servers.contains_key(&server.resource));
    Ok(Removal {
        grants: db.all_grants(&active).await?.len() as u64,
        requests: waiting(&db, &server, cx.now_ms).await?,
        blocked: is_blocked(&db, &Target::Server(server.resource.clone())).await?,
        live: live.map(|policy| policy.version),
        version: version(&server, &tools),
        tools: tools.into_iter().filter(|tool| tool.present == 1).map(|tool| (tool.name, tool.scope)).collect(),
        server,
    })
}

/// How many requests for the server can still be decided.
async fn waiting(db: &Reader<'_>, server: &Server, now_ms: i64) -> Result<u64> {
    let pending: Vec<Request> = db.requests_in("pending").await?;
    Ok(pending.iter().filter(|request| request.server_id == server.id && request.expires_ms > now_ms).count() as u64)
}

/// Of the server and all that goes with it, so that no binding goes that its remover did not see.
fn version(server: &Server, tools: &[Tool]) -> u64 {
    let mut bound: Vec<_> = tools.iter().map(|tool| (&tool.name, &tool.scope, tool.present)).collect();
    bound.sort_unstable();
    fingerprint(&json!([server.name, server.resource, server.upstream, bound]))
}

impl UseCase for RemoveServer {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let server = scene.db.get::<Server>(&self.server).await?.ok_or(Error::NotFound)?;
        let tools = scene.db.tools_of(&server.id).await?;
        if version(&server, &tools) != self.version {
            return Err(Error::Changed(format!("the server {} or its tools were changed by somebody else", server.name)));
        }
        let bound: Vec<_> = tools.iter().filter_map(|tool| Some((&tool.name, tool.scope.as_ref()?))).collect();
        let details = json!({ "name": server.name, "resource": server.resource, "upstream": server.upstream, "bound": bound });
        for tool in &tools {
            scene.db.delete::<Tool>(&tool.id).await?;
        }
        scene.db.delete::<Server>(&server.id).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), Event::new("server.remove").on(server.id).details(details)))
    }
}
