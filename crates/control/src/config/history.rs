//! Who changed what, and what it was before: read from the audit log, which knows every change anyway.

use crate::error::Result;
use crate::governance::Names;
use serde_json::Value;
use std::collections::BTreeSet;
use store::{AuditEvent, AuditFilter, Page, Reader};

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Who made it, by id.
    pub actor: String,
    /// Who made it, by name; `the host's shell` where it was done there.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The event's facts.
    pub details: Value,
}

async fn edit(db: &Reader<'_>, event: AuditEvent) -> Result<Edit> {
    let by = match event.actor_kind.as_str() {
        "user" => Names::new(db).user(&event.actor_id).await?.name,
        "host" => "the host's shell".to_owned(),
        _ => event.actor_id.clone(),
    };
    let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
    Ok(Edit { actor: event.actor_id, by, at_ms: event.at_ms, details: body["details"].clone() })
}

/// The newest successful change whose action begins with `action`, to `object`.
pub(super) async fn newest(db: &Reader<'_>, action: &str, object: &str) -> Result<Option<Edit>> {
    first(db, AuditFilter { action: Some(action.to_owned()), object: Some(object.to_owned()), ..AuditFilter::default() }).await
}

/// When somebody last accepted the definition of a tool that has this digest.
pub(super) async fn accepted(db: &Reader<'_>, server: &str, digest: &str) -> Result<Option<Edit>> {
    let text = format!("\"definition\":\"{digest}\"");
    first(
        db,
        AuditFilter { action: Some("tool.bind".to_owned()), object: Some(server.to_owned()), text: Some(text), ..AuditFilter::default() },
    )
    .await
}

async fn first(db: &Reader<'_>, filter: AuditFilter) -> Result<Option<Edit>> {
    let filter = AuditFilter { outcome: Some("ok".to_owned()), ..filter };
    match db.audit(&filter, &Page::first(1)).await?.pop() {
        Some(event) => Ok(Some(edit(db, event).await?)),
        None => Ok(None),
    }
}

/// How far back a role's older state is looked for.
const DEEPEST: u64 = 200;

/// The scopes that a role gave at a version, if the log still says so.
pub(super) async fn role_at(db: &Reader<'_>, role: &str, version: i64) -> Result<Option<BTreeSet<String>>> {
    let filter = AuditFilter { action: Some("role.".to_owned()), object: Some(role.to_owned()), ..AuditFilter::default() };
    let events = db.audit(&filter, &Page::first(DEEPEST)).await?;
    let state = events.into_iter().find_map(|event| {
        let body: Value = serde_json::from_str(&event.body).ok()?;
        let details = &body["details"];
        (details["version"].as_i64() == Some(version)).then(|| details["scopes"].as_array().cloned())?
    });
    Ok(state.map(|scopes| scopes.iter().filter_map(|scope| scope.as_str().map(str::to_owned)).collect()))
}
