//! Which step is due.

use super::course::Course;
use super::tally::Tally;
use crate::assignment::Member;
use std::collections::BTreeMap;

/// What the rule goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Whether the rule promotes. It stops what goes wrong in any case.
    pub promotes: bool,
    /// How long a ring has to have had the version before the next gets it, milliseconds.
    pub soak_ms: i64,
    /// By how much the share of denied calls may rise, in hundredths of a percent.
    pub most_rise: u16,
    /// From so many calls on the share of denials is judged. The rule does not promote on fewer.
    pub least_calls: u64,
}

/// A gateway as it last reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Its id, as pins and rings have it.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The version in force there, if it is the very one that was published.
    pub running: Option<u64>,
    /// When it last reported, Unix milliseconds.
    pub seen_ms: Option<i64>,
    /// Code of the error that it reports.
    pub error: Option<String>,
    /// The timestamp that it refused with that error, if it refused one.
    pub refused: Option<u64>,
    /// What it decided, by policy version.
    pub tallies: BTreeMap<u64, Tally>,
}

/// Everything that the rule looks at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The tenant's slug.
    pub tenant: &'a str,
    /// What is assigned.
    pub course: &'a Course,
    /// When the newest ring was reached, Unix milliseconds.
    pub reached_ms: i64,
    /// The timestamp that told of the version first: whoever refuses this one or a later one may have refused the version.
    pub timestamp: u64,
    /// The fleet.
    pub fleet: &'a [Sighting],
    /// What the tenant set.
    pub bounds: Bounds,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: no rollout is under way, or a person halted it.
    Rest,
    /// The next ring gets it; or, if the last has it, it is done.
    Promote,
    /// Something has to come first.
    Wait(Vec<Wait>),
    /// Everybody goes back.
    Revert(Cause),
}

/// What has to come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A person's word.
    Person,
    /// Time.
    Soak {
        /// Until when, Unix milliseconds.
        until_ms: i64,
    },
    /// A gateway that runs the version at all: a rollout through empty rings would prove nothing.
    Anybody,
    /// These have not put it in force.
    Unconfirmed(Vec<Laggard>),
    /// These report an error.
    Failing(Vec<(String, String)>),
    /// Calls.
    Calls {
        /// How many were decided.
        decided: u64,
        /// How many it takes.
        needed: u64,
    },
}

/// A gateway that has not put the version in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laggard {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it last reported, Unix milliseconds.
    pub seen_ms: Option<i64>,
}

/// Why everybody goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A gateway refused it.
    Refused {
        /// The gateway's name.
        gateway: String,
        /// The code of its error.
        code: String,
    },
    /// More calls are denied than before.
    Denials {
        /// Where it is in force.
        now: Tally,
        /// What it is compared with.
        before: Tally,
    },
}

/// Says which step is due.
#[must_use]
pub fn judge(at: &Situation<'_>) -> Verdict {
    let Some(rollout) = at.course.rollout().filter(|rollout| !rollout.halted) else { return Verdict::Rest };
    // A pinned gateway runs what it is pinned to, whatever its ring does: it neither proves nor disproves anything.
    let free =
        at.fleet.iter().filter(|seen| at.course.pins().get(&seen.id).is_none_or(|pinned| at.now_ms.div_euclid(1000) >= pinned.until));
    let reached: Vec<&Sighting> = free
        .filter(|seen| {
            let member = Member { tenant: at.tenant, gateway: &seen.id, labels: &seen.labels };
            at.course.place(&member).is_some_and(|place| place < rollout.reached)
        })
        .collect();
    let runs = |seen: &Sighting| seen.running == Some(rollout.version);
    for seen in reached.iter().filter(|seen| !runs(seen)) {
        if let (Some(code), Some(refused)) = (&seen.error, seen.refused)
            && refused >= at.timestamp
        {
            return Verdict::Revert(Cause::Refused { gateway: seen.name.clone(), code: code.clone() });
        }
    }
    let now = sum(reached.iter().copied(), rollout.version);
    let enough = |tally: &Tally| tally.calls() >= at.bounds.least_calls.max(1);
    // The same gateways before are the best measure; where they had too little to do, all of them are.
    let before = Some(sum(reached.iter().copied(), rollout.stable)).filter(enough);
    let before = before.or_else(|| Some(sum(at.fleet.iter(), rollout.stable)).filter(enough));
    if let Some(before) = before.filter(|before| enough(&now) && now.jumps(*before, at.bounds.most_rise)) {
        return Verdict::Revert(Cause::Denials { now, before });
    }
    let last = rollout.reached >= at.course.rings().len();
    let mut waits = Vec::new();
    if !at.bounds.promotes && !last {
        waits.push(Wait::Person);
    }
    let until_ms = at.reached_ms.saturating_add(at.bounds.soak_ms);
    if at.now_ms < until_ms && !last {
        waits.push(Wait::Soak { until_ms });
    }
    if !reached.iter().any(|seen| runs(seen)) {
        waits.push(Wait::Anybody);
    }
    let laggards: Vec<Laggard> = reached
        .iter()
        .filter(|seen| !runs(seen))
        .map(|seen| Laggard { id: seen.id.clone(), name: seen.name.clone(), seen_ms: seen.seen_ms })
        .collect();
    if !laggards.is_empty() {
        waits.push(Wait::Unconfirmed(laggards));
    }
    let failing: Vec<_> = reached.iter().filter_map(|seen| Some((seen.name.clone(), seen.error.clone()?))).collect();
    if !failing.is_empty() {
        waits.push(Wait::Failing(failing));
    }
    if now.calls() < at.bounds.least_calls && !last {
        waits.push(Wait::Calls { decided: now.calls(), needed: at.bounds.least_calls });
    }
    if waits.is_empty() { Verdict::Promote } else { Verdict::Wait(waits) }
}

fn sum<'s>(gateways: impl Iterator<Item = &'s Sighting>, version: u64) -> Tally {
    gateways.filter_map(|seen| seen.tallies.get(&version).copied()).fold(Tally::default(), |all, one| all + one)
}
