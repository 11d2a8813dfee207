//! Promote, halt, resume, revert.

use super::begin::object;
use super::course::{State, course, keep, set_state, sign};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::rollout::{Course, Impossible};
use serde_json::json;
use store::Rollout;

/// The rollout that somebody looks at, if it is still the one under way and stands where it was seen.
async fn seen(scene: &Scene<'_>, version: u64, reached: Option<usize>) -> Result<(Rollout, Course)> {
    let row = scene.db.rollout_under_way().await?.filter(|row| row.version.unsigned_abs() == version);
    let row = row.ok_or_else(|| Error::refused("no_rollout", format!("policy {version} is not being rolled out any more")))?;
    if reached.is_some_and(|reached| i64::try_from(reached).ok() != Some(row.reached)) {
        return Err(Error::Changed("the rollout went on after you saw it; look at it again".to_owned()));
    }
    Ok((row, course(&scene.db).await?))
}

fn refused(impossible: Impossible) -> Error {
    match impossible {
        Impossible::NoRollout => Error::refused("no_rollout", "no rollout is under way"),
        Impossible::Halted => Error::refused("halted", "the rollout is halted; resume it first"),
        Impossible::NotHalted => Error::refused("not_halted", "the rollout is not halted"),
        Impossible::UnderWay => Error::refused("rollout_under_way", "a rollout is under way; finish or revert it first"),
    }
}

/// Why, in words of a person: at most 500 characters.
fn reason(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.chars().count() > 500 {
        return Err(Error::invalid("reason", "use at most 500 characters"));
    }
    Ok(text)
}

/// Gives the version to the next ring; when the last has it, ends the rollout.
pub struct PromoteRollout {
    /// The version.
    pub version: u64,
    /// How many rings had it when the person looked.
    pub reached: usize,
}

impl UseCase for PromoteRollout {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let (row, course) = seen(scene, self.version, Some(self.reached)).await?;
        promote(scene, row, course, "").await
    }
}

/// The next ring, or the end.
pub(super) async fn promote(scene: &Scene<'_>, row: Rollout, mut course: Course, why: &str) -> Result<Done<()>> {
    let (version, ring) = (row.version, course.promote().map_err(refused)?);
    let Some(ring) = ring.map(|at| course.rings()[at].name.clone()) else {
        set_state(scene, row, State::Done, why).await?;
        keep(scene, &course).await?;
        let event = Event::new("rollout.finish").on(object(version)).details(json!({ "version": version, "why": nonempty(why) }));
        // Nobody is told to run anything else.
        return Ok(Done::new((), event));
    };
    let now_ms = scene.cx.now_ms;
    scene.db.update(Rollout { reached: row.reached + 1, reached_ms: now_ms, why: why.to_owned(), ..row }).await?;
    keep(scene, &course).await?;
    sign(scene).await?;
    let details = json!({ "version": version, "ring": ring, "why": nonempty(why) });
    Ok(Done::new((), Event::new("rollout.promote").on(object(version)).details(details)).wake())
}

fn nonempty(why: &str) -> Option<&str> {
    (!why.is_empty()).then_some(why)
}

/// Stops a rollout where it is. It moves on only when a person says so.
pub struct HaltRollout {
    /// The version.
    pub version: u64,
    /// Why, at most 500 characters; may be empty.
    pub reason: String,
}

impl UseCase for HaltRollout {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let why = reason(&self.reason)?;
        let (row, mut course) = seen(scene, self.version, None).await?;
        course.halt().map_err(refused)?;
        let event = Event::new("rollout.halt").on(object(row.version)).details(json!({ "version": row.version, "why": nonempty(why) }));
        set_state(scene, row, State::Halted, why).await?;
        Ok(Done::new((), event))
    }
}

/// Lets a halted rollout go on.
pub struct ResumeRollout {
    /// The version.
    pub version: u64,
}

impl UseCase for ResumeRollout {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let (row, mut course) = seen(scene, self.version, None).await?;
        course.resume().map_err(refused)?;
        let event = Event::new("rollout.resume").on(object(row.version)).details(json!({ "version": row.version }));
        set_state(scene, row, State::Running, "").await?;
        Ok(Done::new((), event))
    }
}

/// Has everybody run again what everybody ran before.
pub struct RevertRollout {
    /// The version that is taken back.
    pub version: u64,
    /// Why, at most 500 characters; may be empty.
    pub reason: String,
}

impl UseCase for RevertRollout {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let why = reason(&self.reason)?;
        let (row, course) = seen(scene, self.version, None).await?;
        revert(scene, row, course, why).await
    }
}

/// Back to the stable version.
pub(super) async fn revert(scene: &Scene<'_>, row: Rollout, mut course: Course, why: &str) -> Result<Done<()>> {
    let stable = course.revert().map_err(refused)?;
    let details = json!({ "version": row.version, "stable": stable, "why": nonempty(why) });
    let event = Event::new("rollout.revert").on(object(row.version)).details(details);
    set_state(scene, row, State::Reverted, why).await?;
    keep(scene, &course).await?;
    sign(scene).await?;
    Ok(Done::new((), event).wake())
}
