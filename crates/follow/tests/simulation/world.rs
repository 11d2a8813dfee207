//! The world: it plays what happens in order, and holds everybody to what must always be true.

use crate::calls::{method, target, token};
use crate::gateway::Gateway;
use crate::model::{Basis, What, Why};
use crate::network::{Happening, Queue, Weather};
use crate::plane::{Plane, Published, canary};
use crate::tally::Tally;
use enforce::MethodOwned;
use follow::{At, Effect, Event, News, Report, Source, Ticket};
use policy::{Decision, Supply, Target, TokenFacts, VerifiedCall, decide};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

const BEGIN_MS: i64 = 1_800_000_000_000;
/// How long things go wrong, and how long they are quiet afterwards, milliseconds.
const STORM_MS: i64 = 180_000;
const QUIET_MS: i64 = 150_000;
/// How long the control plane holds a request.
const HOLD_MS: i64 = 25_000;
const WATCH_TIMEOUT_MS: i64 = 40_000;
const FETCH_TIMEOUT_MS: i64 = 20_000;
/// How often gateways look for what has to end because a time is over.
const EXPIRY_MS: i64 = 8_000;

struct Held {
    gateway: usize,
    life: u32,
    ticket: Ticket,
    known: u64,
    replica: usize,
}

/// How a world went.
pub struct Played {
    pub tally: Tally,
    /// A digest of everything that anybody did and when.
    pub trace: u64,
}

pub struct World {
    rng: ChaCha8Rng,
    queue: Queue,
    now_ms: i64,
    plane: Plane,
    /// What each replica of the control plane has seen and tells watchers of; none while it is down.
    replicas: Vec<Option<Arc<Published>>>,
    gateways: Vec<Gateway>,
    held: Vec<Held>,
    weather: Weather,
    tokens: Vec<TokenFacts>,
    /// What the control plane was told last, by gateway.
    told: Vec<Report>,
    tally: Tally,
    trace: DefaultHasher,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let plane = Plane::new(BEGIN_MS / 1000, &mut rng);
        let gateway = |name: &str, source, labels| Gateway::new(name, plane.root_sha256(), source, labels);
        let gateways = vec![
            gateway("gw_canary", Source::ControlPlane, canary()),
            gateway("gw_2", Source::ControlPlane, BTreeMap::new()),
            gateway("gw_files", Source::Files { every_ms: 4_000 }, BTreeMap::new()),
        ];
        let told = vec![Report::default(); gateways.len()];
        let weather = Weather {
            loss: *[0.0, 0.05, 0.3].choose(&mut rng).expect("some"),
            lies: *[0.0, 0.02, 0.2].choose(&mut rng).expect("some"),
            delay_ms: *[20, 400, 6_000].choose(&mut rng).expect("some"),
            inline: rng.random_bool(0.7),
        };
        let replicas = vec![Some(Arc::clone(plane.newest())); 2];
        let (queue, held, tokens) = (Queue::default(), Vec::new(), Vec::new());
        let (tally, trace) = (Tally::default(), DefaultHasher::new());
        Self { rng, queue, now_ms: 0, plane, replicas, gateways, held, weather, tokens, told, tally, trace }
    }

    fn unix_s(&self) -> i64 {
        (BEGIN_MS + self.now_ms) / 1000
    }

    fn at(&self, gateway: usize) -> At {
        At { unix_ms: BEGIN_MS + self.now_ms + self.gateways[gateway].off_ms, steady_ms: self.now_ms }
    }

    pub fn run(mut self) -> Played {
        for gateway in 0..self.gateways.len() {
            self.start(gateway);
        }
        self.queue.add(500, Happening::Deed);
        self.queue.add(300, Happening::Call);
        self.queue.add(20_000, Happening::Touch);
        self.queue.add(EXPIRY_MS, Happening::Expiry);
        self.until(STORM_MS);
        self.heal();
        self.until(STORM_MS + QUIET_MS);
        self.judge_convergence();
        Played { tally: self.tally, trace: self.trace.finish() }
    }

    fn until(&mut self, end_ms: i64) {
        let mut happenings = 0u32;
        loop {
            let wake = self.gateways.iter().map(|gateway| gateway.wake).min().unwrap_or(i64::MAX);
            let Some((at, what)) = self.queue.next() else { panic!("nothing to come, though clocks tick") };
            if wake < at && wake < end_ms {
                self.queue.add(at, what);
                self.now_ms = self.now_ms.max(wake);
                let sleeper = self.gateways.iter().position(|gateway| gateway.wake == wake).expect("the one that wakes");
                self.hear(sleeper, Event::Tick);
            } else if at >= end_ms {
                self.queue.add(at, what);
                self.now_ms = end_ms;
                return;
            } else {
                self.now_ms = self.now_ms.max(at);
                self.happen(what);
            }
            happenings += 1;
            assert!(happenings < 200_000, "somebody goes round in a circle");
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Hear { gateway, life, event } if self.lives(gateway, life) => self.hear(gateway, event),
            Happening::Ask { gateway, life, ticket, known } if self.lives(gateway, life) => self.ask(gateway, ticket, known),
            Happening::LetGo { gateway, life, ticket } => {
                let held = self.held.iter().position(|held| (held.gateway, held.life, held.ticket) == (gateway, life, ticket));
                if let Some(held) = held {
                    let replica = self.held.swap_remove(held).replica;
                    let timestamp = self.replicas[replica].as_ref().map_or(0, |seen| seen.timestamp);
                    self.answer(gateway, Event::Watched(ticket, News { timestamp, ..News::default() }));
                }
            }
            Happening::Told { gateway, report } => self.told[gateway] = report,
            Happening::Seen { replica, published } => {
                // What was read later may arrive sooner.
                if let Some(seen) = &mut self.replicas[replica]
                    && seen.timestamp < published.timestamp
                {
                    *seen = published;
                    self.wake_watchers(replica);
                }
            }
            Happening::OnDisk { gateway, life, kept } if self.lives(gateway, life) => {
                let one = &mut self.gateways[gateway];
                one.writing = None;
                if one.disk.is_full {
                    self.tally.count("a disk was full");
                    self.hear(gateway, Event::Kept(Err("no space left".into())));
                } else {
                    one.disk.write(kept, true);
                    self.hear(gateway, Event::Kept(Ok(())));
                }
            }
            Happening::Gone { gateway, life, number } if self.lives(gateway, life) => {
                self.gateways[gateway].open.retain(|open| !open.ending);
                if let Some(number) = number {
                    self.hear(gateway, Event::Ended(number));
                }
            }
            Happening::Expiry => {
                for gateway in 0..self.gateways.len() {
                    self.end(gateway, None);
                }
                self.queue.add(self.now_ms + EXPIRY_MS, Happening::Expiry);
            }
            Happening::Deed => self.deed(),
            Happening::Touch => {
                if self.is_up() {
                    self.plane.touch(self.unix_s());
                    self.tell_replicas();
                }
                self.queue.add(self.now_ms + 20_000, Happening::Touch);
            }
            Happening::Call => self.client(),
            // Of a process that is gone.
            Happening::Hear { .. } | Happening::Ask { .. } | Happening::OnDisk { .. } | Happening::Gone { .. } => {}
        }
    }

    fn lives(&self, gateway: usize, life: u32) -> bool {
        self.gateways[gateway].life == life && self.gateways[gateway].follower.is_some()
    }

    fn start(&mut self, gateway: usize) {
        let (at, seed) = (self.at(gateway), self.rng.random());
        self.gateways[gateway].start(at, seed, &mut self.tally);
        if let Some(active) = self.gateways[gateway].active() {
            self.judge_origin(gateway, &active);
        }
        self.hear(gateway, Event::Start);
    }

    fn hear(&mut self, gateway: usize, event: Event) {
        let at = self.at(gateway);
        self.gateways[gateway].wake = i64::MAX;
        let Some(follower) = self.gateways[gateway].follower.as_mut() else { return };
        for effect in follower.step(event, at) {
            let what = std::mem::discriminant(&effect);
            (self.now_ms, gateway, what).hash(&mut self.trace);
            self.carry_out(gateway, effect);
        }
    }

    fn delay(&mut self) -> i64 {
        let longest = if self.rng.random_bool(0.1) { self.weather.delay_ms } else { self.weather.delay_ms.min(60) };
        self.rng.random_range(1..=longest.max(1))
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        let life = self.gateways[at].life;
        match effect {
            Effect::Watch { ticket, known } => {
                self.gateways[at].requests += 1;
                self.gateways[at].ticket = Some(ticket);
                self.held.retain(|held| held.gateway != at);
                self.queue.add(
                    self.now_ms + WATCH_TIMEOUT_MS,
                    Happening::Hear { gateway: at, life, event: Event::Failed { ticket, wait_ms: 0 } },
                );
                known.hash(&mut self.trace);
                if self.reaches(at) {
                    let arrives = self.now_ms + self.delay();
                    self.queue.add(arrives, Happening::Ask { gateway: at, life, ticket, known });
                }
            }
            Effect::Fetch { ticket, path, .. } => {
                self.gateways[at].requests += 1;
                self.gateways[at].ticket = Some(ticket);
                self.held.retain(|held| held.gateway != at);
                self.queue.add(
                    self.now_ms + FETCH_TIMEOUT_MS,
                    Happening::Hear { gateway: at, life, event: Event::Failed { ticket, wait_ms: 0 } },
                );
                let body = self.served(at, &path);
                (&path, &body).hash(&mut self.trace);
                if let Some(body) = body {
                    self.answer(at, Event::Fetched(ticket, body));
                }
            }
            Effect::Keep(kept) => {
                self.gateways[at].writing = Some(kept.clone());
                let done = self.now_ms + self.rng.random_range(1..50);
                self.queue.add(done, Happening::OnDisk { gateway: at, life, kept });
            }
            Effect::Activate(active) => {
                self.judge_origin(at, &active);
                self.gateways[at].activate(active);
            }
            Effect::End(number) => self.end(at, Some(number)),
            Effect::Acknowledge(report) => {
                format!("{report:?}").hash(&mut self.trace);
                if let Some(trouble) = &report.error {
                    self.tally.count(format!("told: {}", trouble.code));
                }
                self.judge_report(at, &report);
                self.gateways[at].says(&report);
                if self.reaches(at) {
                    let arrives = self.now_ms + self.delay();
                    self.queue.add(arrives, Happening::Told { gateway: at, report });
                }
            }
            Effect::WakeAt(time) => self.gateways[at].wake = time,
            Effect::Trouble(trouble, _) => self.tally.count(format!("refused: {}", trouble.code)),
        }
    }

    /// Tells what has to end to end, which takes a while. It is what has to, and nothing else is.
    fn end(&mut self, gateway: usize, number: Option<u64>) {
        let now = self.at(gateway).unix_ms / 1000;
        let one = &mut self.gateways[gateway];
        let Some(active) = one.active() else { return };
        let basis = Basis::new(&self.plane, active.policy().version, active.revocations().seq());
        for open in one.open.iter_mut().filter(|open| !open.ending) {
            let (what, token, began) = (&open.what, &open.token, open.began);
            let ends = open.ends(&one.enforcer, now);
            let why = basis.ends(what, token, began, now, active.stale_for(now));
            assert_eq!(
                ends.is_some(),
                !why.is_empty(),
                "{} says {ends:?} of {what:?} that began {} s ago with {token:?}, and it is {why:?}",
                one.name,
                now - began
            );
            let is_late = matches!(what, What::Call(_)) && !what.stands() && now >= token.exp;
            if why.is_empty() && is_late {
                self.tally.count("a call outlived its token");
            }
            for why in &why {
                self.tally.count(format!("{what} ended: {why}"));
                if is_late && matches!(why, Why::Taken(_)) {
                    self.tally.count("something was taken from a call that had outlived its token");
                }
            }
            open.ending = ends.is_some();
        }
        // Sessions are forgotten at once.
        one.open.retain(|open| !(open.ending && matches!(open.what, What::Session)));
        // Now and then something is slow to end.
        let longest = if self.rng.random_bool(0.05) { 9_000 } else { 80 };
        let (life, gone) = (one.life, self.now_ms + self.rng.random_range(0..longest));
        self.queue.add(gone, Happening::Gone { gateway, life, number });
    }

    /// Whether any replica is there.
    fn is_up(&self) -> bool {
        self.replicas.iter().any(Option::is_some)
    }

    /// Whether a message gets through.
    fn reaches(&mut self, gateway: usize) -> bool {
        let reaches = !self.gateways[gateway].parted && !self.rng.random_bool(self.weather.loss);
        if !reaches {
            self.tally.count("a message was lost");
        }
        reaches
    }

    /// The replica that a request happens to come to.
    fn replica(&mut self) -> Option<usize> {
        let up: Vec<usize> = (0..self.replicas.len()).filter(|replica| self.replicas[*replica].is_some()).collect();
        up.choose(&mut self.rng).copied()
    }

    /// Where a gateway's request for a file ends: any replica reads the database, which is the truth. None if nobody is there.
    fn shown(&mut self, gateway: usize) -> Option<Arc<Published>> {
        if let Some(mirror) = &self.gateways[gateway].mirror {
            self.tally.count("an old mirror was followed");
            return Some(Arc::clone(mirror));
        }
        self.is_up().then(|| Arc::clone(self.plane.newest()))
    }

    /// What the file holds, by whoever answers: the truth, an older one, or something altered. None if nobody does.
    fn served(&mut self, gateway: usize, path: &str) -> Option<Option<Vec<u8>>> {
        let shown = self.shown(gateway)?;
        if !self.rng.random_bool(self.weather.lies) {
            return Some(shown.files.get(path).cloned());
        }
        let (is_old, altered) = (self.rng.random_bool(0.7), self.rng.random_bool(0.3));
        let old = self.plane.history.choose(&mut self.rng).filter(|_| is_old).cloned();
        let mut body = old.unwrap_or(shown).files.get(path).cloned();
        if is_old {
            self.tally.count("a file was old");
        }
        if let Some(body) = body.as_mut().filter(|_| altered) {
            let at = self.rng.random_range(0..body.len());
            body[at] ^= 1;
            self.tally.count("a file was altered");
        }
        Some(body)
    }

    fn answer(&mut self, gateway: usize, event: Event) {
        if !self.reaches(gateway) {
            return;
        }
        let (life, arrives) = (self.gateways[gateway].life, self.now_ms + self.delay());
        self.queue.add(arrives, Happening::Hear { gateway, life, event });
    }

    fn ask(&mut self, gateway: usize, ticket: Ticket, known: u64) {
        if self.gateways[gateway].ticket != Some(ticket) {
            return;
        }
        if let Some(mirror) = self.gateways[gateway].mirror.clone() {
            // It has nothing newer to tell, and holds the request until the gateway gives it up, or answers at once with what it has.
            if self.rng.random_bool(0.5) {
                self.answer(gateway, Event::Watched(ticket, mirror.news(self.weather.inline)));
            }
            return;
        }
        let Some(replica) = self.replica() else { return };
        let seen = self.replicas[replica].clone().expect("it is up");
        if seen.timestamp < self.plane.timestamp() {
            self.tally.count("a replica lagged");
        }
        if seen.timestamp > known {
            return self.answer(gateway, Event::Watched(ticket, seen.news(self.weather.inline)));
        }
        let life = self.gateways[gateway].life;
        self.held.push(Held { gateway, life, ticket, known, replica });
        self.queue.add(self.now_ms + HOLD_MS, Happening::LetGo { gateway, life, ticket });
    }

    /// Something was written: each replica sees it sooner or later, as does one that starts.
    fn tell_replicas(&mut self) {
        for replica in 0..self.replicas.len() {
            let seen = self.now_ms + if self.rng.random_bool(0.2) { self.rng.random_range(0..3_000) } else { 1 };
            let published = Arc::clone(self.plane.newest());
            self.queue.add(seen, Happening::Seen { replica, published });
        }
    }

    fn wake_watchers(&mut self, replica: usize) {
        let Some(seen) = self.replicas[replica].clone() else { return };
        let is_told = |held: &Held| held.replica == replica && held.known < seen.timestamp;
        let (told, held) = std::mem::take(&mut self.held).into_iter().partition::<Vec<_>, _>(is_told);
        self.held = held;
        for watcher in told {
            // A notice may be lost; then the request ends by itself.
            self.answer(watcher.gateway, Event::Watched(watcher.ticket, seen.news(self.weather.inline)));
        }
    }

    /// A replica dies, and whoever it held hears of it; or comes back.
    fn turn(&mut self, replica: usize) {
        if self.replicas[replica].take().is_none() {
            self.replicas[replica] = Some(Arc::clone(self.plane.newest()));
            return;
        }
        self.tally.count("a replica died");
        let (cut, held) = std::mem::take(&mut self.held).into_iter().partition::<Vec<_>, _>(|held| held.replica == replica);
        self.held = held;
        for Held { gateway, ticket, .. } in cut {
            self.answer(gateway, Event::Failed { ticket, wait_ms: 0 });
        }
    }

    /// A gateway dies, and may find something else on its disk when it starts again.
    fn crash(&mut self, gateway: usize) {
        let (arrived, whole) = (self.rng.random_bool(0.5), self.rng.random_bool(0.5));
        self.gateways[gateway].crash(arrived, whole);
        self.held.retain(|held| held.gateway != gateway);
        self.tally.count("a gateway died");
        if self.rng.random_bool(0.4) {
            self.gateways[gateway].disk.spoil(&mut self.rng);
            self.tally.count("a disk was spoilt");
        }
    }

    /// Somebody does something: an administrator, an operator, the power company, a clock.
    fn deed(&mut self) {
        let now = self.unix_s();
        let gateway = self.rng.random_range(0..self.gateways.len());
        match self.rng.random_range(0..25) {
            0..=4 if self.is_up() => {
                let under_way = self.gateways.iter().flat_map(|gateway| &gateway.open).map(|open| &open.token).collect::<Vec<_>>();
                let target = target(&under_way, &mut self.rng);
                self.plane.revoke(target, now);
            }
            5 | 24 if self.is_up() => self.plane.lift(now, &mut self.rng),
            6 | 7 if self.is_up() => self.plane.publish(now, &mut self.rng),
            8 | 9 if self.is_up() => self.plane.move_rings(now, &mut self.rng),
            10 if self.is_up() => {
                self.plane.pin(&self.gateways[gateway].name, now, &mut self.rng);
                self.tally.count("a gateway was pinned");
            }
            11 if self.is_up() => {
                self.plane.rotate(now, &mut self.rng);
                self.tally.count("a key was replaced");
            }
            12 | 13 => {
                if self.gateways[gateway].follower.is_some() {
                    self.crash(gateway);
                } else {
                    self.start(gateway);
                }
            }
            14 | 15 => {
                let replica = self.rng.random_range(0..self.replicas.len());
                self.turn(replica);
            }
            16 | 17 => self.gateways[gateway].parted = !self.gateways[gateway].parted,
            18 => {
                let jumps = [0, -90_000, 90_000, 5 * 3_600_000, -5 * 3_600_000, 40 * 86_400_000];
                self.gateways[gateway].off_ms = *jumps.choose(&mut self.rng).expect("some");
                self.tally.count("a clock jumped");
            }
            19 => self.gateways[gateway].disk.is_full = !self.gateways[gateway].disk.is_full,
            20 => self.hear(gateway, Event::Hurry),
            21 => {
                let old = self.plane.history.choose(&mut self.rng).cloned();
                let one = &mut self.gateways[gateway];
                one.mirror = if one.mirror.is_some() { None } else { old };
            }
            22 | 23 if self.is_up() => self.plane.lift_wide(now, &mut self.rng),
            _ => {}
        }
        self.tell_replicas();
        let next = self.now_ms + self.rng.random_range(50..6_000);
        self.queue.add(next, Happening::Deed);
    }

    /// A client calls some gateway, with a new token or one from before, which may last, or begin a session.
    fn client(&mut self) {
        if self.tokens.is_empty() || self.rng.random_bool(0.3) {
            let new = token(&self.plane, self.unix_s(), &mut self.rng);
            self.tokens.push(new);
            if self.tokens.len() > 12 {
                self.tokens.remove(0);
            }
        }
        let token = self.tokens.choose(&mut self.rng).expect("some").clone();
        let method = method(&mut self.rng);
        let gateway = self.rng.random_range(0..self.gateways.len());
        let now = self.at(gateway).unix_ms / 1000;
        if self.gateways[gateway].active().is_some() {
            let allowed = self.judge_call(gateway, &token, &method, now);
            self.tally.count(if allowed { "a call was allowed" } else { "a call was refused" });
            if allowed {
                match self.rng.random_range(0..8) {
                    0..=3 => self.gateways[gateway].begin(What::Call(method), token, now),
                    4 => self.gateways[gateway].begin(What::Session, token, now),
                    _ => {}
                }
            } else if token.seq > self.gateways[gateway].seq() {
                self.tally.count("a call came before its list");
                self.hear(gateway, Event::Hurry);
            }
        }
        let next = self.now_ms + self.rng.random_range(20..600);
        self.queue.add(next, Happening::Call);
    }

    /// What is in force was signed by the right keys at some time: it is word for word what was published.
    /// And it is what this gateway was to run as of its timestamp, no lower than the floor.
    fn judge_origin(&mut self, gateway: usize, active: &enforce::Active) {
        let (version, timestamp) = (active.policy().version, active.freshness().timestamp);
        let one = &self.gateways[gateway];
        let (due, floor) = self.plane.due(timestamp, &one.name, one.is_canary());
        assert!(due.contains(&version) && version >= floor, "{} runs {version}, not one of {due:?} above {floor}", one.name);
        if self.plane.due(timestamp, "nobody", !one.is_canary()).0 != due {
            self.tally.count("rings ran different versions");
        }
        let policy = self.plane.policies.get(&active.policy().version).expect("a policy that was published");
        assert_eq!(active.policy(), policy);
        assert!(active.revocations().seq() <= self.plane.seq);
    }

    /// Whether a call is allowed: if nothing stands against it, and by nothing that was taken away. And the list in force is no older than any
    /// that was said to be in force.
    fn judge_call(&mut self, gateway: usize, token: &TokenFacts, method: &MethodOwned, now: i64) -> bool {
        let gateway = &self.gateways[gateway];
        let active = gateway.active().expect("it decides");
        let seq = active.revocations().seq();
        assert!(seq >= gateway.said_kept.revocation_seq.unwrap_or(0), "{} went back to list {seq}", gateway.name);
        let (said, stale_for) = (gateway.refuses(token, method, now), active.stale_for(now));
        let basis = Basis::new(&self.plane, active.policy().version, seq);
        let why = basis.refuses(&What::Call(method.clone()), token, now, stale_for);
        assert_eq!(said.is_some(), !why.is_empty(), "{} says {said:?} of {method:?} with {token:?}, and it is {why:?}", gateway.name);
        let call = VerifiedCall { token, resource: &token.audience, method: method.as_policy(), tool_digest: None, stale_for };
        let Decision::Allow(allow) = decide(active.policy(), active.revocations(), &call, now) else { return false };
        for taken in basis.standing() {
            let spent = match (&taken.target, allow.supply) {
                (Target::Grant(id), Some(Supply::Grant(used))) => id == used,
                (Target::RoleScope { role, scope }, Some(Supply::Role(used))) => role == used && Some(scope.as_str()) == allow.scope,
                _ => false,
            };
            assert!(!spent, "{} allows by what was taken away: {taken:?}, {allow:?}", gateway.name);
        }
        if let Some(Supply::Grant(_)) = allow.supply {
            self.tally.count("a call was allowed by a grant");
        }
        true
    }

    /// Before a gateway says that something is in force, nothing goes on that began before and that it takes away: neither calls nor streams,
    /// those that were slow to end included, nor sessions.
    fn judge_report(&mut self, gateway: usize, report: &Report) {
        let gateway = &self.gateways[gateway];
        let (Some(policy), Some(list)) = (report.policy_version, report.revocation_seq) else { return };
        let basis = Basis::new(&self.plane, policy, list);
        for open in gateway.open.iter().filter(|open| open.timestamp <= report.timestamp) {
            let taken = basis.taken_from(&open.what, &open.token, open.began);
            assert!(
                taken.is_empty(),
                "{} says that policy {policy} and list {list} are in force, and lets {} go on: {taken:?}, {:?}",
                gateway.name,
                open.what,
                open.token
            );
            self.tally.count("something went on that nothing was taken from");
        }
    }

    /// From now on everything works.
    fn heal(&mut self) {
        self.weather = Weather::FAIR;
        for replica in 0..self.replicas.len() {
            self.replicas[replica] = Some(Arc::clone(self.plane.newest()));
        }
        for gateway in 0..self.gateways.len() {
            let one = &mut self.gateways[gateway];
            (one.off_ms, one.parted, one.mirror, one.disk.is_full) = (0, false, None, false);
            if one.follower.is_none() {
                self.start(gateway);
            }
        }
        self.plane.unpin(self.unix_s());
        self.tell_replicas();
        // No more deeds; calls and timestamps go on.
        let mut calm = Queue::default();
        while let Some((at, what)) = self.queue.next() {
            if !matches!(what, Happening::Deed) {
                calm.add(at, what);
            }
        }
        self.queue = calm;
    }

    /// After a quiet while all run the newest, know it, and have said so.
    fn judge_convergence(&self) {
        let elapsed = (STORM_MS + QUIET_MS) / 200;
        for (gateway, told) in self.gateways.iter().zip(&self.told) {
            let report = gateway.follower.as_ref().expect("it runs").report();
            assert_eq!(report.error, None, "{}", gateway.name);
            let due = self.plane.due_now(&gateway.name, gateway.is_canary());
            assert_eq!(report.policy_version, Some(due), "{}", gateway.name);
            assert_eq!(report.revocation_seq, Some(self.plane.seq), "{}", gateway.name);
            assert!(gateway.active().is_some_and(|active| active.stale_for(self.unix_s()) == 0), "{} is stale", gateway.name);
            if gateway.source.hears() {
                assert_eq!((told.policy_version, told.revocation_seq), (report.policy_version, report.revocation_seq), "{}", gateway.name);
            }
            assert!(gateway.requests <= u64::try_from(elapsed).expect("positive") * 8, "{} asked {} times", gateway.name, gateway.requests);
        }
        assert!(self.plane.timestamp_expires() > self.unix_s());
    }
}
