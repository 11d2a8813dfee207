//! Grants: who holds what until when, and ending one before its time.

use super::names::{Named, Names};
use super::requests::highest_risk;
use super::revocations::{enter, to_json, until};
use super::{detail::VoteView, reason};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::{Risk, Target};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Grant, GrantFilter, Page, Reader, Revocation, Scope};

/// Where a grant stands. All of it follows from the row and the time: nothing has to run for a grant to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// Counts.
    Active,
    /// Ended by itself.
    Ended,
    /// Was revoked, or given up.
    Revoked,
}

impl GrantState {
    /// Stable name, as pages and filters spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The state at `now_s`. A grant ends on the second: at `exp` it no longer counts, here as at the gateway.
    pub(super) fn of(grant: &Grant, now_s: i64) -> Self {
        match grant.revoked_ms {
            Some(_) => Self::Revoked,
            None if now_s < grant.exp_s => Self::Active,
            None => Self::Ended,
        }
    }
}

/// A grant as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantView {
    /// `grt_…`.
    pub id: String,
    /// Who holds it.
    pub person: Named,
    /// Through what only.
    pub client: Named,
    /// With which agent only; `None`: only without one.
    pub agent: Option<Named>,
    /// On what only: id is the resource URI.
    pub server: Named,
    /// What it gives.
    pub scopes: BTreeSet<String>,
    /// The highest risk among them, as judged now.
    pub risk: Risk,
    /// Where it stands.
    pub state: GrantState,
    /// When it began, Unix seconds.
    pub starts_s: i64,
    /// When it ends or would have ended, Unix seconds.
    pub exp_s: i64,
    /// When it was revoked, Unix milliseconds.
    pub revoked_ms: Option<i64>,
    /// When it first let a call through, Unix milliseconds.
    pub first_used_ms: Option<i64>,
    /// The request that it came from.
    pub request: String,
}

impl GrantView {
    async fn of(db: &Reader<'_>, names: &mut Names<'_>, grant: Grant, now_s: i64) -> Result<Self> {
        Ok(Self {
            person: names.user(&grant.user_id).await?,
            client: names.client(&grant.client_id).await?,
            agent: names.agent(grant.agent_id.as_deref()).await?,
            server: names.server_at(&grant.resource).await?,
            risk: highest_risk(db, &grant.scopes).await?,
            state: GrantState::of(&grant, now_s),
            id: grant.id,
            scopes: grant.scopes.0,
            starts_s: grant.starts_s,
            exp_s: grant.exp_s,
            revoked_ms: grant.revoked_ms,
            first_used_ms: grant.first_used_ms,
            request: grant.request_id,
        })
    }
}

/// One grant with its origin and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantDetail {
    /// The grant.
    pub grant: GrantView,
    /// Its scopes: name, sentence, risk. No sentence where the scope is gone.
    pub scopes: Vec<(String, String, Risk)>,
    /// The votes that made it.
    pub votes: Vec<VoteView>,
    /// The sequence of its revocation.
    pub revocation: Option<i64>,
    /// Whether this reader may revoke it.
    pub can_revoke: bool,
    /// Whether this reader may give it up.
    pub can_give_up: bool,
}

/// Grants that match, newest first, and where the next page goes on. [`GrantFilter::now_s`] is set here.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadRequests`].
pub async fn grants(control: &Control, cx: &Ctx, filter: &GrantFilter, page: &Page) -> Result<(Vec<GrantView>, Option<(i64, String)>)> {
    cx.needs(Permission::ReadRequests)?;
    list(control, cx, filter, page).await
}

/// One's own grants, newest first, and where the next page goes on.
///
/// # Errors
/// [`Error::Forbidden`] for who is not signed in.
pub async fn own_grants(control: &Control, cx: &Ctx, page: &Page) -> Result<(Vec<GrantView>, Option<(i64, String)>)> {
    cx.needs(Permission::SignedIn)?;
    let filter = GrantFilter { user: Some(cx.person()?.to_owned()), ..GrantFilter::default() };
    list(control, cx, &filter, page).await
}

async fn list(control: &Control, cx: &Ctx, filter: &GrantFilter, page: &Page) -> Result<(Vec<GrantView>, Option<(i64, String)>)> {
    let db = control.read(cx);
    let found = db.grants(&GrantFilter { now_s: cx.now_s(), ..filter.clone() }, page).await?;
    let full = found.len() as u64 >= page.limit;
    let next = found.last().filter(|_| full).map(|last| (last.starts_s, last.id.clone()));
    let mut names = Names::new(&db);
    let mut views = Vec::with_capacity(found.len());
    for grant in found {
        views.push(GrantView::of(&db, &mut names, grant, cx.now_s()).await?);
    }
    Ok((views, next))
}

/// One grant: anybody's with [`Permission::ReadRequests`], one's own otherwise.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn grant(control: &Control, cx: &Ctx, id: &str) -> Result<GrantDetail> {
    let db = control.read(cx);
    let grant = db.get::<Grant>(id).await?.ok_or(Error::NotFound)?;
    let own = cx.person().is_ok_and(|person| person == grant.user_id);
    if !own && !cx.actor.may(Permission::ReadRequests) {
        return Err(Error::NotFound);
    }
    let mut names = Names::new(&db);
    let mut scopes = Vec::new();
    for name in grant.scopes.iter() {
        let scope = db.get::<Scope>(name).await?;
        let risk = scope.as_ref().and_then(|scope| Risk::parse(&scope.risk)).unwrap_or(Risk::Critical);
        scopes.push((name.clone(), scope.map(|scope| scope.sentence).unwrap_or_default(), risk));
    }
    let mut votes = Vec::new();
    for vote in db.votes_on(&grant.request_id).await? {
        votes.push(VoteView::of(&mut names, vote, None).await?);
    }
    let active = GrantState::of(&grant, cx.now_s()) == GrantState::Active;
    let revocation = match grant.revoked_ms {
        Some(_) => db.revocation_of(&to_json(&Target::Grant(grant.id.clone()))?).await?.map(|row: Revocation| row.seq),
        None => None,
    };
    let grant = GrantView::of(&db, &mut names, grant, cx.now_s()).await?;
    Ok(GrantDetail { grant, scopes, votes, revocation, can_revoke: active && cx.actor.may(Permission::Revoke), can_give_up: active && own })
}

/// A grant was ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// The sequence that gateways confirm: its receipt.
    pub seq: i64,
}

/// Takes a grant back. Tokens that carry it keep their other scopes.
pub struct RevokeGrant {
    /// Which.
    pub grant: String,
    /// Why.
    pub reason: String,
}

impl UseCase for RevokeGrant {
    type Out = Revoked;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Revoked>> {
        let grant = scene.db.get::<Grant>(&self.grant).await?.ok_or(Error::NotFound)?;
        end(scene, grant, "grant.revoke", reason(&self.reason)?).await
    }
}

/// Gives up a grant of one's own.
pub struct GiveUpGrant {
    /// Which.
    pub grant: String,
}

impl UseCase for GiveUpGrant {
    type Out = Revoked;
    const NEEDS: Permission = Permission::SignedIn;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Revoked>> {
        let person = scene.cx.person()?;
        let grant = scene.db.get::<Grant>(&self.grant).await?.filter(|grant| grant.user_id == person).ok_or(Error::NotFound)?;
        end(scene, grant, "grant.give_up", "given up by its holder").await
    }
}

async fn end(scene: &Scene<'_>, mut grant: Grant, action: &'static str, reason: &str) -> Result<Done<Revoked>> {
    match GrantState::of(&grant, scene.cx.now_s()) {
        GrantState::Active => {}
        GrantState::Ended => return Err(Error::refused("grant_ended", "the grant has ended by itself")),
        GrantState::Revoked => return Err(Error::refused("grant_revoked", "the grant was revoked already")),
    }
    let target = Target::Grant(grant.id.clone());
    let entered = enter(scene, &target, Some(until(grant.exp_s)), reason).await?;
    grant.revoked_ms = Some(scene.cx.now_ms);
    let details = json!({
        "user": grant.user_id, "scopes": grant.scopes.0, "resource": grant.resource, "reason": reason, "seq": entered.seq,
        "client": grant.client_id, "agent": grant.agent_id,
    });
    let event = Event::new(action).on(&grant.id).story(&grant.request_id).details(details);
    scene.db.update(grant).await?;
    Ok(Done::new(Revoked { seq: entered.seq }, event).wake())
}
