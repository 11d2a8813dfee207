//! The revocation list: entering, blocking, lifting, and what it holds.

use super::names::{Named, Names};
use super::reason;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::{CALL_OUTLIVES_TOKEN_S, LONGEST_TOKEN_LIFE_S, Target};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Agent, Client, Page, Reader, Revocation, Role, Scope, Server, User};

/// How much longer an entry stays than what it takes back, in seconds: gateways' clocks may be behind.
const GRACE_S: i64 = 60;

/// When an entry may leave the list that takes back what ends at `end_s`: once the last token that was issued before has ended, and the last
/// call that began with it. A gateway that hears of the list only then has nothing left to end, and confirms nothing that is not so.
pub(crate) const fn until(end_s: i64) -> i64 {
    end_s + LONGEST_TOKEN_LIFE_S + CALL_OUTLIVES_TOKEN_S + GRACE_S
}

/// An entry that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// `rev_…`.
    pub id: String,
    /// Its sequence: gateways confirm this one or a later one.
    pub seq: i64,
}

/// Puts an entry on the list at the next sequence and signs the list anew. The use case that calls this audits it and wakes the
/// gateways ([`Done::wake`]).
///
/// # Errors
/// When signing or the database fails.
pub async fn enter(scene: &Scene<'_>, target: &Target, until_s: Option<i64>, reason: &str) -> Result<Entered> {
    let entered = note(scene, target, until_s, reason).await?;
    sign_list(scene).await?;
    Ok(entered)
}

/// Puts an entry on the list at the next sequence. For several at once: after the last of them the caller has the list signed ([`sign_list`]),
/// which costs as much for a hundred as for one.
///
/// # Errors
/// When the database fails.
pub(crate) async fn note(scene: &Scene<'_>, target: &Target, until_s: Option<i64>, reason: &str) -> Result<Entered> {
    let seq = scene.db.next_revocation_seq().await?;
    let id = scene.id("rev");
    let row = Revocation {
        id: id.clone(),
        seq,
        target: to_json(target)?,
        until_s,
        reason: reason.to_owned(),
        created_ms: scene.cx.now_ms,
        created_by: scene.cx.actor.id().to_owned(),
        lifted_ms: None,
        lifted_seq: None,
    };
    scene.db.insert(row).await?;
    Ok(Entered { id, seq })
}

/// Signs the list as it is now.
///
/// # Errors
/// When signing or the database fails.
pub(crate) async fn sign_list(scene: &Scene<'_>) -> Result<()> {
    crate::delivery::resign_revocations(scene).await
}

pub(super) fn to_json(target: &Target) -> Result<String> {
    serde_json::to_string(target).map_err(|error| Error::internal("writing a revocation", error))
}

pub(super) fn from_json(text: &str) -> Result<Target> {
    serde_json::from_str(text).map_err(|error| Error::internal("reading a revocation", error))
}

/// Whether this person, client, agent, server, role's scope or tenant is blocked.
///
/// # Errors
/// When the database fails.
pub async fn is_blocked(db: &Reader<'_>, target: &Target) -> Result<bool> {
    Ok(db.standing_revocation(&to_json(target)?).await?.is_some())
}

/// Whether the list names exactly this, to block it or to take it back.
///
/// # Errors
/// When the database fails.
pub async fn is_listed(scene: &Scene<'_>, target: &Target) -> Result<bool> {
    Ok(scene.db.has_revocation(&to_json(target)?, scene.cx.now_s()).await?)
}

/// Blocks until somebody lifts it, whichever policy is published meanwhile.
pub struct Block {
    /// A person, client, agent, server (by resource URI or id), role's scope, or the tenant.
    pub target: Target,
    /// Why.
    pub reason: String,
}

impl UseCase for Block {
    type Out = Entered;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Entered>> {
        let reason = reason(&self.reason)?;
        let target = existing(&scene.db, &self.target).await?;
        if is_blocked(&scene.db, &target).await? {
            return Err(Error::refused("already_blocked", "it is blocked already"));
        }
        let entered = enter(scene, &target, None, reason).await?;
        let mut sessions = 0;
        if let Target::User(user) = &target {
            sessions = scene.db.end_sessions_of(user).await?;
            scene.db.end_refresh_tokens_of(user).await?;
        }
        let details = json!({ "target": target, "seq": entered.seq, "reason": reason, "sessions_ended": sessions });
        let event = Event::new("revocation.block").on(subject(&target, scene.cx)).details(details);
        Ok(Done::new(entered, event).wake())
    }
}

/// The target as gateways compare it, if it can be blocked and exists.
async fn existing(db: &Reader<'_>, target: &Target) -> Result<Target> {
    let exists = match target {
        Target::User(id) => db.get::<User>(id).await?.is_some(),
        Target::Client(id) => db.get::<Client>(id).await?.is_some(),
        Target::Agent(id) => db.get::<Agent>(id).await?.is_some(),
        Target::Server(id) => match db.get::<Server>(id).await? {
            Some(server) => return Ok(Target::Server(server.resource)),
            None => db.server_at(id).await?.is_some(),
        },
        Target::RoleScope { role, scope } => db.get::<Role>(role).await?.is_some() && db.get::<Scope>(scope).await?.is_some(),
        Target::Tenant => true,
        Target::Token(_) | Target::Session(_) | Target::Lineage(_) | Target::Grant(_) | Target::Subject(_) => {
            return Err(Error::invalid("target", "this cannot be blocked, only revoked"));
        }
    };
    if exists { Ok(target.clone()) } else { Err(Error::NotFound) }
}

/// The id of what an entry is about, for the audit event's object.
pub(super) fn subject(target: &Target, cx: &Ctx) -> String {
    match target {
        Target::Token(id) | Target::Session(id) | Target::Lineage(id) | Target::Grant(id) | Target::Subject(id) => id.clone(),
        Target::User(id) | Target::Client(id) | Target::Agent(id) | Target::Server(id) => id.clone(),
        Target::RoleScope { role, .. } => role.clone(),
        Target::Tenant => cx.tenant.to_string(),
    }
}

/// Lifts a block. Tokens from before it that have not ended work again.
pub struct Lift {
    /// `rev_…`.
    pub id: String,
    /// Why.
    pub reason: String,
}

impl UseCase for Lift {
    type Out = Entered;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Entered>> {
        let reason = reason(&self.reason)?;
        let mut row = scene.db.get::<Revocation>(&self.id).await?.ok_or(Error::NotFound)?;
        let target = from_json(&row.target)?;
        if !target.is_block() {
            return Err(Error::refused("not_a_block", "what was revoked stays revoked"));
        }
        if row.lifted_ms.is_some() {
            return Err(Error::refused("already_lifted", "it was lifted already"));
        }
        // Nobody takes a block from themselves.
        if matches!((&target, scene.cx.person()), (Target::User(user), Ok(person)) if user == person) {
            return Err(Error::refused("own_block", "somebody else must lift a block on you"));
        }
        let seq = scene.db.next_revocation_seq().await?;
        row.lifted_ms = Some(scene.cx.now_ms);
        row.lifted_seq = Some(seq);
        let id = row.id.clone();
        scene.db.update(row).await?;
        sign_list(scene).await?;
        let details = json!({ "target": target, "seq": seq, "reason": reason, "entry": id });
        let event = Event::new("revocation.lift").on(subject(&target, scene.cx)).details(details);
        Ok(Done::new(Entered { id, seq }, event).wake())
    }
}

/// An entry of the list as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationView {
    /// `rev_…`.
    pub id: String,
    /// Its sequence.
    pub seq: i64,
    /// What it takes.
    pub target: Target,
    /// That, by name.
    pub subject: Named,
    /// Whether it stays until lifted.
    pub is_block: bool,
    /// When it leaves the list by itself, Unix seconds.
    pub until_s: Option<i64>,
    /// Why; untrusted.
    pub reason: String,
    /// Who.
    pub by: Named,
    /// When, Unix milliseconds.
    pub created_ms: i64,
    /// When it was lifted (Unix milliseconds), and at which sequence.
    pub lifted: Option<(i64, i64)>,
}

impl RevocationView {
    pub(super) async fn of(names: &mut Names<'_>, row: Revocation) -> Result<Self> {
        let target = from_json(&row.target)?;
        let subject = match &target {
            Target::User(id) | Target::Subject(id) => names.user(id).await?,
            Target::Client(id) => names.client(id).await?,
            Target::Agent(id) => names.agent_named(id).await?,
            Target::Server(resource) => names.server_at(resource).await?,
            Target::Grant(id) | Target::Token(id) | Target::Session(id) | Target::Lineage(id) => Named { id: id.clone(), name: id.clone() },
            Target::RoleScope { role, scope } => Named { id: role.clone(), name: format!("{scope} by role {role}") },
            Target::Tenant => Named { id: "tenant".to_owned(), name: "everything".to_owned() },
        };
        Ok(Self {
            subject,
            is_block: target.is_block(),
            target,
            by: names.user(&row.created_by).await?,
            id: row.id,
            seq: row.seq,
            until_s: row.until_s,
            reason: row.reason,
            created_ms: row.created_ms,
            lifted: row.lifted_ms.zip(row.lifted_seq),
        })
    }
}

/// All entries there ever were, newest first; the page goes on before a sequence.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConsole`].
pub async fn revocations(control: &Control, cx: &Ctx, page: &Page) -> Result<(Vec<RevocationView>, Option<(i64, String)>)> {
    cx.needs(Permission::ReadConsole)?;
    let db = control.read(cx);
    let rows = db.revocations(page).await?;
    let full = rows.len() as u64 >= page.limit;
    let next = rows.last().filter(|_| full).map(|last| (last.seq, last.id.clone()));
    let mut names = Names::new(&db);
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        views.push(RevocationView::of(&mut names, row).await?);
    }
    Ok((views, next))
}

/// The scopes that are blocked as this role gives them.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn blocked_scopes(control: &Control, cx: &Ctx, role: &str) -> Result<BTreeSet<String>> {
    cx.needs(Permission::ReadConfig)?;
    let mut blocked = BTreeSet::new();
    for row in control.read(cx).standing_blocks().await? {
        match from_json(&row.target)? {
            Target::RoleScope { role: of, scope } if of == role => drop(blocked.insert(scope)),
            _ => {}
        }
    }
    Ok(blocked)
}

/// The block that stands against this target, for the page that lifts it.
///
/// # Errors
/// [`Error::NotFound`] when there is none; [`Error::Forbidden`] without [`Permission::Revoke`].
pub async fn standing_block(control: &Control, cx: &Ctx, target: &Target) -> Result<RevocationView> {
    cx.needs(Permission::Revoke)?;
    let db = control.read(cx);
    let target = existing(&db, target).await?;
    let row = db.standing_revocation(&to_json(&target)?).await?.ok_or(Error::NotFound)?;
    RevocationView::of(&mut Names::new(&db), row).await
}
