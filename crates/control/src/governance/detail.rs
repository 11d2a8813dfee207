//! One request with everything that a person needs to decide it: the approval card.

use super::basis::{Basis, in_words, is_drifted, max_duration_s};
use super::duties::{Barred, conflict};
use super::names::{Named, Names};
use super::requests::{RequestState, RequestView, scopes_by_role, targets};
use super::revocations::is_blocked;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use policy::Risk;
use serde_json::Value;
use std::collections::BTreeSet;
use store::{GrantFilter, GrantIs, Page, Reader, Request, RequestFilter, Tool, User, Vote};

/// A request and the facts around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The request.
    pub request: RequestView,
    /// Who asks.
    pub person: PersonView,
    /// What is asked for.
    pub scopes: Vec<ScopeView>,
    /// Scopes of this server that the person's roles give already.
    pub already: BTreeSet<String>,
    /// Through what; `None` when it is gone.
    pub client: Option<ClientView>,
    /// With which agent; `None` when there is none, or it is gone.
    pub agent: Option<AgentView>,
    /// What is unusual.
    pub flags: Vec<Flag>,
    /// What became of others like it.
    pub similar: Similar,
    /// The votes so far.
    pub votes: Vec<VoteView>,
    /// Whether this reader may decide, or why not.
    pub can_decide: std::result::Result<(), Barred>,
    /// Whether this reader may withdraw it.
    pub can_withdraw: bool,
    /// Whether an approval needs a reason too: a denial always does.
    pub reason_required: bool,
    /// The longest that can be granted at the risk as judged now, in seconds.
    pub max_duration_s: i64,
    /// What [`super::Decide::view_digest`] has to be.
    pub view_digest: String,
}

/// A person, with where it is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// `usr_…`.
    pub id: String,
    /// As their provider calls them.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// Whether the provider says that it is theirs.
    pub email_verified: bool,
    /// The provider that says all this.
    pub issuer: String,
    /// Their groups.
    pub groups: Vec<String>,
    /// The roles that these groups give.
    pub roles: Vec<String>,
    /// When the groups were read, Unix milliseconds.
    pub groups_ms: i64,
    /// When they last signed in, Unix milliseconds.
    pub signed_in_ms: i64,
}

/// A scope that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeView {
    /// As in tokens.
    pub name: String,
    /// What it lets people do; empty where nobody said.
    pub sentence: String,
    /// Its risk; critical where nobody judged it.
    pub risk: Risk,
    /// Sign-in that its use requires: the oldest, in seconds, and the class.
    pub sign_in: (Option<i64>, Option<String>),
    /// The tools that it unlocks.
    pub tools: Vec<ToolView>,
}

/// A tool that a scope unlocks.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolView {
    /// Its name.
    pub name: String,
    /// As the server says; untrusted.
    pub description: String,
    /// The server's hints; untrusted.
    pub annotations: Value,
    /// Whether its definition is not the reviewed one: such a tool is denied.
    pub drifted: bool,
}

/// The client it works through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientView {
    /// The `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Where it sends people back to.
    pub redirect_uris: Vec<String>,
}

/// The agent it works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// `agt_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Who it acts for.
    pub owners: Vec<Named>,
}

/// Something unusual about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// The person has never asked for anything on this server before.
    FirstForServer,
    /// An agent will use it.
    Agent,
    /// These tools are not what was reviewed.
    ToolDrifted(Vec<String>),
    /// High or critical risk.
    HighRisk(Risk),
    /// The same was denied to the same person, last at this time (Unix milliseconds).
    RepeatsDenied(i64),
    /// One of those involved is blocked, so it cannot be approved at present.
    Blocked(&'static str),
    /// Nobody has said what this scope does, or it is gone.
    ScopeUnknown(String),
    /// More is asked for than the risk allows by now.
    TooLong(i64),
}

impl Flag {
    /// A strong start, and the rest.
    pub fn words(&self) -> (String, String) {
        let (strong, rest) = match self {
            Self::FirstForServer => ("First request for this server.", "This person has not asked for anything here before.".to_owned()),
            Self::Agent => ("Asked for an agent.", "It will use the scopes while acting for the person.".to_owned()),
            Self::ToolDrifted(tools) => {
                ("A tool changed since its review.", format!("{}: denied until somebody reviews the difference.", tools.join(", ")))
            }
            Self::HighRisk(risk) => ("High risk.", format!("The highest risk among the scopes is {}.", risk.as_str())),
            Self::RepeatsDenied(_) => ("Denied before.", "The same was asked for and denied within the last 30 days.".to_owned()),
            Self::Blocked(what) => ("Blocked.", format!("The {what} is blocked at present, so this cannot be approved.")),
            Self::ScopeUnknown(scope) => ("Unknown scope.", format!("{scope} is not, or no longer, a scope of this server.")),
            Self::TooLong(longest) => {
                ("Longer than allowed.", format!("The risk was raised since; at most {} can be granted.", in_words(*longest)))
            }
        };
        (strong.to_owned(), rest)
    }
}

/// Requests of the last 90 days for the same server that share a scope with this one, and grants of them in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Similar {
    /// Approved ones.
    pub approved: u64,
    /// Denied ones.
    pub denied: u64,
    /// Of these, the person's own: approved, denied.
    pub own: (u64, u64),
    /// People who hold such a grant now.
    pub holders: u64,
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteView {
    /// Whose.
    pub person: Named,
    /// Yes or no.
    pub approve: bool,
    /// Why; untrusted.
    pub reason: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Whether it was given on what the request depends on now; earlier ones are void.
    pub counts: bool,
}

impl VoteView {
    /// `digest` of what a decision depends on now; none once the request is decided: its votes stand.
    pub(super) async fn of(names: &mut Names<'_>, vote: Vote, digest: Option<&str>) -> Result<Self> {
        Ok(Self {
            person: names.user(&vote.user_id).await?,
            approve: vote.approve == 1,
            counts: digest.is_none_or(|digest| digest == vote.digest),
            reason: vote.reason,
            at_ms: vote.at_ms,
        })
    }
}

const DAY_MS: i64 = 86_400_000;
/// How many of the newest requests for a server are looked through for similar ones.
const LOOKED_THROUGH: u64 = 1000;

/// One request: anybody's with [`Permission::ReadRequests`], one's own otherwise.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn request(control: &Control, cx: &Ctx, id: &str) -> Result<Detail> {
    let db = control.read(cx);
    let request = db.get::<Request>(id).await?.ok_or(Error::NotFound)?;
    let own = cx.person().is_ok_and(|person| person == request.user_id);
    if !own && !cx.actor.may(Permission::ReadRequests) {
        return Err(Error::NotFound);
    }
    let basis = Basis::load(&db, &request).await?;
    let pending = RequestState::of(&request, cx.now_ms) == RequestState::Pending;
    let view_digest = basis.digest(&request);
    let mut names = Names::new(&db);
    let rows = db.votes_on(&request.id).await?;
    let can_decide = can_decide(&db, cx, &request, &basis, pending, &rows).await?;
    let mut votes = Vec::new();
    for vote in rows {
        votes.push(VoteView::of(&mut names, vote, pending.then_some(view_digest.as_str())).await?);
    }
    let person = person(&db, &request.user_id).await?;
    let held = scopes_by_role(&db, &person.groups).await?;
    let already = match &basis.server {
        Some(server) => {
            db.tools_of(&server.id).await?.into_iter().filter_map(|tool| tool.scope).filter(|scope| held.contains(scope)).collect()
        }
        None => BTreeSet::new(),
    };
    let (mut flags, similar) = history(&db, cx, &request).await?;
    flags.extend(unusual(&db, &request, &basis, pending).await?);
    let agent = match &basis.agent {
        Some(agent) => {
            let mut owners = Vec::new();
            for owner in agent.owners.iter() {
                owners.push(names.user(owner).await?);
            }
            Some(AgentView { id: agent.id.clone(), name: agent.name.clone(), class: agent.class.clone(), owners })
        }
        None => None,
    };
    let client = basis.client.as_ref().map(|client| ClientView {
        id: client.id.clone(),
        name: client.name.clone(),
        class: client.class.clone(),
        redirect_uris: client.redirect_uris.0.clone(),
    });
    Ok(Detail {
        person,
        scopes: scopes(&basis),
        already,
        client,
        agent,
        flags,
        similar,
        votes,
        can_decide,
        can_withdraw: own && pending,
        reason_required: basis.risk() >= Risk::High,
        max_duration_s: max_duration_s(basis.risk()),
        view_digest,
        request: RequestView::of(&db, &mut names, request, cx.now_ms).await?,
    })
}

async fn can_decide(
    db: &Reader<'_>,
    cx: &Ctx,
    request: &Request,
    basis: &Basis,
    pending: bool,
    votes: &[Vote],
) -> Result<std::result::Result<(), Barred>> {
    if !pending {
        return Ok(Err(Barred::Closed));
    }
    let Ok(person) = cx.person() else { return Ok(Err(Barred::NotAnApprover)) };
    if let Some(barred) = conflict(db, person, request, basis.agent.as_ref()).await? {
        return Ok(Err(barred));
    }
    if !cx.actor.may(Permission::DecideRequests) {
        return Ok(Err(Barred::NotAnApprover));
    }
    let voted = votes.iter().any(|vote| vote.user_id == person);
    Ok(if voted { Err(Barred::Voted) } else { Ok(()) })
}

async fn person(db: &Reader<'_>, id: &str) -> Result<PersonView> {
    let Some(user) = db.get::<User>(id).await? else {
        let (name, issuer) = (id.to_owned(), String::new());
        return Ok(PersonView {
            id: name.clone(),
            name,
            email: None,
            email_verified: false,
            issuer,
            groups: vec![],
            roles: vec![],
            groups_ms: 0,
            signed_in_ms: 0,
        });
    };
    Ok(PersonView {
        roles: db.roles_of_groups(&user.groups).await?,
        id: user.id,
        name: user.name,
        email: user.email,
        email_verified: user.email_verified == 1,
        issuer: user.issuer,
        groups: user.groups.0,
        groups_ms: user.groups_ms,
        signed_in_ms: user.signed_in_ms,
    })
}

fn scopes(basis: &Basis) -> Vec<ScopeView> {
    let tool = |tool: &Tool| ToolView {
        name: tool.name.clone(),
        description: tool.description.clone(),
        annotations: serde_json::from_str(&tool.annotations).unwrap_or_default(),
        drifted: is_drifted(tool),
    };
    let scope = |scope: &super::basis::ScopeBasis| ScopeView {
        name: scope.name.clone(),
        sentence: scope.scope.as_ref().map(|row| row.sentence.clone()).unwrap_or_default(),
        risk: scope.risk(),
        sign_in: scope.scope.as_ref().map(|row| (row.max_auth_age, row.acr.clone())).unwrap_or_default(),
        tools: scope.tools.iter().map(tool).collect(),
    };
    basis.scopes.iter().map(scope).collect()
}

async fn unusual(db: &Reader<'_>, request: &Request, basis: &Basis, pending: bool) -> Result<Vec<Flag>> {
    let mut flags = Vec::new();
    if basis.risk() >= Risk::High {
        flags.push(Flag::HighRisk(basis.risk()));
    }
    if request.agent_id.is_some() {
        flags.push(Flag::Agent);
    }
    let drifted = basis.drifted();
    if !drifted.is_empty() {
        flags.push(Flag::ToolDrifted(drifted.into_iter().map(str::to_owned).collect()));
    }
    flags.extend(
        basis
            .scopes
            .iter()
            .filter(|scope| scope.scope.is_none() || scope.tools.is_empty())
            .map(|scope| Flag::ScopeUnknown(scope.name.clone())),
    );
    if !pending {
        return Ok(flags);
    }
    let longest = max_duration_s(basis.risk());
    if request.duration_s > longest {
        flags.push(Flag::TooLong(longest));
    }
    for (what, target) in targets(request) {
        if is_blocked(db, &target).await? {
            flags.push(Flag::Blocked(what));
        }
    }
    Ok(flags)
}

/// What became of earlier and similar requests.
async fn history(db: &Reader<'_>, cx: &Ctx, request: &Request) -> Result<(Vec<Flag>, Similar)> {
    let mut flags = Vec::new();
    let own = RequestFilter { user: Some(request.user_id.clone()), ..RequestFilter::default() };
    let own = db.requests(&own, &Page::first(LOOKED_THROUGH)).await?;
    let before: Vec<&Request> = own
        .iter()
        .filter(|other| other.resource == request.resource && (other.created_ms, &other.id) < (request.created_ms, &request.id))
        .collect();
    if before.is_empty() {
        flags.push(Flag::FirstForServer);
    }
    let alike = |other: &Request| other.id != request.id && !other.scopes.is_disjoint(&request.scopes);
    let denied = before.iter().filter(|other| other.state == "denied" && alike(other)).filter_map(|other| other.decided_ms).max();
    if let Some(at) = denied.filter(|at| request.created_ms - at < 30 * DAY_MS) {
        flags.push(Flag::RepeatsDenied(at));
    }
    let mut similar = Similar::default();
    let since = cx.now_ms - 90 * DAY_MS;
    for other in db
        .requests_for(&request.resource, &Page::first(LOOKED_THROUGH))
        .await?
        .iter()
        .filter(|other| other.created_ms > since && alike(other))
    {
        let own = other.user_id == request.user_id;
        match other.state.as_str() {
            "approved" => {
                similar.approved += 1;
                similar.own.0 += u64::from(own);
            }
            "denied" => {
                similar.denied += 1;
                similar.own.1 += u64::from(own);
            }
            _ => {}
        }
    }
    let filter =
        GrantFilter { resource: Some(request.resource.clone()), state: Some(GrantIs::Active), now_s: cx.now_s(), ..GrantFilter::default() };
    let holders: BTreeSet<String> = db
        .all_grants(&filter)
        .await?
        .into_iter()
        .filter(|grant| !grant.scopes.is_disjoint(&request.scopes))
        .map(|grant| grant.user_id)
        .collect();
    similar.holders = holders.len() as u64;
    Ok((flags, similar))
}
