//! Reading the audit log.

use super::proofs::Prover;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::governance::{Named, Names};
use crate::permission::Permission;
use crate::tenancy::keys;
use ::evidence::{Hash, Salt, leaf_hash, proof::verify_inclusion};
use serde_json::Value;
use store::{AuditEvent, AuditFilter, Checkpoint, Grant, Page, Reader};

/// An event, ready to be said in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct EventView {
    /// `evt_…`.
    pub id: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Its index in the log; none until it is placed.
    pub position: Option<i64>,
    /// Who.
    pub actor: ActorView,
    /// Through which client.
    pub client: Option<Named>,
    /// With which agent.
    pub agent: Option<Named>,
    /// What, such as `grant.revoke`.
    pub action: String,
    /// To what.
    pub object: Option<Named>,
    /// `ok` or `denied`.
    pub outcome: String,
    /// Why it was denied: the reason code, where the event has one.
    pub reason: Option<String>,
    /// The id that finds all events of the same story.
    pub story: Option<String>,
    /// Correlates it with log lines and error pages.
    pub request_id: String,
    /// The facts. Texts in them may be anybody's words.
    pub details: Value,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorView {
    /// `user`, `agent`, `client`, `host`, `gateway`, `system` or `anonymous`.
    pub kind: String,
    /// Id and name.
    pub who: Named,
}

impl EventView {
    async fn of(names: &mut Names<'_>, row: AuditEvent) -> Result<Self> {
        let body: Value = serde_json::from_str(&row.body).unwrap_or_default();
        let who = match row.actor_kind.as_str() {
            "user" => names.user(&row.actor_id).await?,
            "client" => names.client(&row.actor_id).await?,
            "gateway" => names.gateway(&row.actor_id).await?,
            "agent" => names.agent_named(&row.actor_id).await?,
            _ => Named { id: row.actor_id.clone(), name: row.actor_id.clone() },
        };
        let object = match row.object {
            Some(object) => Some(names.of(&object).await?),
            None => None,
        };
        let client = match &row.client_id {
            Some(client) => Some(names.client(client).await?),
            None => None,
        };
        let denied = row.outcome == "denied";
        Ok(Self {
            actor: ActorView { kind: row.actor_kind, who },
            client,
            agent: names.agent(row.agent_id.as_deref()).await?,
            reason: body["details"]["reason"].as_str().filter(|_| denied).map(str::to_owned),
            request_id: body["request_id"].as_str().unwrap_or_default().to_owned(),
            details: body["details"].clone(),
            id: row.id,
            at_ms: row.at_ms,
            position: row.position,
            action: row.action,
            object,
            outcome: row.outcome,
            story: row.story,
        })
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditList {
    /// The events, newest first.
    pub events: Vec<EventView>,
    /// Where the next page goes on.
    pub next: Option<(i64, String)>,
    /// Up to where the log is proven: how many events the newest checkpoint covers, and when it was signed (Unix milliseconds).
    pub checkpoint: Option<(i64, i64)>,
}

/// Events that match, newest first. A grant finds the whole story of its request.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadAudit`].
pub async fn audit(control: &Control, cx: &Ctx, filter: &AuditFilter, page: &Page) -> Result<AuditList> {
    cx.needs(Permission::ReadAudit)?;
    let db = control.read(cx);
    let found = db.audit(&resolve(&db, filter).await?, page).await?;
    let full = found.len() as u64 >= page.limit;
    let next = found.last().filter(|_| full).map(|last| (last.at_ms, last.id.clone()));
    let checkpoint = db.newest_checkpoint().await?.map(|newest| (newest.size, newest.at_ms));
    Ok(AuditList { events: views(&db, found).await?, next, checkpoint })
}

/// How much of a story is shown.
const LONGEST_STORY: u64 = 200;

/// Everything that belongs to a request or its grant, oldest first: anybody's with [`Permission::ReadAudit`] or
/// [`Permission::ReadRequests`], one's own otherwise.
///
/// # Errors
/// [`Error::NotFound`] for who may not see it.
pub async fn story(control: &Control, cx: &Ctx, id: &str) -> Result<Vec<EventView>> {
    let db = control.read(cx);
    let filter = resolve(&db, &AuditFilter { object: Some(id.to_owned()), ..AuditFilter::default() }).await?;
    let all = cx.actor.may(Permission::ReadAudit) || cx.actor.may(Permission::ReadRequests);
    let request = filter.object.as_deref().unwrap_or(id);
    let own = match db.get::<store::Request>(request).await? {
        Some(request) => cx.person().is_ok_and(|person| person == request.user_id),
        None => false,
    };
    if !all && !own {
        return Err(Error::NotFound);
    }
    let mut found = db.audit(&filter, &Page::first(LONGEST_STORY)).await?;
    found.reverse();
    views(&db, found).await
}

async fn views(db: &Reader<'_>, rows: Vec<AuditEvent>) -> Result<Vec<EventView>> {
    let mut names = Names::new(db);
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        views.push(EventView::of(&mut names, row).await?);
    }
    Ok(views)
}

/// A grant's story is that of its request.
pub(super) async fn resolve(db: &Reader<'_>, filter: &AuditFilter) -> Result<AuditFilter> {
    let mut filter = filter.clone();
    if let Some(object) = filter.object.as_deref().filter(|object| object.starts_with("grt_"))
        && let Some(grant) = db.get::<Grant>(object).await?
    {
        filter.object = Some(grant.request_id);
    }
    Ok(filter)
}

/// How far an event is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is in the log, under a signed checkpoint.
    Proven {
        /// Its index.
        index: i64,
        /// How many events the checkpoint covers.
        size: i64,
    },
    /// It is written, and not yet placed.
    Waiting,
    /// What is stored does not fit its place in the log.
    Broken {
        /// Its index.
        index: i64,
    },
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDetail {
    /// The event.
    pub event: EventView,
    /// The bytes that its leaf commits to: JSON.
    pub body: String,
    /// Whether they fit.
    pub proof: Proof,
}

/// One event, its proof checked here and now.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadAudit`].
pub async fn event(control: &Control, cx: &Ctx, id: &str) -> Result<EventDetail> {
    cx.needs(Permission::ReadAudit)?;
    let db = control.read(cx);
    let row = db.get::<AuditEvent>(id).await?.ok_or(Error::NotFound)?;
    let proof = match (row.position, db.newest_checkpoint().await?) {
        (None, _) => Proof::Waiting,
        (Some(index), None) => Proof::Broken { index },
        (Some(index), Some(newest)) => prove(&db, &row, index, &newest).await?,
    };
    let body = row.body.clone();
    Ok(EventDetail { event: EventView::of(&mut Names::new(&db), row).await?, body, proof })
}

async fn prove(db: &Reader<'_>, row: &AuditEvent, index: i64, newest: &Checkpoint) -> Result<Proof> {
    let proven = proven(db, row, index, newest).await?.unwrap_or(false);
    Ok(if proven { Proof::Proven { index, size: newest.size } } else { Proof::Broken { index } })
}

/// Whether the event is in the tree of the checkpoint, whose signature has to be good; `None` when something cannot be read.
async fn proven(db: &Reader<'_>, row: &AuditEvent, index: i64, newest: &Checkpoint) -> Result<Option<bool>> {
    let known = db.keys_for(keys::AUDIT_LOG).await?;
    let signed = known
        .iter()
        .filter_map(|key| super::Verifier::parse(&key.public).ok())
        .find_map(|key| ::evidence::Checkpoint::open(&newest.note, &key).ok());
    let (Some(salt), Some(head), Ok(position)) = (Salt::from_hex(&row.salt), signed, u64::try_from(index)) else { return Ok(None) };
    if position >= head.size {
        return Ok(None);
    }
    let leaf: Hash = leaf_hash(&salt, row.body.as_bytes());
    // Stored hashes that do not fit together are a broken proof, not a failure to answer.
    let path = match Prover::new(db, head.size).await {
        Ok(mut prover) => prover.inclusion(position).await,
        Err(error) => Err(error),
    };
    match path {
        Ok(path) => Ok(Some(verify_inclusion(&leaf, position, head.size, &path, &head.root))),
        Err(Error::Internal { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key that the log is signed with, in the form that `writ audit verify --key` takes.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadAudit`].
pub async fn log_key(control: &Control, cx: &Ctx) -> Result<String> {
    cx.needs(Permission::ReadAudit)?;
    keys::public(&control.read(cx), keys::AUDIT_LOG).await
}
