//! Asking for scopes for a while, taking the request back, and the lists of requests.

use super::basis::{Basis, in_words, max_duration_s};
use super::names::{Named, Names};
use super::{duties, reason, revocations};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Invalid, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::{Risk, Target};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Agent, Json, Page, Reader, Request, RequestFilter, Role, Scope, Server, User};

/// How long a request can be decided.
pub(super) const TIME_TO_DECIDE_MS: i64 = 24 * 3600 * 1000;
/// The shortest grant that can be asked for, in seconds.
const SHORTEST_S: i64 = 60;
/// How many requests of one person may wait at once: approvers are not to be worn down.
const MOST_PENDING: u64 = 20;

/// Asks for scopes of one MCP server for a while, through one client.
pub struct RequestAccess {
    /// The OAuth client that they are to be used through.
    pub client: String,
    /// The agent that they are to be used with; `None`: only without an agent.
    pub agent: Option<String>,
    /// The server, by id or resource URI.
    pub server: String,
    /// What is asked for.
    pub scopes: BTreeSet<String>,
    /// For how long, in seconds.
    pub duration_s: i64,
    /// Why, in the requester's words.
    pub reason: String,
}

impl UseCase for RequestAccess {
    type Out = String;
    const NEEDS: Permission = Permission::SignedIn;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let user = scene.db.get::<User>(scene.cx.person()?).await?.ok_or(Error::NotFound)?;
        let reason = reason(&self.reason)?;
        let Some(server) = find_server(&scene.db, &self.server).await? else {
            return Err(Error::invalid("server", "there is no such server"));
        };
        let id = scene.id("req");
        let request = Request {
            id: id.clone(),
            user_id: user.id.clone(),
            client_id: self.client.clone(),
            agent_id: self.agent.clone(),
            server_id: server.id,
            resource: server.resource,
            scopes: Json(self.scopes.clone()),
            duration_s: self.duration_s,
            reason: reason.to_owned(),
            state: RequestState::Pending.as_str().to_owned(),
            created_ms: scene.cx.now_ms,
            expires_ms: scene.cx.now_ms + TIME_TO_DECIDE_MS,
            decided_ms: None,
            grant_id: None,
        };
        let basis = Basis::load(&scene.db, &request).await?;
        let wrong = self.wrong(&scene.db, &user, &basis).await?;
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        refuse_blocked(&scene.db, &request).await?;
        refuse_repeats(&scene.db, &request, scene.cx.now_ms).await?;
        let details = json!({
            "scopes": request.scopes.0, "resource": request.resource, "duration_s": request.duration_s, "reason": request.reason,
            "risk": basis.risk().as_str(),
        });
        let event = Event::new("request.create")
            .on(&id)
            .story(&id)
            .through(Some(request.client_id.clone()), request.agent_id.clone())
            .details(details);
        scene.db.insert(request).await?;
        Ok(Done::new(id, event))
    }
}

impl RequestAccess {
    async fn wrong(&self, db: &Reader<'_>, user: &User, basis: &Basis) -> Result<Vec<Invalid>> {
        let mut wrong = Vec::new();
        let mut say = |field, reason: String| wrong.push(Invalid { field, reason });
        if basis.client.is_none() {
            say("client", "there is no such client".to_owned());
        }
        // Whether an agent exists is not told to those who do not own it.
        if self.agent.is_some() && !basis.agent.as_ref().is_some_and(|agent| agent.owners.contains(&user.id)) {
            say("agent", "you have no such agent".to_owned());
        }
        let longest = max_duration_s(basis.risk());
        if self.scopes.is_empty() {
            say("scopes", "choose at least one".to_owned());
        } else if !(SHORTEST_S..=longest).contains(&self.duration_s) {
            say(
                "duration_s",
                format!(
                    "choose between {} and {}: the highest risk among these scopes is {}",
                    in_words(SHORTEST_S),
                    in_words(longest),
                    basis.risk().as_str()
                ),
            );
        }
        let held = scopes_by_role(db, &user.groups).await?;
        for scope in &basis.scopes {
            if scope.scope.is_none() || scope.tools.is_empty() {
                say("scopes", format!("{} is not a scope of this server", scope.name));
            } else if held.contains(&scope.name) {
                say("scopes", format!("{} is yours already, by your role", scope.name));
            }
        }
        for (scope, who) in basis.above_ceilings() {
            say("scopes", format!("{scope} may never be used through this {who}"));
        }
        Ok(wrong)
    }
}

async fn find_server(db: &Reader<'_>, id_or_resource: &str) -> Result<Option<Server>> {
    match db.get::<Server>(id_or_resource).await? {
        Some(server) => Ok(Some(server)),
        None => Ok(db.server_at(id_or_resource).await?),
    }
}

/// The scopes that the roles of these groups give.
pub(super) async fn scopes_by_role(db: &Reader<'_>, groups: &[String]) -> Result<BTreeSet<String>> {
    let mut scopes = BTreeSet::new();
    for role in db.roles_of_groups(groups).await? {
        if let Some(role) = db.get::<Role>(&role).await? {
            scopes.extend(role.scopes.0);
        }
    }
    Ok(scopes)
}

/// The scopes that the signed-in person's roles give them, as far as their groups at the last sign-in tell.
///
/// # Errors
/// [`Error::Forbidden`] for who is not signed in.
pub async fn scopes_held(control: &Control, cx: &Ctx) -> Result<BTreeSet<String>> {
    let db = control.read(cx);
    let user = db.get::<User>(cx.person()?).await?.ok_or(Error::NotFound)?;
    scopes_by_role(&db, &user.groups).await
}

/// What is blocked is not to be granted meanwhile: the grant would come alive when the block is lifted.
pub(super) async fn refuse_blocked(db: &Reader<'_>, request: &Request) -> Result<()> {
    for (what, target) in targets(request) {
        if revocations::is_blocked(db, &target).await? {
            return Err(Error::refused("blocked", format!("this {what} is blocked at present")));
        }
    }
    Ok(())
}

/// What a request touches that can be blocked.
pub(super) fn targets(request: &Request) -> Vec<(&'static str, Target)> {
    let mut targets = vec![
        ("tenant", Target::Tenant),
        ("person", Target::User(request.user_id.clone())),
        ("client", Target::Client(request.client_id.clone())),
        ("server", Target::Server(request.resource.clone())),
    ];
    targets.extend(request.agent_id.clone().map(|agent| ("agent", Target::Agent(agent))));
    targets
}

async fn refuse_repeats(db: &Reader<'_>, request: &Request, now_ms: i64) -> Result<()> {
    let filter = RequestFilter { user: Some(request.user_id.clone()), open: Some(true), now_ms };
    let pending = db.requests(&filter, &Page::first(MOST_PENDING)).await?;
    let same = |other: &&Request| {
        other.client_id == request.client_id
            && other.agent_id == request.agent_id
            && other.resource == request.resource
            && request.scopes.is_subset(&other.scopes)
    };
    if let Some(other) = pending.iter().find(same) {
        return Err(Error::refused("already_requested", format!("you asked for this already: {} waits for a decision", other.id)));
    }
    if pending.len() as u64 >= MOST_PENDING {
        return Err(Error::refused(
            "too_many_requests",
            format!("{MOST_PENDING} requests of yours wait for a decision; withdraw one first"),
        ));
    }
    Ok(())
}

/// Takes one's own request back, while it can still be decided.
pub struct Withdraw {
    /// Which.
    pub request: String,
}

impl UseCase for Withdraw {
    type Out = ();
    const NEEDS: Permission = Permission::SignedIn;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let person = scene.cx.person()?;
        let mut request =
            scene.db.get::<Request>(&self.request).await?.filter(|request| request.user_id == person).ok_or(Error::NotFound)?;
        if RequestState::of(&request, scene.cx.now_ms) != RequestState::Pending {
            return Err(Error::refused(duties::Barred::Closed.code(), "this request can no longer be withdrawn"));
        }
        request.state = RequestState::Withdrawn.as_str().to_owned();
        request.decided_ms = Some(scene.cx.now_ms);
        let event = Event::new("request.withdraw")
            .on(&request.id)
            .story(&request.id)
            .through(Some(request.client_id.clone()), request.agent_id.clone());
        scene.db.update(request).await?;
        Ok(Done::new((), event))
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Can be decided.
    Pending,
    /// Became a grant.
    Approved,
    /// Was denied.
    Denied,
    /// Was taken back.
    Withdrawn,
    /// Went unanswered.
    Expired,
}

impl RequestState {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// The state at `now_ms`: a pending request past its time has expired, whether or not anyone wrote that down.
    pub(super) fn of(request: &Request, now_ms: i64) -> Self {
        match request.state.as_str() {
            "approved" => Self::Approved,
            "denied" => Self::Denied,
            "withdrawn" => Self::Withdrawn,
            "pending" if now_ms < request.expires_ms => Self::Pending,
            _ => Self::Expired,
        }
    }
}

/// A request as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestView {
    /// `req_…`.
    pub id: String,
    /// Who asks.
    pub person: Named,
    /// Through what.
    pub client: Named,
    /// With which agent.
    pub agent: Option<Named>,
    /// On what.
    pub server: Named,
    /// Its resource URI.
    pub resource: String,
    /// What is asked for.
    pub scopes: BTreeSet<String>,
    /// The highest risk among the scopes, as judged now.
    pub risk: Risk,
    /// For how long, in seconds.
    pub duration_s: i64,
    /// Why; untrusted.
    pub reason: String,
    /// Where it stands.
    pub state: RequestState,
    /// When it was asked, Unix milliseconds.
    pub created_ms: i64,
    /// Until when it can be decided, Unix milliseconds.
    pub expires_ms: i64,
    /// When it was decided or withdrawn, Unix milliseconds.
    pub decided_ms: Option<i64>,
    /// The grant that it became.
    pub grant: Option<String>,
}

impl RequestView {
    pub(super) async fn of(db: &Reader<'_>, names: &mut Names<'_>, request: Request, now_ms: i64) -> Result<Self> {
        Ok(Self {
            person: names.user(&request.user_id).await?,
            client: names.client(&request.client_id).await?,
            agent: names.agent(request.agent_id.as_deref()).await?,
            server: names.server(&request.server_id).await?,
            risk: highest_risk(db, &request.scopes).await?,
            state: RequestState::of(&request, now_ms),
            id: request.id,
            resource: request.resource,
            scopes: request.scopes.0,
            duration_s: request.duration_s,
            reason: request.reason,
            created_ms: request.created_ms,
            expires_ms: request.expires_ms,
            decided_ms: request.decided_ms,
            grant: request.grant_id,
        })
    }
}

/// The highest risk among these scopes; one that nobody has judged counts as critical.
pub(super) async fn highest_risk(db: &Reader<'_>, scopes: &BTreeSet<String>) -> Result<Risk> {
    let mut highest = Risk::Low;
    for scope in scopes {
        let risk = db.get::<Scope>(scope).await?.and_then(|scope| Risk::parse(&scope.risk));
        highest = highest.max(risk.unwrap_or(Risk::Critical));
    }
    Ok(highest)
}

/// Which requests a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Those that wait, and that this person may decide.
    ToDecide,
    /// Those that wait for somebody else.
    Waiting,
    /// Those that no longer wait.
    Closed,
}

/// One list of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// The requests. Those that wait: the highest risk first, then the one with the least time left. Others: newest first.
    pub requests: Vec<RequestView>,
    /// How many wait for this person, and how many for somebody else.
    pub waiting: (u64, u64),
    /// Where the next page goes on; waiting requests are all on one.
    pub next: Option<(i64, String)>,
}

/// How many waiting requests are looked at: more than anyone decides in a day.
const MOST_WAITING: u64 = 500;

/// Requests of everybody.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadRequests`].
pub async fn inbox(control: &Control, cx: &Ctx, tab: Tab, page: &Page) -> Result<Inbox> {
    cx.needs(Permission::ReadRequests)?;
    let db = control.read(cx);
    let open = RequestFilter { user: None, open: Some(true), now_ms: cx.now_ms };
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    for request in db.requests(&open, &Page::first(MOST_WAITING)).await? {
        match may_decide(&db, cx, &request).await? {
            true => mine.push(request),
            false => others.push(request),
        }
    }
    let waiting = (mine.len() as u64, others.len() as u64);
    let (chosen, next) = match tab {
        Tab::ToDecide => (mine, None),
        Tab::Waiting => (others, None),
        Tab::Closed => {
            let closed = db.requests(&RequestFilter { open: Some(false), ..open }, page).await?;
            let next = next(&closed, page);
            (closed, next)
        }
    };
    let mut requests = views(&db, cx, chosen).await?;
    if tab != Tab::Closed {
        requests.sort_by(|a, b| b.risk.cmp(&a.risk).then(a.expires_ms.cmp(&b.expires_ms)).then(a.id.cmp(&b.id)));
    }
    Ok(Inbox { requests, waiting, next })
}

async fn may_decide(db: &Reader<'_>, cx: &Ctx, request: &Request) -> Result<bool> {
    let Ok(person) = cx.person() else { return Ok(false) };
    if !cx.actor.may(Permission::DecideRequests) {
        return Ok(false);
    }
    let agent = match &request.agent_id {
        Some(agent) => db.get::<Agent>(agent).await?,
        None => None,
    };
    Ok(duties::conflict(db, person, request, agent.as_ref()).await?.is_none())
}

/// One's own requests, newest first, and where the next page goes on.
///
/// # Errors
/// [`Error::Forbidden`] for who is not signed in.
pub async fn own_requests(control: &Control, cx: &Ctx, page: &Page) -> Result<(Vec<RequestView>, Option<(i64, String)>)> {
    cx.needs(Permission::SignedIn)?;
    let db = control.read(cx);
    let filter = RequestFilter { user: Some(cx.person()?.to_owned()), open: None, now_ms: cx.now_ms };
    let found = db.requests(&filter, page).await?;
    let next = next(&found, page);
    Ok((views(&db, cx, found).await?, next))
}

fn next(found: &[Request], page: &Page) -> Option<(i64, String)> {
    let full = found.len() as u64 >= page.limit;
    found.last().filter(|_| full).map(|last| (last.created_ms, last.id.clone()))
}

async fn views(db: &Reader<'_>, cx: &Ctx, requests: Vec<Request>) -> Result<Vec<RequestView>> {
    let mut names = Names::new(db);
    let mut views = Vec::with_capacity(requests.len());
    for request in requests {
        views.push(RequestView::of(db, &mut names, request, cx.now_ms).await?);
    }
    Ok(views)
}
