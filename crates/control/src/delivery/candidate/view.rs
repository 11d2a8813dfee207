//! The candidate that awaits its signature, as people see it.

use super::super::compile::{live, read as read_policy};
use super::super::signing::{damaged, read_repository};
use super::export::asked_by;
use super::sign::read;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::permission::Permission;
use bundle::ceremony::{ForOpas, Kind};
use policy::{Change, PolicySet};

/// A candidate that awaits its signature.
#[derive(Debug, Clone)]
pub struct CandidateView {
    /// Its number.
    pub number: u64,
    /// Why the policy key is asked.
    pub kind: Kind,
    /// The policy version that it adds.
    pub policy_version: Option<i64>,
    /// What was noted.
    pub note: String,
    /// Who asked, by name.
    pub requested_by: String,
    /// When, Unix milliseconds.
    pub requested_ms: i64,
    /// The draft that it publishes.
    pub draft: Option<i64>,
    /// Ids of the keys that may sign, and whether they have.
    pub keys: Vec<(String, bool)>,
    /// How many must.
    pub threshold: u32,
    /// What the list of policies would say otherwise.
    pub changes: Vec<String>,
    /// Who could do what that they cannot now, and the other way round.
    pub access: Vec<Change>,
}

impl CandidateView {
    /// How many keys have signed.
    pub fn signed(&self) -> u32 {
        u32::try_from(self.keys.iter().filter(|(_, signed)| *signed).count()).unwrap_or(u32::MAX)
    }
}

/// The candidate that awaits its signature, if one does.
///
/// # Errors
/// [`crate::Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn candidate(control: &Control, cx: &Ctx) -> Result<Option<CandidateView>> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let Some(row) = db.candidate_awaiting().await? else { return Ok(None) };
    let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
    let repository = read_repository(&state)?;
    let offer = read(&row)?;
    let missing = repository.missing(&offer.unsigned).map_err(damaged)?.pop();
    let access = match &offer.adds {
        Some(added) => policy::diff(&live(&db).await?.unwrap_or_else(PolicySet::default), &read_policy(&added.text)?),
        None => Vec::new(),
    };
    let mut changes = repository.difference(&offer.unsigned).map_err(damaged)?;
    changes.extend(offer.for_opas.map(|asked| ForOpas::sentence(&asked.keyid, &asked.versions)));
    Ok(Some(CandidateView {
        number: offer.unsigned.version(),
        kind: offer.kind,
        policy_version: row.policy_version,
        requested_by: asked_by(&db, &row.requested_by).await?,
        requested_ms: row.requested_ms,
        draft: row.draft,
        threshold: missing.as_ref().map_or(1, |missing| missing.threshold),
        keys: missing.map(|missing| missing.keys).unwrap_or_default(),
        changes,
        access,
        note: row.note,
    }))
}
