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
use std::collections::BTreeMap;
use store::{Gateway, Reader, Rollout};

/// A ring, and who is in it now.
#[derive(Debug, Clone, PartialEq)]
pub struct RingView {
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub members: Members,
    /// What it is to run; 0 before the first publish.
    pub version: u64,
    /// Since when, Unix milliseconds; none where nobody arranged rings.
    pub since_ms: Option<i64>,
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
        rings: members(&db, &course, &fleet).await?,
        digest: super::rings_digest(course.rings()),
        under_way: course.rollout().map(|rollout| rollout.version),
        rule: Rule::read(&db).await?,
    })
}

async fn members(db: &Reader<'_>, course: &Course, fleet: &[Sighting]) -> Result<Vec<RingView>> {
    let rows = db.rings_in_order().await?;
    let tenant = db.tenant().as_str();
    let view = |ring: &bundle::assignment::Ring| RingView {
        name: ring.name.clone(),
        members: ring.members.clone(),
        version: ring.version,
        since_ms: rows.iter().find(|row| row.id == ring.name).map(|row| row.since_ms),
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
    Ok(rings)
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
    let rings = members(&db, &seen.course, &seen.fleet).await?;
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

/// The version on its way that waits for this gateway, if one does.
pub(in super::super) async fn waits_for(db: &Reader<'_>, cx: &Ctx, gateway: &Gateway) -> Result<Option<u64>> {
    let Some(seen) = Seen::read(db).await? else { return Ok(None) };
    let Verdict::Wait(waits) = seen.verdict(cx.tenant.as_str(), cx.now_ms)? else { return Ok(None) };
    let for_it = waits.iter().any(|wait| match wait {
        Wait::Unconfirmed(laggards) => laggards.iter().any(|laggard| laggard.id == gateway.id),
        Wait::Failing(failing) => failing.iter().any(|(name, _)| *name == gateway.name),
        Wait::Person | Wait::Soak { .. } | Wait::Anybody | Wait::Calls { .. } => false,
    });
    Ok(seen.course.rollout().filter(|_| for_it).map(|rollout| rollout.version))
}

/// The version that is on its way, with its state, if one is.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConsole`].
pub async fn rollout_under_way(control: &Control, cx: &Ctx) -> Result<Option<Rollout>> {
    cx.needs(Permission::ReadConsole)?;
    Ok(control.read(cx).rollout_under_way().await?)
}

/// How every policy's way through the rings stands, by version.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn states(control: &Control, cx: &Ctx) -> Result<BTreeMap<i64, State>> {
    cx.needs(Permission::ReadConfig)?;
    let rows = control.read(cx).all::<Rollout>().await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.version, State::parse(&row.state)?))).collect())
}

/// The ring that a policy published now would reach first; none where everybody gets it at once.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn first_ring(control: &Control, cx: &Ctx) -> Result<Option<String>> {
    cx.needs(Permission::ReadConfig)?;
    let mut course = course(&control.read(cx)).await?;
    course.publish(u64::MAX);
    Ok(course.rollout().map(|_| course.rings()[0].name.clone()))
}
