//! The rule, applied again and again.

use super::course::{course, number};
use super::pins::{EndPins, ended};
use super::rule::Rule;
use super::sight::fleet;
use super::steps::{promote, revert};
use crate::control::Control;
use crate::ctx::Actor;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::rollout::{Cause, Course, Sighting, Situation, Tally, Verdict, judge};
use store::{Gateway, Reader, Rollout, TenantId};

/// Takes the step that the rule says is due; whether there was one. Takes ended pins off the list, too. Cheap when nothing is under way.
///
/// # Errors
/// When the database fails.
pub async fn tend_rollout(control: &Control, tenant: &TenantId) -> Result<bool> {
    let cx = control.ctx(tenant.as_str(), Actor::System, "upkeep").await?;
    let db = control.read(&cx);
    let mut acted = false;
    if !ended(&db, cx.now_s()).await?.is_empty() {
        acted |= first(control.run(&cx, EndPins).await)?;
    }
    if let Some(seen) = Seen::read(&db).await?
        && matches!(seen.verdict(tenant.as_str(), cx.now_ms)?, Verdict::Promote | Verdict::Revert(_))
    {
        acted |= first(control.run(&cx, TakeStep).await)?;
    }
    Ok(acted)
}

/// Whether we were first: another replica, or a person, may have been.
fn first(done: Result<()>) -> Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(Error::Refused { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// A rollout under way, and all that the rule looks at.
pub(super) struct Seen {
    pub(super) row: Rollout,
    pub(super) course: Course,
    pub(super) fleet: Vec<Sighting>,
    pub(super) rule: Rule,
}

impl Seen {
    pub(super) async fn read(db: &Reader<'_>) -> Result<Option<Self>> {
        let Some(row) = db.rollout_under_way().await? else { return Ok(None) };
        let gateways = db.all::<Gateway>().await?;
        let fleet = fleet(&gateways, &db.bundle_heads().await?);
        Ok(Some(Self { row, course: course(db).await?, fleet, rule: Rule::read(db).await? }))
    }

    pub(super) fn verdict(&self, tenant: &str, now_ms: i64) -> Result<Verdict> {
        Ok(judge(&Situation {
            tenant,
            course: &self.course,
            reached_ms: self.row.reached_ms,
            timestamp: number(self.row.timestamp)?,
            fleet: &self.fleet,
            bounds: self.rule.bounds(),
            now_ms,
        }))
    }
}

struct TakeStep;

impl UseCase for TakeStep {
    type Out = ();
    const NEEDS: Permission = Permission::BeSystem;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let nothing = || Error::refused("nothing_due", "no step is due");
        let seen = Seen::read(&scene.db).await?.ok_or_else(nothing)?;
        match seen.verdict(scene.cx.tenant.as_str(), scene.cx.now_ms)? {
            Verdict::Promote => promote(scene, seen.row, seen.course, "by the rule").await,
            Verdict::Revert(cause) => revert(scene, seen.row, seen.course, &said(&cause)).await,
            Verdict::Rest | Verdict::Wait(_) => Err(nothing()),
        }
    }
}

/// A cause in words.
fn said(cause: &Cause) -> String {
    let of = |tally: &Tally| format!("{} of {} calls", tally.denied, tally.calls());
    match cause {
        Cause::Refused { gateway, code } => format!("{gateway} refused it: {code}"),
        Cause::Denials { now, before } => format!("more is denied: {} now, {} before", of(now), of(before)),
    }
}
