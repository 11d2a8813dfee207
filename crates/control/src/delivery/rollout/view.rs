//! Rings and rollouts, to be looked at.

use super::course::{State, course};
use super::rule::Rule;
use super::sight::fleet;
use super::tend::Seen;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use bundle::assignment::{Member, Members};
use bundle::rollout::{Course, Sighting, Tally, Verdict, Wait};
use store::{Gateway, Rollout};

/// A ring, and who is in it now.
#[derive(Debug, Clone, PartialEq)]
pub struct RingView {
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub members: Members,
    /// What it is to run; 0 before the first publish.
    pub version: u64,
    /// Its gateways, by name. Pinned ones are among them.
    pub gateways: Vec<Sighting>,
}

/// The rings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rings {
    /// In order.
    pub rings: Vec<RingView>,
    /// To hand to [`super::ArrangeRings`].
    pub digest: String,
    /// The version that is on its way, if one is: the rings cannot be edited meanwhile.
    pub under_way: Option<u64>,
    /// The rule's settings.
    pub rule: Rule,
}

/// The rings, who is in which, and the rule.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn rings(control: &Control, cx: &Ctx) -> Result<Rings> {
    cx.needs(Permission::ReadFleet)?;
    let db = control.read(cx);
    let course = course(&db).await?;
    let fleet = fleet(&db.all::<Gateway>().await?, &db.bundle_heads().await?);
    Ok(Rings {
        rings: members(&course, &fleet, cx.tenant.as_str()),
        digest: super::rings_digest(course.rings()),
        under_way: course.rollout().map(|rollout| rollout.version),
        rule: Rule::read(&db).await?,
    })
}

fn members(course: &Course, fleet: &[Sighting], tenant: &str) -> Vec<RingView> {
    let view = |ring: &bundle::assignment::Ring| RingView {
        name: ring.name.clone(),
        members: ring.members.clone(),
        version: ring.version,
        gateways: Vec::new(),
    };
    let mut rings: Vec<RingView> = course.rings().iter().map(view).collect();
    for seen in fleet {
        let member = Member { tenant, gateway: &seen.id, labels: &seen.labels };
        if let Some(ring) = course.place(&member).and_then(|place| rings.get_mut(place)) {
            ring.gateways.push(seen.clone());
        }
    }
    for ring in &mut rings {
        ring.gateways.sort_by(|a, b| a.name.cmp(&b.name));
    }
    rings
}

/// A rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutView {
    /// Version, state, why, since when.
    pub row: Rollout,
    /// Its state.
    pub state: State,
    /// While it is under way: the rings, each with its gateways. Empty once it has ended.
    pub rings: Vec<RingView>,
    /// Ids of the gateways that are pinned.
    pub pinned: Vec<String>,
    /// What has to come first before it goes on; empty if nothing, or if it rests.
    pub waits: Vec<Wait>,
    /// What its gateways decided under it, and under what everybody ran before.
    pub decided: (Tally, Tally),
}

/// The rollout of a version, under way or ended; none where it went to everybody at once.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn rollout(control: &Control, cx: &Ctx, version: u64) -> Result<Option<RolloutView>> {
    cx.needs(Permission::ReadFleet)?;
    let db = control.read(cx);
    let Some(row) = db.get::<Rollout>(&version.to_string()).await? else { return Ok(None) };
    let unknown = || Error::internal("reading a rollout", format!("{:?} is no state", row.state));
    let state = State::parse(&row.state).ok_or_else(unknown)?;
    let Some(seen) = Seen::read(&db).await?.filter(|seen| seen.row.id == row.id) else {
        return Ok(Some(RolloutView { state, row, rings: Vec::new(), pinned: Vec::new(), waits: Vec::new(), decided: Default::default() }));
    };
    let rings = members(&seen.course, &seen.fleet, cx.tenant.as_str());
    let waits = match seen.verdict(cx.tenant.as_str(), cx.now_ms)? {
        Verdict::Wait(waits) => waits,
        _ => Vec::new(),
    };
    let reached = usize::try_from(row.reached).unwrap_or_default();
    let under = |version: i64| {
        let gateways = rings.iter().take(reached).flat_map(|ring| &ring.gateways);
        gateways.filter_map(|seen| seen.tallies.get(&version.unsigned_abs()).copied()).fold(Tally::default(), |all, one| all + one)
    };
    let decided = (under(row.version), under(row.stable));
    let pins = seen.course.pins().iter().filter(|(_, pinned)| cx.now_s() < pinned.until);
    Ok(Some(RolloutView { state, pinned: pins.map(|(id, _)| id.clone()).collect(), waits, decided, rings, row }))
}

/// The version that is on its way, with its state, if one is.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConsole`].
pub async fn rollout_under_way(control: &Control, cx: &Ctx) -> Result<Option<Rollout>> {
    cx.needs(Permission::ReadConsole)?;
    Ok(control.read(cx).rollout_under_way().await?)
}
