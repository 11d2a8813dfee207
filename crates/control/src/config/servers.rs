//! MCP servers and their tools: imported whole, bound by a person, denied otherwise.

use super::limits;
use super::unread::{self, Unread, unread};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::valid_name;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::{Scope, Server, Tool};
use url::{Host, Url};

/// A tool as the server shows it, already bounded by whoever fetched it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedTool {
    /// Its name.
    pub name: String,
    /// Untrusted; as much of it as is kept.
    pub description: String,
    /// How many characters it has in all.
    pub description_chars: u64,
    /// How many of them are not kept.
    pub description_unread: u64,
    /// JSON; untrusted.
    pub input_schema: String,
    /// JSON hints; untrusted.
    pub annotations: String,
    /// SHA-256 of its definition, hex.
    pub digest: String,
}

/// Registers an MCP server with the tools that it showed.
pub struct RegisterServer {
    /// Short name.
    pub name: String,
    /// The URI that clients use: the gateway's address and a path.
    pub resource: String,
    /// Where gateways forward to.
    pub upstream: String,
    /// What it showed.
    pub tools: Vec<ImportedTool>,
}

/// What is wrong with these, if anything, by form field. `others` are the servers that are there already.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_server<'s>(name: &str, resource: &str, upstream: &str, others: impl IntoIterator<Item = &'s Server>) -> Result<()> {
    let mut wrong = Vec::new();
    let mut say = |field, reason: String| wrong.push(crate::Invalid { field, reason });
    if let Err(error) = valid_name(name) {
        say("name", error.to_string());
    }
    match Url::parse(resource) {
        Ok(url) if resource_is_plain(&url, resource) => {}
        Ok(_) => say(
            "resource",
            "give https:// (or http:// on loopback), a host and a path, without query, fragment or trailing slash".to_owned(),
        ),
        Err(error) => say("resource", format!("this is no URI: {error}")),
    }
    match Url::parse(upstream) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
                && !upstream.contains(|c: char| c.is_control() || c.is_whitespace()) => {}
        Ok(_) => say("upstream", "give an http:// or https:// address without credentials, fragment or white space".to_owned()),
        Err(error) => say("upstream", format!("this is no address: {error}")),
    }
    if upstream == resource || others.into_iter().any(|other| is_beside(upstream, other)) {
        say(
            "upstream",
            "this is an address at a gateway; give the one where the real server listens. Are resource and upstream swapped?".to_owned(),
        );
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

/// Whether an address is the resource of this server, or lies beside it: `…/mcp/x` beside `…/mcp/incident`.
fn is_beside(address: &str, server: &Server) -> bool {
    let folder = server.resource.strip_suffix(&server.name).filter(|folder| Url::parse(folder).is_ok_and(|url| url.path().len() > 1));
    address == server.resource || folder.is_some_and(|folder| folder.ends_with('/') && address.starts_with(folder))
}

fn resource_is_plain(url: &Url, text: &str) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    // Clients compare it letter for letter, so it is kept in the one spelling that parsing leaves alone.
    scheme && bare && url.path().len() > 1 && !text.ends_with('/') && url.as_str() == text
}

impl UseCase for RegisterServer {
    type Out = String;
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let others = scene.db.all::<Server>().await?;
        check_server(&self.name, &self.resource, &self.upstream, &others)?;
        if others.iter().any(|server| server.name == self.name) {
            return Err(Error::invalid("name", "there is a server of that name"));
        }
        if others.iter().any(|server| server.resource == self.resource) {
            return Err(Error::invalid("resource", "there is a server at that URI"));
        }
        let id = scene.id("srv");
        let now = scene.cx.now_ms;
        let row = Server {
            id: id.clone(),
            name: self.name.clone(),
            resource: self.resource.clone(),
            upstream: self.upstream.clone(),
            imported_ms: now,
            created_ms: now,
        };
        scene.db.insert(row).await?;
        let tools = self.tools.iter().map(|tool| new_tool(&id, tool)).collect();
        scene.db.insert_all::<Tool>(tools).await?;
        scene.db.touch_draft().await?;
        let details = json!({ "name": self.name, "resource": self.resource, "upstream": self.upstream, "tools": self.tools.len() });
        let event = Event::new("server.register").on(&id).details(details);
        Ok(Done::new(id, event))
    }
}

fn new_tool(server: &str, tool: &ImportedTool) -> Tool {
    let (description_chars, description_unread) = unread::columns(tool);
    Tool {
        id: format!("{server}/{}", tool.name),
        server_id: server.to_owned(),
        name: tool.name.clone(),
        description: tool.description.clone(),
        description_chars,
        description_unread,
        input_schema: tool.input_schema.clone(),
        annotations: tool.annotations.clone(),
        digest: tool.digest.clone(),
        reviewed: None,
        scope: None,
        arguments: None,
        arguments_from: None,
        per_minute: None,
        present: 1,
        version: 1,
    }
}

/// Takes the server's tools anew. What a person reviewed stays reviewed as it was: a tool that changed is denied until it is bound again.
pub struct RefreshTools {
    /// Which server.
    pub server: String,
    /// What it shows now.
    pub tools: Vec<ImportedTool>,
}

/// What a new look at a server found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshed {
    /// Tools that were not known.
    pub new: usize,
    /// Tools whose definition changed.
    pub changed: usize,
    /// Tools that are no longer offered.
    pub gone: usize,
}

impl UseCase for RefreshTools {
    type Out = Refreshed;
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Refreshed>> {
        let mut server = scene.db.get::<Server>(&self.server).await?.ok_or(Error::NotFound)?;
        let found = take(scene, &server.id, &self.tools).await?;
        server.imported_ms = scene.cx.now_ms;
        let event = Event::new("server.refresh").on(&server.id).details(found.details());
        scene.db.update(server).await?;
        if found.offers_others() {
            scene.db.touch_draft().await?;
        }
        Ok(Done::new(found.counted(), event))
    }
}

/// What a new look at a server found, by name.
#[derive(Default)]
pub(super) struct Found {
    new: BTreeSet<String>,
    changed: BTreeSet<String>,
    gone: BTreeSet<String>,
    back: BTreeSet<String>,
}

impl Found {
    /// Whether there are other tools than before. A changed definition alone changes nothing that is compiled: the policy keeps the digest
    /// that a person accepted.
    fn offers_others(&self) -> bool {
        !(self.new.is_empty() && self.gone.is_empty() && self.back.is_empty())
    }

    /// For the log.
    pub(super) fn details(&self) -> Value {
        json!({ "new": self.new, "changed": self.changed, "gone": self.gone, "back": self.back })
    }

    fn counted(&self) -> Refreshed {
        Refreshed { new: self.new.len(), changed: self.changed.len(), gone: self.gone.len() }
    }
}

/// Takes the tools that a server shows now. Each keeps, by its name, what was reviewed of it and what it is bound to.
pub(super) async fn take(scene: &Scene<'_>, server: &str, tools: &[ImportedTool]) -> Result<Found> {
    let mut known: BTreeMap<String, Tool> = scene.db.tools_of(server).await?.into_iter().map(|tool| (tool.name.clone(), tool)).collect();
    let mut found = Found::default();
    for tool in tools {
        let Some(row) = known.remove(&tool.name) else {
            found.new.insert(tool.name.clone());
            scene.db.insert(new_tool(server, tool)).await?;
            continue;
        };
        if row.digest != tool.digest {
            found.changed.insert(tool.name.clone());
        }
        if row.present == 0 {
            found.back.insert(tool.name.clone());
        }
        let fresh = Tool {
            reviewed: row.reviewed.clone(),
            scope: row.scope.clone(),
            arguments: row.arguments.clone(),
            arguments_from: row.arguments_from.clone(),
            per_minute: row.per_minute,
            version: row.version,
            ..new_tool(server, tool)
        };
        if fresh != row {
            scene.db.update(Tool { version: row.version + 1, ..fresh }).await?;
        }
    }
    for (name, mut row) in known.into_iter().filter(|(_, row)| row.present == 1) {
        found.gone.insert(name);
        row.present = 0;
        row.version += 1;
        scene.db.update(row).await?;
    }
    Ok(found)
}

/// Binds a tool to a scope, which also says that its definition was reviewed; or takes the binding away.
pub struct BindTool {
    /// Which server.
    pub server: String,
    /// Which tool.
    pub tool: String,
    /// What a caller needs from now on; `None`: the tool is denied.
    pub scope: Option<String>,
    /// Digest of the definition that was looked at. It is over the whole, also over what is not kept of a long description.
    pub definition: String,
    /// Whether the person said that they accept what is not kept, and so was read by nobody here.
    pub accept_unread: bool,
}

impl UseCase for BindTool {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let mut tool = scene.db.get::<Tool>(&format!("{}/{}", self.server, self.tool)).await?.ok_or(Error::NotFound)?;
        if tool.digest != self.definition {
            return Err(Error::Changed(format!("the definition of {} changed since the page was opened", tool.name)));
        }
        if let Some(scope) = &self.scope
            && scene.db.get::<Scope>(scope).await?.is_none()
        {
            return Err(Error::invalid("scope", "there is no such scope"));
        }
        if self.scope.is_some() && !self.accept_unread && unread(&tool) != Unread::Nothing {
            return Err(Error::invalid(
                "accept_unread",
                "say that you accept what nobody here can read, or have the tool's description shortened",
            ));
        }
        // The log keeps what was accepted word for word, so that a later change can be shown beside it.
        let details = json!({
            "tool": tool.name, "from": tool.scope, "to": self.scope, "definition": tool.digest,
            "accepted": { "description": tool.description, "unread": tool.description_unread, "input_schema": tool.input_schema, "annotations": tool.annotations },
        });
        let event = Event::new("tool.bind").on(&self.server).details(details);
        tool.reviewed = self.scope.as_ref().map(|_| tool.digest.clone());
        tool.scope.clone_from(&self.scope);
        if tool.arguments_from.as_deref() == Some(limits::REVIEWED) {
            // What is accepted now is what arguments have to satisfy from now on.
            limits::check_schema(&tool.input_schema)?;
            tool.arguments = Some(tool.input_schema.clone());
        }
        tool.version += 1;
        scene.db.update(tool).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), event))
    }
}
