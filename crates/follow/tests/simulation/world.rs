//! The world: it plays what happens in order, and holds everybody to what must always be true.

use crate::calls::{call, concerns, target, token};
use crate::gateway::{Gateway, Stream};
use crate::network::{Happening, Queue, Weather};
use crate::plane::{Plane, SCOPES};
use follow::{At, Effect, Event, News, Report, Source, Ticket};
use policy::{Decision, Supply, Target, TokenFacts, decide};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BEGIN_MS: i64 = 1_800_000_000_000;
/// How long things go wrong, and how long they are quiet afterwards, milliseconds.
const STORM_MS: i64 = 180_000;
const QUIET_MS: i64 = 150_000;
/// How long the control plane holds a request.
const HOLD_MS: i64 = 25_000;
const WATCH_TIMEOUT_MS: i64 = 40_000;
const FETCH_TIMEOUT_MS: i64 = 20_000;

struct Held {
    gateway: usize,
    life: u32,
    ticket: Ticket,
    known: u64,
}

pub struct World {
    rng: ChaCha8Rng,
    queue: Queue,
    now_ms: i64,
    plane: Plane,
    plane_is_up: bool,
    gateways: Vec<Gateway>,
    held: Vec<Held>,
    weather: Weather,
    tokens: Vec<TokenFacts>,
    /// What the control plane was told last, by gateway.
    told: Vec<Report>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let plane = Plane::new(BEGIN_MS / 1000, &mut rng);
        let watching = |name: &str| Gateway::new(name, plane.root_sha256(), Source::ControlPlane);
        let polling = Gateway::new("gw_files", plane.root_sha256(), Source::Files { every_ms: 4_000 });
        let gateways = vec![watching("gw_1"), watching("gw_2"), polling];
        let told = vec![Report::default(); gateways.len()];
        let weather = Weather {
            loss: *[0.0, 0.05, 0.3].choose(&mut rng).expect("some"),
            lies: *[0.0, 0.02, 0.2].choose(&mut rng).expect("some"),
            delay_ms: *[20, 400, 6_000].choose(&mut rng).expect("some"),
            inline: rng.random_bool(0.7),
        };
        let (queue, held, tokens) = (Queue::default(), Vec::new(), Vec::new());
        Self { rng, queue, now_ms: 0, plane, plane_is_up: true, gateways, held, weather, tokens, told }
    }

    fn unix_s(&self) -> i64 {
        (BEGIN_MS + self.now_ms) / 1000
    }

    fn at(&self, gateway: usize) -> At {
        At { unix_ms: BEGIN_MS + self.now_ms + self.gateways[gateway].off_ms, steady_ms: self.now_ms }
    }

    pub fn run(mut self) {
        for gateway in 0..self.gateways.len() {
            self.start(gateway);
        }
        self.queue.add(500, Happening::Deed);
        self.queue.add(300, Happening::Call);
        self.queue.add(20_000, Happening::Touch);
        self.until(STORM_MS);
        self.heal();
        self.until(STORM_MS + QUIET_MS);
        self.judge_convergence();
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
                    self.held.swap_remove(held);
                    let news = News { timestamp: self.plane.timestamp(), ..News::default() };
                    self.answer(gateway, Event::Watched(ticket, news));
                }
            }
            Happening::Told { gateway, report } => self.told[gateway] = report,
            Happening::OnDisk { gateway, life, document } if self.lives(gateway, life) => {
                self.gateways[gateway].writing = None;
                let full = self.gateways[gateway].disk_is_full;
                if !full {
                    self.gateways[gateway].disk = Some(document);
                }
                self.hear(gateway, Event::Kept(if full { Err("no space left".into()) } else { Ok(()) }));
            }
            Happening::Gone { gateway, life, number } if self.lives(gateway, life) => {
                let now = self.at(gateway).unix_ms / 1000;
                self.gateways[gateway].end_streams(now);
                self.hear(gateway, Event::Ended(number));
            }
            Happening::Deed => self.deed(),
            Happening::Touch => {
                if self.plane_is_up {
                    self.plane.touch(self.unix_s());
                    self.wake_watchers();
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
        self.gateways[gateway].start(at, seed);
        self.hear(gateway, Event::Start);
    }

    fn hear(&mut self, gateway: usize, event: Event) {
        let at = self.at(gateway);
        self.gateways[gateway].wake = i64::MAX;
        let Some(follower) = self.gateways[gateway].follower.as_mut() else { return };
        for effect in follower.step(event, at) {
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
                let body = self.served(&path);
                self.answer(at, Event::Fetched(ticket, body));
            }
            Effect::Keep(document) => {
                self.gateways[at].writing = Some(document.clone());
                let done = self.now_ms + self.rng.random_range(1..50);
                self.queue.add(done, Happening::OnDisk { gateway: at, life, document });
            }
            Effect::Activate(active) => {
                self.judge_origin(&active);
                self.gateways[at].activate(active);
            }
            Effect::End(number) => {
                // Now and then a stream is slow to end.
                let longest = if self.rng.random_bool(0.05) { 9_000 } else { 80 };
                let done = self.now_ms + self.rng.random_range(0..longest);
                self.queue.add(done, Happening::Gone { gateway: at, life, number });
            }
            Effect::Acknowledge(report) => {
                self.judge_streams(at, &report);
                self.gateways[at].says(&report);
                if self.reaches(at) {
                    let arrives = self.now_ms + self.delay();
                    self.queue.add(arrives, Happening::Told { gateway: at, report });
                }
            }
            Effect::WakeAt(time) => self.gateways[at].wake = time,
            Effect::Trouble(..) => {}
        }
    }

    /// Whether a message gets through.
    fn reaches(&mut self, gateway: usize) -> bool {
        self.plane_is_up && !self.gateways[gateway].parted && !self.rng.random_bool(self.weather.loss)
    }

    /// What the server says that the file holds: the truth, an older one, or something altered.
    fn served(&mut self, path: &str) -> Option<Vec<u8>> {
        let lie = self.rng.random_bool(self.weather.lies);
        let files = if lie && self.rng.random_bool(0.7) {
            self.plane.history.choose(&mut self.rng).unwrap_or(&self.plane.files)
        } else {
            &self.plane.files
        };
        let mut body = files.get(path).cloned()?;
        if lie && self.rng.random_bool(0.3) {
            let at = self.rng.random_range(0..body.len());
            body[at] ^= 1;
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
        if self.gateways[gateway].ticket != Some(ticket) || !self.plane_is_up {
            return;
        }
        if self.plane.timestamp() > known {
            let news = self.plane.news(self.weather.inline);
            return self.answer(gateway, Event::Watched(ticket, news));
        }
        let life = self.gateways[gateway].life;
        self.held.push(Held { gateway, life, ticket, known });
        self.queue.add(self.now_ms + HOLD_MS, Happening::LetGo { gateway, life, ticket });
    }

    fn wake_watchers(&mut self) {
        let newest = self.plane.timestamp();
        let (told, held) = std::mem::take(&mut self.held).into_iter().partition::<Vec<_>, _>(|held| held.known < newest);
        self.held = held;
        for watcher in told {
            // A notice may be lost; then the request ends by itself.
            let news = self.plane.news(self.weather.inline);
            self.answer(watcher.gateway, Event::Watched(watcher.ticket, news));
        }
    }

    /// Somebody does something: an administrator, an operator, the power company, a clock.
    fn deed(&mut self) {
        let now = self.unix_s();
        let gateway = self.rng.random_range(0..self.gateways.len());
        match self.rng.random_range(0..20) {
            0..=4 if self.plane_is_up => {
                let target = target(&mut self.rng);
                self.plane.revoke(target, now);
            }
            5 if self.plane_is_up => self.plane.lift(now, &mut self.rng),
            6 | 7 if self.plane_is_up => self.plane.publish(now, &mut self.rng),
            8 if self.plane_is_up => self.plane.move_to_another(now, &mut self.rng),
            9 if self.plane_is_up => self.plane.rotate(now, &mut self.rng),
            10 | 11 => {
                if self.gateways[gateway].follower.is_some() {
                    let arrived = self.rng.random_bool(0.5);
                    self.gateways[gateway].crash(arrived);
                    self.held.retain(|held| held.gateway != gateway);
                } else {
                    self.start(gateway);
                }
            }
            12 => {
                self.plane_is_up = !self.plane_is_up;
                self.held.clear();
            }
            13 | 14 => self.gateways[gateway].parted = !self.gateways[gateway].parted,
            15 => {
                let jumps = [0, -90_000, 90_000, 5 * 3_600_000, -5 * 3_600_000, 40 * 86_400_000];
                self.gateways[gateway].off_ms = *jumps.choose(&mut self.rng).expect("some");
            }
            16 => self.gateways[gateway].disk_is_full = !self.gateways[gateway].disk_is_full,
            17 => self.hear(gateway, Event::Hurry),
            _ => {}
        }
        self.wake_watchers();
        let next = self.now_ms + self.rng.random_range(50..6_000);
        self.queue.add(next, Happening::Deed);
    }

    /// A client calls some gateway, with a new token or one from before, and may leave a stream open.
    fn client(&mut self) {
        if self.tokens.is_empty() || self.rng.random_bool(0.3) {
            let new = token(&self.plane, self.unix_s(), &mut self.rng);
            self.tokens.push(new);
            if self.tokens.len() > 12 {
                self.tokens.remove(0);
            }
        }
        let token = self.tokens.choose(&mut self.rng).expect("some").clone();
        let tool = *SCOPES.choose(&mut self.rng).expect("some");
        let gateway = self.rng.random_range(0..self.gateways.len());
        let now = self.at(gateway).unix_ms / 1000;
        if let Some(allowed) = self.gateways[gateway].decide(&token, tool, now) {
            self.judge_call(gateway, &token, tool, now);
            if allowed && self.rng.random_bool(0.5) {
                self.gateways[gateway].streams.push(Stream { token, tool: tool.to_owned() });
            } else if !allowed && token.seq > self.gateways[gateway].seq() {
                self.hear(gateway, Event::Hurry);
            }
        }
        let next = self.now_ms + self.rng.random_range(20..600);
        self.queue.add(next, Happening::Call);
    }

    /// What is in force was signed by the right keys at some time: it is word for word what was published.
    fn judge_origin(&self, active: &enforce::Active) {
        let policy = self.plane.policies.get(&active.policy().version).expect("a policy that was published");
        assert_eq!(active.policy(), policy);
        assert!(active.revocations().seq() <= self.plane.seq);
    }

    /// What the list in force takes away is not allowed; and that list is no older than any that was said to be in force.
    fn judge_call(&self, gateway: usize, token: &TokenFacts, tool: &str, now: i64) {
        let gateway = &self.gateways[gateway];
        let active = gateway.active.as_ref().expect("it decided");
        let seq = active.revocations().seq();
        assert!(seq >= gateway.said_kept.revocation_seq.unwrap_or(0), "{} went back to list {seq}", gateway.name);
        let decision = decide(active.policy(), active.revocations(), &call(token, tool, active.stale_for(now)), now);
        let Decision::Allow(allow) = decision else { return };
        for taken in self.plane.taken.iter().filter(|taken| taken.seq <= seq && taken.lifted.is_none_or(|lifted| lifted > seq)) {
            assert!(!concerns(taken, token), "{} allows what was taken away: {taken:?}, {token:?}", gateway.name);
            let spent = match (&taken.target, allow.supply) {
                (Target::Grant(id), Some(Supply::Grant(used))) => id == used,
                (Target::RoleScope { role, scope }, Some(Supply::Role(used))) => role == used && Some(scope.as_str()) == allow.scope,
                _ => false,
            };
            assert!(!spent, "{} allows by what was taken away: {taken:?}, {allow:?}", gateway.name);
        }
        assert!(token.seq <= seq, "{} decided on a token that its list is older than", gateway.name);
    }

    /// Before a gateway says that a list is in force, nothing that the list takes away streams on.
    fn judge_streams(&self, gateway: usize, report: &Report) {
        let gateway = &self.gateways[gateway];
        let Some(said) = report.revocation_seq else { return };
        for stream in &gateway.streams {
            for taken in self.plane.taken.iter().filter(|taken| taken.seq <= said && taken.lifted.is_none()) {
                assert!(!concerns(taken, &stream.token), "{} says list {said} and lets a stream go on: {taken:?}", gateway.name);
            }
        }
    }

    /// From now on everything works.
    fn heal(&mut self) {
        (self.weather, self.plane_is_up) = (Weather::FAIR, true);
        for gateway in 0..self.gateways.len() {
            let one = &mut self.gateways[gateway];
            (one.off_ms, one.parted, one.disk_is_full) = (0, false, false);
            if one.follower.is_none() {
                self.start(gateway);
            }
        }
        self.plane.touch(self.unix_s());
        self.wake_watchers();
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
            assert_eq!(report.policy_version, Some(self.plane.live), "{}", gateway.name);
            assert_eq!(report.revocation_seq, Some(self.plane.seq), "{}", gateway.name);
            assert!(gateway.active.as_ref().is_some_and(|active| active.stale_for(self.unix_s()) == 0), "{} is stale", gateway.name);
            if gateway.source.hears() {
                assert_eq!((told.policy_version, told.revocation_seq), (report.policy_version, report.revocation_seq), "{}", gateway.name);
            }
            assert!(gateway.requests <= u64::try_from(elapsed).expect("positive") * 8, "{} asked {} times", gateway.name, gateway.requests);
        }
        assert!(self.plane.timestamp_expires() > self.unix_s());
    }
}
