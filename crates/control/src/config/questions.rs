//! What configuration pages ask: rows with what hangs on them.

use super::history::{Edit, accepted, newest};
use super::reach::Reach;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::{self, Drifted, compile};
use crate::error::{Error, Result};
use crate::governance::is_blocked;
use crate::permission::Permission;
use policy::{Name, ScopeSet, Target};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Agent, AuditFilter, Class, Client, Gateway, Page, Reader, Scope, Server, Tool, User};

/// Whom roles, scopes and groups reach.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn reach(control: &Control, cx: &Ctx) -> Result<Reach> {
    cx.needs(Permission::ReadConfig)?;
    Reach::load(&control.read(cx)).await
}

/// What the live policy's roles give; none before the first publish.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn live_roles(control: &Control, cx: &Ctx) -> Result<BTreeMap<Name, ScopeSet>> {
    cx.needs(Permission::ReadConfig)?;
    Ok(compile::live(&control.read(cx)).await?.map(|policy| policy.roles).unwrap_or_default())
}

/// Who last did something to `object` whose action begins with `action`.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn last_edit(control: &Control, cx: &Ctx, action: &str, object: &str) -> Result<Option<Edit>> {
    cx.needs(Permission::ReadConfig)?;
    newest(&control.read(cx), action, object).await
}

/// All scopes.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn scopes(control: &Control, cx: &Ctx) -> Result<Vec<Scope>> {
    cx.needs(Permission::ReadConfig)?;
    Ok(control.read(cx).all::<Scope>().await?)
}

/// The names of the classes of a kind: `client` or `agent`.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn classes(control: &Control, cx: &Ctx, kind: &str) -> Result<Vec<String>> {
    cx.needs(Permission::ReadConfig)?;
    let classes = control.read(cx).all::<Class>().await?;
    Ok(classes.into_iter().filter(|class| class.kind == kind).map(|class| class.name).collect())
}

/// The size of each published policy in bytes, by version.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn bundle_sizes(control: &Control, cx: &Ctx) -> Result<HashMap<i64, i64>> {
    cx.needs(Permission::ReadConfig)?;
    Ok(control.read(cx).bundle_sizes().await?)
}

/// A server with its tools.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerView {
    /// The server.
    pub server: Server,
    /// Its tools, those that are gone among them.
    pub tools: Vec<ToolView>,
}

/// A tool against what was reviewed of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolView {
    /// The tool as it is now.
    pub tool: Tool,
    /// The definition that a person accepted, where that is another: `description`, `input_schema` and `annotations`, each a text.
    pub accepted: Option<Value>,
    /// Names of gateways that see it defined otherwise than was reviewed.
    pub seen_changed_by: Vec<String>,
}

impl ToolView {
    /// Whether its definition is not the one that was reviewed, so that it is denied: as it was last read here, or as a gateway sees it.
    pub fn drifted(&self) -> bool {
        self.tool.present == 1 && (self.read_changed() || !self.seen_changed_by.is_empty())
    }

    /// Whether it was already changed when it was last read here.
    pub fn read_changed(&self) -> bool {
        self.tool.reviewed.as_ref().is_some_and(|reviewed| *reviewed != self.tool.digest)
    }
}

/// Which gateways see which tools changed, by resource and tool.
struct Seen(HashMap<(String, String), Vec<(String, String)>>);

impl Seen {
    async fn load(db: &Reader<'_>) -> Result<Self> {
        let mut seen: HashMap<_, Vec<_>> = HashMap::new();
        for gateway in db.all::<Gateway>().await? {
            for Drifted { resource, tool, digest } in delivery::drifted(&gateway) {
                seen.entry((resource, tool)).or_default().push((gateway.name.clone(), digest));
            }
        }
        Ok(Self(seen))
    }

    /// A tool, with what gateways that run an older policy hold against it left out.
    fn view(&self, server: &Server, tool: Tool) -> ToolView {
        let seen = self.0.get(&(server.resource.clone(), tool.name.clone())).map_or(&[][..], Vec::as_slice);
        let changed = seen.iter().filter(|(_, digest)| tool.reviewed.as_ref().is_some_and(|reviewed| reviewed != digest));
        ToolView { seen_changed_by: changed.map(|(name, _)| name.clone()).collect(), tool, accepted: None }
    }
}

/// All servers with their tools; no accepted definitions.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn servers(control: &Control, cx: &Ctx) -> Result<Vec<ServerView>> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let mut tools: BTreeMap<String, Vec<Tool>> = BTreeMap::new();
    for tool in db.all::<Tool>().await? {
        tools.entry(tool.server_id.clone()).or_default().push(tool);
    }
    let (rows, seen) = (db.all::<Server>().await?, Seen::load(&db).await?);
    let view = |server: Server| {
        let tools = tools.remove(&server.id).unwrap_or_default().into_iter().map(|tool| seen.view(&server, tool)).collect();
        ServerView { server, tools }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// One server with its tools, and for each that changed what was accepted.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn server(control: &Control, cx: &Ctx, id: &str) -> Result<ServerView> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let server = db.get::<Server>(id).await?.ok_or(Error::NotFound)?;
    let (mut tools, seen) = (Vec::new(), Seen::load(&db).await?);
    for tool in db.tools_of(id).await? {
        let mut view = seen.view(&server, tool);
        if view.read_changed()
            && let Some(reviewed) = &view.tool.reviewed
        {
            view.accepted = accepted(&db, id, reviewed).await?.map(|edit| edit.details["accepted"].clone());
        }
        tools.push(view);
    }
    Ok(ServerView { server, tools })
}

/// When somebody last came through this client, or with this agent (Unix milliseconds).
async fn last_use(db: &Reader<'_>, filter: AuditFilter) -> Result<Option<i64>> {
    Ok(db.audit(&filter, &Page::first(1)).await?.pop().map(|event| event.at_ms))
}

/// A client with what is known of its use.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientView {
    /// The client.
    pub client: Client,
    /// Whether it is blocked.
    pub blocked: bool,
    /// People who allowed it something.
    pub people: u64,
    /// Last use, Unix milliseconds.
    pub seen_ms: Option<i64>,
    /// What its class and itself are bounded to; none: no bound.
    pub ceiling: Option<BTreeSet<String>>,
}

async fn client_view(db: &Reader<'_>, client: Client) -> Result<ClientView> {
    let class = db.get::<Class>(&format!("client/{}", client.class)).await?;
    Ok(ClientView {
        blocked: is_blocked(db, &Target::Client(client.id.clone())).await?,
        people: db.people_who_consented(&client.id).await?,
        seen_ms: last_use(db, AuditFilter { client: Some(client.id.clone()), ..AuditFilter::default() }).await?,
        ceiling: lower(class, client.ceiling.0.clone()),
        client,
    })
}

fn lower(class: Option<Class>, own: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    match (class.and_then(|class| class.ceiling.0), own) {
        (Some(class), Some(own)) => Some(class.intersection(&own).cloned().collect()),
        (class, own) => class.or(own),
    }
}

/// All clients.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn clients(control: &Control, cx: &Ctx) -> Result<Vec<ClientView>> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let mut views = Vec::new();
    for client in db.all::<Client>().await? {
        views.push(client_view(&db, client).await?);
    }
    Ok(views)
}

/// One client.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn client(control: &Control, cx: &Ctx, id: &str) -> Result<ClientView> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let client = db.get::<Client>(id).await?.ok_or(Error::NotFound)?;
    client_view(&db, client).await
}

/// An agent with its owners and what is known of its use.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentView {
    /// The agent.
    pub agent: Agent,
    /// Its owners' ids and names.
    pub owners: Vec<(String, String)>,
    /// Why it may not act; none when it may.
    pub why_not: Option<&'static str>,
    /// Last use, Unix milliseconds.
    pub seen_ms: Option<i64>,
    /// What its class and itself are bounded to; none: no bound.
    pub ceiling: Option<BTreeSet<String>>,
}

async fn agent_view(db: &Reader<'_>, agent: Agent) -> Result<AgentView> {
    let mut owners = Vec::new();
    for id in agent.owners.iter() {
        if let Some(user) = db.get::<User>(id).await? {
            owners.push((user.id, user.name));
        }
    }
    let why_not = if is_blocked(db, &Target::Agent(agent.id.clone())).await? {
        Some("Somebody blocked it.")
    } else if owners.is_empty() {
        Some("Nobody answers for it.")
    } else {
        None
    };
    let class = db.get::<Class>(&format!("agent/{}", agent.class)).await?;
    let seen_ms = last_use(db, AuditFilter { agent: Some(agent.id.clone()), ..AuditFilter::default() }).await?;
    Ok(AgentView { ceiling: lower(class, agent.ceiling.0.clone()), agent, owners, why_not, seen_ms })
}

/// All agents.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn agents(control: &Control, cx: &Ctx) -> Result<Vec<AgentView>> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let mut views = Vec::new();
    for agent in db.all::<Agent>().await? {
        views.push(agent_view(&db, agent).await?);
    }
    Ok(views)
}

/// One agent.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn agent(control: &Control, cx: &Ctx, id: &str) -> Result<AgentView> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let agent = db.get::<Agent>(id).await?.ok_or(Error::NotFound)?;
    agent_view(&db, agent).await
}
