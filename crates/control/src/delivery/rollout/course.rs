//! Rows to a course and back.

use super::super::signing::{Signing, damaged};
use crate::error::{Error, Result};
use crate::scene::Scene;
use bundle::Role;
use bundle::assignment::{Members, Pinned, Ring};
use bundle::rollout::{Course, Rollout};
use std::collections::BTreeMap;
use store::{Pin, Reader};

/// The name of the last ring, which is everybody who is left.
pub(super) const LAST: &str = "all";

/// What is assigned now. Before the first publish nothing is: all versions are 0.
pub(crate) async fn course(db: &Reader<'_>) -> Result<Course> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let mut rings = Vec::new();
    for row in db.rings_in_order().await? {
        let members: Members = serde_json::from_str(&row.members).map_err(damaged)?;
        rings.push(Ring { name: row.id, members, version: number(row.version)? });
    }
    if rings.is_empty() {
        rings.push(Ring { name: LAST.to_owned(), members: Members::All, version: number(tenant.policy_version)? });
    }
    let mut pins = BTreeMap::new();
    for row in db.all::<Pin>().await? {
        pins.insert(row.id, Pinned { version: number(row.version)?, until: row.until_s });
    }
    let rollout = match db.rollout_under_way().await? {
        Some(row) => Some(Rollout {
            version: number(row.version)?,
            stable: number(row.stable)?,
            reached: usize::try_from(row.reached).map_err(damaged)?,
            halted: row.state == State::Halted.as_str(),
        }),
        None => None,
    };
    Ok(Course::new(rings, pins, rollout))
}

/// Writes what the rings are to run, and what counts as live: what is on its way, or else what everybody runs.
pub(super) async fn keep(scene: &Scene<'_>, course: &Course) -> Result<()> {
    let db = &scene.db;
    for row in db.rings_in_order().await? {
        let ring = course.rings().iter().find(|ring| ring.name == row.id);
        let version = i64::try_from(ring.ok_or_else(|| damaged("a ring is gone"))?.version).map_err(damaged)?;
        if version != row.version {
            db.update(store::Ring { version, since_ms: scene.cx.now_ms, ..row }).await?;
        }
    }
    let live = course.rollout().map_or_else(|| course.stable(), |rollout| rollout.version);
    Ok(db.set_live_policy(i64::try_from(live).map_err(damaged)?, None).await?)
}

/// The state of a rollout's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// On its way.
    Running,
    /// Stopped by a person.
    Halted,
    /// Taken back.
    Reverted,
    /// Every ring has it.
    Done,
    /// A newer version took its place.
    Superseded,
}

impl State {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Halted => "halted",
            Self::Reverted => "reverted",
            Self::Done => "done",
            Self::Superseded => "superseded",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Running, Self::Halted, Self::Reverted, Self::Done, Self::Superseded].into_iter().find(|state| state.as_str() == name)
    }

    /// Whether it moves no more.
    pub(super) const fn has_ended(self) -> bool {
        matches!(self, Self::Reverted | Self::Done | Self::Superseded)
    }
}

/// Writes a state into a rollout's row.
pub(super) async fn set_state(scene: &Scene<'_>, row: store::Rollout, state: State, why: &str) -> Result<()> {
    let now_ms = scene.cx.now_ms;
    let ended_ms = state.has_ended().then_some(now_ms);
    scene.db.update(store::Rollout { state: state.as_str().to_owned(), why: why.to_owned(), since_ms: now_ms, ended_ms, ..row }).await?;
    Ok(())
}

/// Signs the assignment as the rows have it, and that it is the newest. Before the first publish there is nobody to read it.
pub(super) async fn sign(scene: &Scene<'_>) -> Result<()> {
    let mut signing = Signing::open(scene).await?;
    if !signing.is_published() {
        return Ok(());
    }
    signing.assign().await?;
    signing.seal().await
}

/// The timestamp that will tell of what is signed next.
pub(super) fn next_timestamp(signing: &Signing<'_>) -> Result<i64> {
    let held = signing.repository().stamp(Role::Timestamp).map_or(0, |held| held.version);
    i64::try_from(held + 1).map_err(damaged)
}

pub(super) fn number(stored: i64) -> Result<u64> {
    u64::try_from(stored).map_err(damaged)
}
