//! What publishing does, and what a higher floor does.

use super::super::signing::{Signing, damaged, usual_floor};
use super::course::{State, course, keep, next_timestamp, number, set_state};
use crate::error::Result;
use crate::event::Event;
use crate::scene::Scene;
use serde_json::json;
use store::{Reader, Rollout};

/// How a version reaches the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through the rings, from the first on.
    Rings,
    /// To everybody at once: it changes nothing for callers, or it must not wait.
    Everywhere,
}

/// Has a version that the policy key has signed begin its way. Answers what happened beside.
pub(crate) async fn begin(scene: &Scene<'_>, signing: &mut Signing<'_>, version: i64, way: Way) -> Result<Vec<Event>> {
    let mut course = course(&scene.db).await?;
    let mut events = Vec::new();
    match way {
        Way::Rings => course.publish(number(version)?),
        Way::Everywhere => course.everywhere(number(version)?),
    }
    if let Some(before) = scene.db.rollout_under_way().await? {
        events
            .push(Event::new("rollout.supersede").on(object(before.version)).details(json!({ "version": before.version, "by": version })));
        set_state(scene, before, State::Superseded, &format!("policy {version} took its place")).await?;
    }
    if let Some(rollout) = course.rollout() {
        let ring = &course.rings()[0].name;
        let stable = i64::try_from(rollout.stable).map_err(damaged)?;
        let now_ms = scene.cx.now_ms;
        let row = Rollout {
            id: version.to_string(),
            version,
            stable,
            reached: 1,
            state: State::Running.as_str().to_owned(),
            why: String::new(),
            since_ms: now_ms,
            reached_ms: now_ms,
            timestamp: next_timestamp(signing)?,
            started_ms: now_ms,
            started_by: scene.cx.actor.id().to_owned(),
            ended_ms: None,
        };
        scene.db.insert(row).await?;
        events.push(Event::new("rollout.start").on(object(version)).details(json!({ "version": version, "ring": ring, "stable": stable })));
    }
    keep(scene, &course).await?;
    signing.assign().await?;
    Ok(events)
}

/// How audit events name a rollout: as the policy that is rolled out.
pub(super) fn object(version: i64) -> String {
    format!("policy/{version}")
}

/// The floor that publishing `version` sets: nobody is told to run what may run no more.
pub(crate) async fn lowest_floor(db: &Reader<'_>, version: u64) -> Result<u64> {
    let usual = usual_floor(version);
    Ok(match course(db).await?.lowest() {
        0 => usual,
        lowest => usual.min(lowest),
    })
}

/// Brings what is assigned in line with the floor that the policy key has signed. Answers what that changed.
pub(crate) async fn keep_above_floor(scene: &Scene<'_>, signing: &mut Signing<'_>) -> Result<Vec<Event>> {
    let floor = signing.repository().min_version();
    let mut course = course(&scene.db).await?;
    if course.lowest() >= floor {
        return Ok(Vec::new());
    }
    let newest = signing.repository().policy_versions().pop().ok_or_else(|| damaged("no version may run"))?;
    let raised = course.raise(floor, newest);
    let mut events = Vec::new();
    for gateway in &raised.unpinned {
        scene.db.delete::<store::Pin>(gateway).await?;
        let why = format!("no version below {floor} may run");
        events.push(Event::new("gateway.unpin").on(gateway).details(json!({ "why": why })));
    }
    if let Some(row) = scene.db.rollout_under_way().await?.filter(|_| raised.finished) {
        let why = format!("no version below {floor} may run, so there is nothing to go back to");
        events.push(Event::new("rollout.finish").on(object(row.version)).details(json!({ "version": row.version, "why": why })));
        set_state(scene, row, State::Done, &why).await?;
    }
    keep(scene, &course).await?;
    signing.assign().await?;
    Ok(events)
}
