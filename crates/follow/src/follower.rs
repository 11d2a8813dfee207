//! The state machine.

use crate::effect::{At, Effect, Event, News, Ticket};
use crate::report::{Report, Trouble};
use crate::source::Source;
use bundle::{Activated, Kept, Next, Pin, Refused, Response, Role, Trusted, Update};
use enforce::{Active, Freshness, Unusable};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How often to ask for new roots even if news keeps coming, milliseconds.
const FULL_PULL_MS: i64 = 60_000;
/// How often to say that we are here. The control plane calls a gateway silent after 30 s.
const HEARTBEAT_MS: i64 = 8_000;
/// The shortest time between two rounds, whatever the other side does.
const SHORTEST_ROUND_MS: i64 = 200;
/// The longest wait after failures.
const LONGEST_WAIT_MS: i64 = 10_000;
/// The longest that a source may spread acknowledgements over.
const LONGEST_SPREAD_MS: i64 = 5_000;
/// The longest that a source may ask to be left alone.
const LONGEST_ASKED_MS: i64 = 60_000;

/// Follows one repository. See the [crate].
#[derive(Debug)]
pub struct Follower {
    source: Source,
    trusted: Trusted,
    active: Option<Arc<Active>>,
    phase: Phase,
    /// Of the request that is under way.
    ticket: Ticket,
    /// What may be told.
    confirmed: Report,
    /// What is in force, and may be told when what it refuses has ended and the disk has it; by the number of its [`Effect::End`].
    unconfirmed: VecDeque<(u64, Report)>,
    /// The number of the newest end, of the newest that is over, and of the newest whose state went to disk, or could not.
    ends: u64,
    ended: u64,
    kept: u64,
    /// What stands in the way.
    trouble: Option<Trouble>,
    /// The timestamp whose state was refused, while that stands in the way.
    rejected: Option<u64>,
    /// Why the state in force is not on disk, if it is not.
    unkept: Option<Trouble>,
    /// A timestamp that was refused: wait for a newer one instead of being told of it at once, again and again.
    refused: u64,
    failures: u32,
    /// When everything was last asked for, and when the round began, by the steady clock.
    pulled: Option<i64>,
    began: i64,
    next_beat: i64,
    /// Over how long the source spreads acknowledgements of its news, milliseconds.
    spread_ms: i64,
    /// Somebody waits for a newer list.
    hurried: bool,
    random: StdRng,
}

#[derive(Debug)]
enum Phase {
    /// Before [`Event::Start`].
    New,
    /// A watch is held, or the next poll is waited for.
    Watching { until: Option<i64> },
    /// An update is being verified; the file it wants is on its way.
    Updating(Box<Updating>),
    /// What was verified is in force, and on its way to disk.
    Keeping,
    /// Nothing is done until then, unless somebody hurries after `hurry_from`.
    Waiting { until: i64, hurry_from: i64 },
}

#[derive(Debug)]
struct Updating {
    update: Update,
    /// Files that came with the news.
    pushed: BTreeMap<String, String>,
    /// The timestamp that the news was of.
    offered: Option<u64>,
    wanted: String,
}

/// Why a round came to nothing.
enum Failure {
    /// The source did not answer. Nobody there to tell.
    Silence,
    NothingPublished,
    Refused(Refused),
    Unusable(Unusable),
}

impl Failure {
    fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Silence => None,
            Self::NothingPublished => Some(Trouble::new(
                Trouble::NOTHING_PUBLISHED,
                "the tenant has not published a policy yet: publish one, the gateway takes it up by itself",
            )),
            Self::Refused(refused) => Some(Trouble::new(refused.code(), refused)),
            Self::Unusable(unusable) => Some(Trouble::new(unusable.code(), unusable)),
        }
    }
}

/// Reads and verifies at the start of a gateway what it kept. What is verified can be enforced at once, however old: the ladder in the
/// policy says what old means. A state that does not verify, or that is older than the floors beside it, is not used: the gateway starts
/// closed, and still accepts nothing older than the floors say.
///
/// The troubles say what stands against what was kept; there is a follower to begin with all the same.
pub fn restore(source: Source, pin: Pin, kept: Kept<&[u8]>, at: At, seed: u64) -> (Follower, Vec<Trouble>) {
    let (trusted, restored, refused) = Trusted::restore(&pin, kept, at.unix_s());
    let mut troubles: Vec<_> = refused.iter().map(|refused| Trouble::new(refused.code(), refused)).collect();
    let active = match restored.map(|activated| build(None, &trusted.pin().tenant, &activated)).transpose() {
        Ok(active) => active.map(Arc::new),
        Err(unusable) => {
            troubles.push(Trouble::new(unusable.code(), &unusable));
            None
        }
    };
    let mut follower = Follower::new(source, trusted, active, seed);
    // It is told until the first round that goes well.
    follower.trouble = troubles.first().cloned();
    (follower, troubles)
}

fn build(now_active: Option<&Active>, tenant: &str, activated: &Activated) -> Result<Active, Unusable> {
    let freshness = Freshness { timestamp: activated.timestamp, fresh_until: activated.fresh_until };
    let list = (activated.revocations.text(), activated.revocation_seq);
    let policy = &activated.policy;
    match now_active {
        // The policy is the same: nothing of it is compiled again.
        Some(active) if active.policy_sha256() == policy.sha256() && active.policy().version == policy.version => {
            active.with(list, freshness)
        }
        _ => Active::build(tenant, (policy.text(), policy.version, policy.sha256()), list, freshness),
    }
}

impl Follower {
    fn new(source: Source, trusted: Trusted, active: Option<Arc<Active>>, seed: u64) -> Self {
        let mut new = Self {
            source,
            trusted,
            active,
            phase: Phase::New,
            ticket: 0,
            confirmed: Report::default(),
            unconfirmed: VecDeque::new(),
            ends: 0,
            ended: 0,
            kept: 0,
            trouble: None,
            rejected: None,
            unkept: None,
            refused: 0,
            failures: 0,
            pulled: None,
            began: 0,
            next_beat: 0,
            spread_ms: 0,
            hurried: false,
            random: StdRng::seed_from_u64(seed),
        };
        // Nothing streams yet.
        new.confirmed = new.in_force();
        new
    }

    /// What is in force; none: closed.
    #[must_use]
    pub fn active(&self) -> Option<&Arc<Active>> {
        self.active.as_ref()
    }

    /// What may be told of what is in force. That it is not on disk comes before any other error: it says what a restart would undo.
    #[must_use]
    pub fn report(&self) -> Report {
        let error = self.unkept.clone().or_else(|| self.trouble.clone());
        let refused = self.rejected.filter(|_| self.unkept.is_none() && self.trouble.is_some());
        Report { error, refused, ..self.confirmed.clone() }
    }

    /// Takes an event and says what to do, in this order.
    pub fn step(&mut self, event: Event, at: At) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::Start => {
                self.next_beat = at.steady_ms + HEARTBEAT_MS;
                if matches!(self.phase, Phase::New) {
                    self.pull(at, &mut out);
                }
            }
            Event::Tick => self.tick(at, &mut out),
            Event::Hurry => self.hurry(at, &mut out),
            Event::Watched(ticket, news) if ticket == self.ticket && matches!(self.phase, Phase::Watching { .. }) => {
                self.watched(news, at, &mut out);
            }
            Event::Fetched(ticket, body) if ticket == self.ticket => self.fetched(body, at, &mut out),
            Event::Failed { ticket, wait_ms } if ticket == self.ticket => self.fail(&Failure::Silence, wait_ms, at, &mut out),
            // Of a request that was given up.
            Event::Watched(..) | Event::Fetched(..) | Event::Failed { .. } => {}
            Event::Kept(kept) => self.kept(kept, at, &mut out),
            Event::Ended(number) => self.ended(number, at, &mut out),
        }
        out.push(Effect::WakeAt(self.wake_at()));
        out
    }

    /// From when on somebody who hurries is heard: not sooner after the last round than this.
    fn hurry_from(&self) -> Option<i64> {
        match &self.phase {
            Phase::Watching { .. } => Some(self.began + SHORTEST_ROUND_MS),
            Phase::Waiting { hurry_from, .. } => Some(*hurry_from),
            Phase::New | Phase::Updating(_) | Phase::Keeping => None,
        }
    }

    fn wake_at(&self) -> i64 {
        let own = match &self.phase {
            Phase::Watching { until: Some(until) } | Phase::Waiting { until, .. } => *until,
            Phase::Watching { until: None } => self.pulled.map_or(i64::MAX, |pulled| pulled + FULL_PULL_MS),
            Phase::New | Phase::Updating(_) | Phase::Keeping => i64::MAX,
        };
        let hurried = self.hurry_from().filter(|_| self.hurried);
        let own = own.min(hurried.unwrap_or(i64::MAX));
        if self.source.hears() { own.min(self.next_beat) } else { own }
    }

    fn tick(&mut self, at: At, out: &mut Vec<Effect>) {
        if self.source.hears() && at.steady_ms >= self.next_beat {
            self.next_beat = at.steady_ms + HEARTBEAT_MS;
            out.push(Effect::Acknowledge(self.report()));
        }
        if self.hurried && self.hurry_from().is_some_and(|from| at.steady_ms >= from) {
            return self.pull(at, out);
        }
        let due = match &self.phase {
            Phase::Waiting { until, .. } => at.steady_ms >= *until,
            Phase::Watching { until: Some(until) } => at.steady_ms >= *until,
            Phase::Watching { until: None } => self.pull_is_due(at),
            Phase::New | Phase::Updating(_) | Phase::Keeping => false,
        };
        if due {
            self.go_on(at, out);
        }
    }

    /// A watch that has begun is not disturbed more often than a pull is due anyway.
    fn pull_is_due(&self, at: At) -> bool {
        self.pulled.is_none_or(|pulled| at.steady_ms - pulled >= FULL_PULL_MS)
    }

    fn hurry(&mut self, at: At, out: &mut Vec<Effect>) {
        // In the middle of a round, or too soon after one: right after it.
        match self.hurry_from() {
            Some(from) if at.steady_ms >= from => self.pull(at, out),
            _ => self.hurried = true,
        }
    }

    /// The next round: asks for everything if that is due, else to be told.
    fn go_on(&mut self, at: At, out: &mut Vec<Effect>) {
        let soonest = self.began + SHORTEST_ROUND_MS;
        if self.hurried && at.steady_ms < soonest {
            self.phase = Phase::Waiting { until: soonest, hurry_from: soonest };
            return;
        }
        if self.hurried || self.pull_is_due(at) || !self.source.hears() {
            return self.pull(at, out);
        }
        self.began = at.steady_ms;
        self.ticket += 1;
        self.phase = Phase::Watching { until: None };
        out.push(Effect::Watch { ticket: self.ticket, known: self.trusted.timestamp().max(self.refused) });
    }

    fn pull(&mut self, at: At, out: &mut Vec<Effect>) {
        self.hurried = false;
        self.begin_update(None, BTreeMap::new(), at, out);
    }

    fn begin_update(&mut self, offered: Option<u64>, pushed: BTreeMap<String, String>, at: At, out: &mut Vec<Effect>) {
        // Whatever was asked for before is given up.
        self.ticket += 1;
        let mut update = Update::start(&self.trusted, at.unix_s());
        if pushed.is_empty() {
            (self.pulled, self.began) = (Some(at.steady_ms), at.steady_ms);
        } else {
            // The newest root is part of the news where it changed.
            update = update.without_root_probe();
        }
        let next = update.proceed();
        self.proceed(Updating { update, pushed, offered, wanted: String::new() }, next, at, out);
    }

    fn watched(&mut self, news: News, at: At, out: &mut Vec<Effect>) {
        let News { timestamp, files, wait_ms, ack_within_ms } = news;
        self.spread_ms = ack_within_ms.clamp(0, LONGEST_SPREAD_MS);
        if files.is_empty() && timestamp <= self.trusted.timestamp().max(self.refused) {
            // It answers, so it is there. What was refused before is refused still.
            self.failures = 0;
            // A source that answers at once with nothing must not be asked in a circle.
            let rest = SHORTEST_ROUND_MS - (at.steady_ms - self.began);
            return self.rest(wait_ms.max(rest), at, out);
        }
        self.begin_update(Some(timestamp), files, at, out);
    }

    /// Feeds the update what the news brought, until it needs a file or is through.
    fn proceed(&mut self, mut updating: Updating, mut next: Result<Next, Refused>, at: At, out: &mut Vec<Effect>) {
        loop {
            match next {
                Err(refused) => return self.refuse(updating, refused, at, out),
                Ok(Next::Done(activated)) => return self.verified(*activated, updating.offered, at, out),
                Ok(Next::Fetch { path, max_len }) => match updating.pushed.get(&path) {
                    Some(text) => {
                        let body = Some(text.clone().into_bytes());
                        next = updating.update.step(Response { path, body });
                    }
                    None => {
                        self.ticket += 1;
                        out.push(Effect::Fetch { ticket: self.ticket, path: path.clone(), max_len });
                        updating.wanted = path;
                        self.phase = Phase::Updating(Box::new(updating));
                        return;
                    }
                },
            }
        }
    }

    fn fetched(&mut self, body: Option<Vec<u8>>, at: At, out: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::New) {
            Phase::Updating(mut updating) => {
                let path = std::mem::take(&mut updating.wanted);
                let next = updating.update.step(Response { path, body });
                self.proceed(*updating, next, at, out);
            }
            other => self.phase = other,
        }
    }

    fn refuse(&mut self, updating: Updating, refused: Refused, at: At, out: &mut Vec<Effect>) {
        if !updating.pushed.is_empty() {
            // The news may have been of a root that it did not bring: asking for everything finds it.
            return self.begin_update(updating.offered, BTreeMap::new(), at, out);
        }
        let nothing_yet = matches!(&refused, Refused::Missing { file } if *file == Role::Timestamp.path(0)) && self.trusted.is_new();
        let failure = if nothing_yet { Failure::NothingPublished } else { Failure::Refused(refused) };
        let shown = updating.update.timestamp_shown();
        self.offer_failed(&failure, updating.offered, shown, at, out);
    }

    fn offer_failed(&mut self, failure: &Failure, offered: Option<u64>, shown: Option<u64>, at: At, out: &mut Vec<Effect>) {
        if let (Some(offered), Failure::Refused(_) | Failure::Unusable(_)) = (offered, failure) {
            self.refused = offered;
        }
        self.rejected = shown.max(offered);
        self.fail(failure, 0, at, out);
    }

    fn fail(&mut self, failure: &Failure, wait_ms: i64, at: At, out: &mut Vec<Effect>) {
        let wait_ms = wait_ms.clamp(0, LONGEST_ASKED_MS);
        let longest = (SHORTEST_ROUND_MS << self.failures.min(6)).min(LONGEST_WAIT_MS);
        let wait = self.random.random_range(longest / 2..=longest).max(SHORTEST_ROUND_MS).max(wait_ms);
        self.failures = self.failures.saturating_add(1);
        if let Some(trouble) = failure.trouble() {
            out.push(Effect::Trouble(trouble.clone(), wait));
            self.trouble = Some(trouble);
            if self.source.hears() {
                out.push(Effect::Acknowledge(self.report()));
            }
        }
        self.phase = Phase::Waiting { until: at.steady_ms + wait, hurry_from: at.steady_ms + wait_ms.max(SHORTEST_ROUND_MS) };
    }

    fn verified(&mut self, activated: Activated, offered: Option<u64>, at: At, out: &mut Vec<Effect>) {
        let unchanged = !activated.changed && self.active.is_some();
        let active = if unchanged { self.active.clone() } else { None };
        let active = match active {
            Some(active) => active,
            None => match build(self.active.as_deref(), &self.trusted.pin().tenant, &activated) {
                Ok(active) => Arc::new(active),
                Err(unusable) => return self.offer_failed(&Failure::Unusable(unusable), offered, Some(activated.timestamp), at, out),
            },
        };
        if unchanged && self.unkept.is_none() {
            let news = self.trouble.is_some();
            self.succeeded();
            if news && self.source.hears() {
                out.push(Effect::Acknowledge(self.report()));
            }
            // News that were none, like an answer without news: not asked for again in a circle.
            let rest = offered.map_or(0, |_| SHORTEST_ROUND_MS - (at.steady_ms - self.began));
            return self.rest(rest, at, out);
        }
        // Enforced before it is kept, and even if it cannot be: neither a slow disk nor a full one holds up a revocation. What is told of it
        // waits for the disk.
        let kept = activated.trusted.kept();
        self.trusted = activated.trusted;
        self.active = Some(Arc::clone(&active));
        out.push(Effect::Activate(active));
        self.ends += 1;
        self.unconfirmed.push_back((self.ends, self.in_force()));
        out.push(Effect::End(self.ends));
        out.push(Effect::Keep(kept));
        self.phase = Phase::Keeping;
    }

    fn kept(&mut self, kept: Result<(), String>, at: At, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Keeping) {
            return;
        }
        // It costs a pull after the next start.
        let unkept = |why| Trouble::new("state_not_kept", format!("the verified state is enforced but could not be kept on disk: {why}"));
        self.unkept = kept.err().map(unkept);
        self.kept = self.ends;
        self.succeeded();
        self.confirm(at, out);
        self.rest(0, at, out);
    }

    fn ended(&mut self, number: u64, at: At, out: &mut Vec<Effect>) {
        self.ended = self.ended.max(number);
        self.confirm(at, out);
    }

    fn confirm(&mut self, at: At, out: &mut Vec<Effect>) {
        let (until, mut confirmed) = (self.ended.min(self.kept), None);
        while let Some((_, report)) = self.unconfirmed.pop_front_if(|(waiting, _)| *waiting <= until) {
            confirmed = Some(report);
        }
        let Some(report) = confirmed else { return };
        self.confirmed = report;
        if !self.source.hears() {
            return;
        }
        if self.spread_ms > 0 {
            self.next_beat = self.next_beat.min(at.steady_ms + self.random.random_range(0..=self.spread_ms));
            return;
        }
        out.push(Effect::Acknowledge(self.report()));
        self.next_beat = at.steady_ms + HEARTBEAT_MS;
    }

    fn succeeded(&mut self) {
        (self.failures, self.refused, self.trouble, self.rejected) = (0, 0, None, None);
    }

    fn in_force(&self) -> Report {
        let Some(active) = &self.active else { return Report::default() };
        Report {
            policy_version: Some(active.policy().version),
            policy_sha256: Some(active.policy_sha256().to_owned()),
            revocation_seq: Some(active.revocations().seq()),
            timestamp: active.freshness().timestamp,
            error: None,
            refused: None,
        }
    }

    /// After a round that went well: the next one, after so many milliseconds.
    fn rest(&mut self, wait_ms: i64, at: At, out: &mut Vec<Effect>) {
        let wait_ms = match self.source {
            Source::ControlPlane => wait_ms.min(LONGEST_WAIT_MS),
            // Those who poll spread by themselves.
            Source::Files { every_ms } => wait_ms.max(self.random.random_range(every_ms - every_ms / 4..=every_ms)),
        };
        if wait_ms <= 0 {
            return self.go_on(at, out);
        }
        self.phase = Phase::Waiting { until: at.steady_ms + wait_ms, hurry_from: self.began + SHORTEST_ROUND_MS };
    }
}
