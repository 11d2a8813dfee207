//! What stops when something is blocked or taken back, asked before it is.

use super::names::Names;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use policy::LONGEST_TOKEN_LIFE_S;
use policy::Target;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{
    Agent, AuditEvent, Client, Connections, Gateway, Grant, GrantFilter, GrantIs, IssuedFilter, IssuedTokens, Reader, Role, Server, User,
};

/// What stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlastRadius {
    /// The name of what is blocked or taken back.
    pub name: String,
    /// People concerned, as far as their groups at the last sign-in tell.
    pub people: u64,
    /// Access tokens concerned that were issued within the longest life of one. So many are out there at the most: they are not stored, and
    /// some have ended.
    pub tokens: u64,
    /// Agents concerned: a person's own, and those that tokens were issued to.
    pub agents: u64,
    /// Grants in force that stop counting. Taking back tokens ends none.
    pub live_grants: u64,
    /// Connections that can no longer get tokens: refresh tokens not used or ended yet. `None` where the thing has none of its own, such as
    /// an agent.
    pub connections: Option<u64>,
    /// Gateways that will be told.
    pub gateways: u64,
    /// When the last access token that exists now ends, Unix seconds: until then a gateway that does not confirm may let it through.
    pub exposed_until_s: i64,
    /// Whether it is the one who asks.
    pub is_self: bool,
    /// What is known of a token, a session or a connection, which anybody can mistype.
    pub trace: Trace,
}

/// What is known of something that is named by an identifier alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// It is there.
    Found,
    /// It was there and has ended by itself, Unix seconds.
    Ended(i64),
    /// Nothing is known by this identifier. It may be mistyped, or its traces may be gone.
    Unknown,
}

/// What one kind of target reaches.
#[derive(Default)]
struct Reach {
    name: String,
    people: BTreeSet<String>,
    agents: BTreeSet<String>,
    live_grants: usize,
    connections: Option<u64>,
    tokens: u64,
    ends_s: Option<i64>,
    unknown: bool,
}

impl Reach {
    fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn grants(mut self, grants: &[Grant]) -> Self {
        self.live_grants = grants.len();
        self.people.extend(grants.iter().map(|grant| grant.user_id.clone()));
        self
    }

    fn connected(mut self, (count, people): (u64, Vec<String>)) -> Self {
        self.connections = Some(count);
        self.people.extend(people);
        self
    }

    fn issued(mut self, issued: IssuedTokens) -> Self {
        self.tokens = issued.tokens;
        self.people.extend(issued.people);
        self.agents.extend(issued.agents);
        self
    }
}

/// What would stop. Whoever holds a grant may ask it of that.
///
/// # Errors
/// [`Error::NotFound`] when there is no such thing; [`Error::Forbidden`] without [`Permission::Revoke`].
pub async fn blast_radius(control: &Control, cx: &Ctx, target: &Target) -> Result<BlastRadius> {
    let db = control.read(cx);
    if !is_own_grant(&db, cx, target).await? {
        cx.needs(Permission::Revoke)?;
    }
    let reach = Asking { db: &db, cx }.reach(target).await?;
    let trace = match reach.ends_s {
        Some(end) if end <= cx.now_s() => Trace::Ended(end),
        None if reach.unknown => Trace::Unknown,
        _ => Trace::Found,
    };
    let longest = cx.now_s() + LONGEST_TOKEN_LIFE_S;
    Ok(BlastRadius {
        name: reach.name,
        people: reach.people.len() as u64,
        tokens: reach.tokens,
        agents: reach.agents.len() as u64,
        live_grants: reach.live_grants as u64,
        connections: reach.connections,
        gateways: db.all::<Gateway>().await?.len() as u64,
        exposed_until_s: reach.ends_s.map_or(longest, |end| end.min(longest)),
        is_self: cx.person().is_ok_and(|person| matches!(target, Target::User(user) | Target::Subject(user) if user == person)),
        trace,
    })
}

async fn is_own_grant(db: &Reader<'_>, cx: &Ctx, target: &Target) -> Result<bool> {
    let (Target::Grant(id), Ok(person)) = (target, cx.person()) else { return Ok(false) };
    Ok(db.get::<Grant>(id).await?.is_some_and(|grant| grant.user_id == person))
}

struct Asking<'a> {
    db: &'a Reader<'a>,
    cx: &'a Ctx,
}

impl Asking<'_> {
    async fn reach(&self, target: &Target) -> Result<Reach> {
        match target {
            Target::User(id) | Target::Subject(id) => self.person(id, matches!(target, Target::User(_))).await,
            Target::Client(id) => self.client(id).await,
            Target::Agent(id) => self.agent(id).await,
            Target::Server(id) => self.server(id).await,
            Target::RoleScope { role, scope } => self.role_scope(role, scope).await,
            Target::Tenant => self.everything().await,
            Target::Grant(id) => self.grant(id).await,
            Target::Token(jti) => self.token(jti).await,
            Target::Session(sid) => self.session(sid).await,
            Target::Lineage(lineage) => self.lineage(lineage).await,
        }
    }

    /// Whatever blocks a person also stops their grants; whoever is only signed out has them again with the next token.
    async fn person(&self, id: &str, blocks: bool) -> Result<Reach> {
        let user = self.db.get::<User>(id).await?.ok_or(Error::NotFound)?;
        let mut reach = Reach::named(user.name).connected(self.connections(Connections::Of(id)).await?);
        reach = reach.issued(self.issued(IssuedFilter { user: Some(user.id.clone()), ..IssuedFilter::default() }).await?);
        reach
            .agents
            .extend(self.db.all::<Agent>().await?.into_iter().filter(|agent| agent.owners.contains(&user.id)).map(|agent| agent.id));
        if blocks {
            reach = reach.grants(&self.grants(|filter| filter.user = Some(user.id.clone())).await?);
        }
        reach.people.insert(user.id);
        Ok(reach)
    }

    async fn client(&self, id: &str) -> Result<Reach> {
        let client = self.db.get::<Client>(id).await?.ok_or(Error::NotFound)?;
        let grants = self.grants(|filter| filter.client = Some(client.id.clone())).await?;
        let issued = self.issued(IssuedFilter { client: Some(client.id), ..IssuedFilter::default() }).await?;
        Ok(Reach::named(client.name).grants(&grants).connected(self.connections(Connections::Through(id)).await?).issued(issued))
    }

    async fn agent(&self, id: &str) -> Result<Reach> {
        let agent = self.db.get::<Agent>(id).await?.ok_or(Error::NotFound)?;
        let grants = self.grants(|filter| filter.agent = Some(agent.id.clone())).await?;
        // Wherever it stands in the chain.
        let mut reach = Reach::named(agent.name).grants(&grants).issued(self.issued(holding([quoted(&agent.id)])).await?);
        reach.people.extend(agent.owners.0);
        reach.agents = BTreeSet::from([agent.id]);
        Ok(reach)
    }

    async fn server(&self, id: &str) -> Result<Reach> {
        let server = match self.db.get::<Server>(id).await? {
            Some(server) => server,
            None => self.db.server_at(id).await?.ok_or(Error::NotFound)?,
        };
        let scopes: BTreeSet<String> = self.db.tools_of(&server.id).await?.into_iter().filter_map(|tool| tool.scope).collect();
        let grants = self.grants(|filter| filter.resource = Some(server.resource.clone())).await?;
        let issued = self.issued(holding([fact("resource", &server.resource)])).await?;
        let mut reach = Reach::named(server.name).grants(&grants).issued(issued);
        reach = reach.connected(self.connections(Connections::To(&server.resource)).await?);
        reach.people.extend(self.people_by_role(|role| !role.scopes.is_disjoint(&scopes)).await?);
        Ok(reach)
    }

    async fn role_scope(&self, role: &str, scope: &str) -> Result<Reach> {
        self.db.get::<Role>(role).await?.ok_or(Error::NotFound)?;
        let issued = self.issued(holding([quoted(role), quoted(scope)])).await?;
        let mut reach = Reach::named(format!("{scope} by role {role}")).issued(issued);
        reach.people.extend(self.people_by_role(|row| row.id == *role && row.scopes.contains(scope)).await?);
        Ok(reach)
    }

    async fn everything(&self) -> Result<Reach> {
        let name = self.db.this_tenant().await?.map(|tenant| tenant.name).unwrap_or_default();
        let mut reach = Reach::named(name).grants(&self.grants(|_| ()).await?).connected(self.connections(Connections::All).await?);
        reach = reach.issued(self.issued(IssuedFilter::default()).await?);
        reach.people.extend(self.db.all::<User>().await?.into_iter().map(|user| user.id));
        reach.agents.extend(self.db.all::<Agent>().await?.into_iter().map(|agent| agent.id));
        Ok(reach)
    }

    async fn grant(&self, id: &str) -> Result<Reach> {
        let grant = self.db.get::<Grant>(id).await?.ok_or(Error::NotFound)?;
        let person = Names::new(self.db).user(&grant.user_id).await?;
        let issued = self.issued(holding([quoted(id)])).await?;
        let mut reach =
            Reach::named(format!("{} of {}", listed(&grant.scopes.0), person.name)).grants(std::slice::from_ref(&grant)).issued(issued);
        reach.agents.extend(grant.agent_id);
        reach.ends_s = Some(grant.exp_s);
        Ok(reach)
    }

    async fn token(&self, jti: &str) -> Result<Reach> {
        let Some(event) = self.db.issue_of(jti).await? else { return Ok(Reach { unknown: true, ..Reach::named(jti) }) };
        let ends_s = fact_of(&event, "exp").and_then(|exp| exp.as_i64());
        let alive = ends_s.is_none_or(|end| end > self.cx.now_s());
        let mut reach = Reach::named(self.held_by("a token", std::slice::from_ref(&event.actor_id), event.client_id.as_deref()).await?);
        (reach.ends_s, reach.tokens) = (ends_s, u64::from(alive));
        reach.agents.extend(event.agent_id);
        reach.people.insert(event.actor_id);
        Ok(reach)
    }

    async fn session(&self, sid: &str) -> Result<Reach> {
        let signed_in = self.db.sessions_of_sid(sid).await?;
        let mut reach = Reach::default().connected(self.connections(Connections::FromSession(sid)).await?);
        reach = reach.issued(self.issued(holding([fact("sid", sid)])).await?);
        reach.people.extend(signed_in.into_iter().filter_map(|session| session.user_id));
        self.traced(reach, "a sign-in", sid, None).await
    }

    async fn lineage(&self, lineage: &str) -> Result<Reach> {
        let issued = self.issued(holding([fact("lineage", lineage)])).await?;
        let client = issued.clients.first().cloned();
        let reach = Reach::default().connected(self.connections(Connections::One(lineage)).await?).issued(issued);
        self.traced(reach, "a connection", lineage, client.as_deref()).await
    }

    /// By the people it is of; by its identifier, if there are none.
    async fn traced(&self, reach: Reach, what: &str, id: &str, client: Option<&str>) -> Result<Reach> {
        if reach.people.is_empty() {
            return Ok(Reach { name: id.to_owned(), unknown: true, ..reach });
        }
        let people: Vec<String> = reach.people.iter().cloned().collect();
        Ok(Reach { name: self.held_by(what, &people, client).await?, ..reach })
    }

    async fn held_by(&self, what: &str, people: &[String], client: Option<&str>) -> Result<String> {
        let mut names = Names::new(self.db);
        let mut said = Vec::new();
        for person in people {
            said.push(names.user(person).await?.name);
        }
        let through = match client {
            Some(client) => format!(" through {}", names.client(client).await?.name),
            None => String::new(),
        };
        Ok(format!("{what} of {}{through}", said.join(", ")))
    }

    async fn grants(&self, wanted: impl FnOnce(&mut GrantFilter)) -> Result<Vec<Grant>> {
        let mut filter = GrantFilter { state: Some(GrantIs::Active), now_s: self.cx.now_s(), ..GrantFilter::default() };
        wanted(&mut filter);
        Ok(self.db.all_grants(&filter).await?)
    }

    async fn connections(&self, of: Connections<'_>) -> Result<(u64, Vec<String>)> {
        Ok(self.db.live_connections(of, self.cx.now_ms).await?)
    }

    async fn issued(&self, filter: IssuedFilter) -> Result<IssuedTokens> {
        let since_ms = self.cx.now_ms - LONGEST_TOKEN_LIFE_S * 1000;
        Ok(self.db.issued_tokens(&IssuedFilter { since_ms, ..filter }).await?)
    }

    /// Those whose groups give a role of this kind.
    async fn people_by_role(&self, wanted: impl Fn(&Role) -> bool) -> Result<BTreeSet<String>> {
        let db = self.db;
        let roles: BTreeSet<String> = db.all::<Role>().await?.iter().filter(|role| wanted(role)).map(|role| role.id.clone()).collect();
        let mapped = db.all::<store::GroupRole>().await?;
        let groups: BTreeSet<&str> = mapped.iter().filter(|row| roles.contains(&row.role)).map(|row| row.group_name.as_str()).collect();
        let everybody = db.all::<User>().await?;
        let member = |user: &User| user.groups.iter().any(|group| groups.contains(group.as_str()));
        Ok(everybody.into_iter().filter(member).map(|user| user.id).collect())
    }
}

fn holding(texts: impl IntoIterator<Item = String>) -> IssuedFilter {
    IssuedFilter { holding: texts.into_iter().collect(), ..IssuedFilter::default() }
}

/// As JSON writes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A fact of an event as its body writes it.
fn fact(name: &str, value: &str) -> String {
    let written = json!({ name: value }).to_string();
    written.trim_start_matches('{').trim_end_matches('}').to_owned()
}

fn fact_of(event: &AuditEvent, name: &str) -> Option<Value> {
    serde_json::from_str::<Value>(&event.body).ok().map(|body| body["details"][name].clone())
}

fn listed(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
