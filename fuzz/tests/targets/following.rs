//! `follow`: news and files from a control plane or a web server that may lie.

use bundle::Files;
use follow::{At, Effect, Event, Follower, Kept, News, Source, restore};
use fuzz::samples::NOW;
use fuzz::samples::repository::{GATEWAY, WORLD, World};
use fuzz::{Choices, edited, target};
use std::collections::BTreeMap;

/// The most rounds (watches, or updates from the start) that one instant may see.
const ROUNDS: usize = 4;
/// By then it has asked for everything again, on its own clock: whoever answered may have asked to be left alone before.
const PATIENCE_MS: i64 = 150_000;

/// A follower on its own clock, and what it has in force.
struct Played {
    follower: Follower,
    steady_ms: i64,
    rounds: usize,
    ticket: u64,
    wish: Option<Wish>,
    wake: i64,
    in_force: Option<(u64, u64)>,
}

enum Wish {
    News,
    File(String),
}

impl Played {
    fn new(follower: Follower) -> Self {
        let mut new = Self { follower, steady_ms: 0, rounds: 0, ticket: 0, wish: None, wake: i64::MAX, in_force: None };
        new.in_force = new.follower.active().map(|active| (active.policy().version, active.revocations().seq()));
        new.step(Event::Start);
        new
    }

    fn step(&mut self, event: Event) {
        let at = At { unix_ms: NOW * 1000, steady_ms: self.steady_ms };
        let mut effects: Vec<Effect> = self.follower.step(event, at);
        effects.reverse();
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Watch { ticket, .. } => {
                    self.rounds += 1;
                    (self.ticket, self.wish) = (ticket, Some(Wish::News));
                }
                Effect::Fetch { ticket, path, .. } => (self.ticket, self.wish) = (ticket, Some(Wish::File(path))),
                Effect::Keep(_) => {
                    let more = self.follower.step(Event::Kept(Ok(())), at);
                    effects.splice(0..0, more.into_iter().rev());
                }
                Effect::Activate(active) => {
                    let now = (active.policy().version, active.revocations().seq());
                    assert!(now == (1, 1) || now == (2, 2), "{now:?} was never published");
                    assert!(self.in_force.is_none_or(|before| before <= now), "it went back from {:?} to {now:?}", self.in_force);
                    self.in_force = Some(now);
                }
                Effect::End(number) => {
                    let more = self.follower.step(Event::Ended(number), at);
                    effects.splice(0..0, more.into_iter().rev());
                }
                Effect::WakeAt(at) => self.wake = at,
                Effect::Acknowledge(report) => {
                    let told = report.policy_version.zip(report.revocation_seq);
                    assert!(told.is_none() || told <= self.in_force, "{told:?} is acknowledged, {:?} is in force", self.in_force);
                }
                Effect::Trouble(trouble, wait_ms) => assert!(!trouble.code.is_empty() && (0..=60_000).contains(&wait_ms)),
            }
        }
        assert!(self.rounds <= ROUNDS, "{} rounds at once", self.rounds);
    }

    /// Lets the time come that it waits for.
    fn wait(&mut self) {
        assert!(self.wake < i64::MAX, "it waits for ever");
        self.steady_ms = self.steady_ms.max(self.wake);
        self.rounds = 0;
        self.step(Event::Tick);
    }
}

fn news(world: &World, choices: &mut Choices<'_>) -> News {
    let paths: Vec<&String> = world.after.keys().collect();
    let mut files = BTreeMap::new();
    for _ in 0..choices.below(6) {
        let path = *choices.pick(&paths);
        let file = if choices.below(2) == 0 { world.after[path].clone() } else { edited(choices, &[&world.after[path]]) };
        files.insert(path.clone(), String::from_utf8_lossy(&file).into_owned());
    }
    let timestamp = choices.number().cast_unsigned();
    News { timestamp: if choices.below(2) == 0 { 2 } else { timestamp }, files, wait_ms: choices.number(), ack_within_ms: choices.number() }
}

fn served(server: &Files, path: &str, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
    let file = server.get(path);
    match choices.below(8) {
        0 => None,
        1 | 2 => Some(edited(choices, &[file.map_or(&b"{}"[..], Vec::as_slice)])),
        _ => file.cloned(),
    }
}

#[test]
fn news_and_files() {
    let world = &*WORLD;
    let kept = world.held.kept();
    target!(400, |mut choices: Choices<'_>| {
        let source = if choices.below(4) == 0 { Source::Files { every_ms: 10_000 } } else { Source::ControlPlane };
        let kept = if choices.below(2) == 0 { kept.borrowed() } else { Kept::default() };
        let (follower, troubles) = restore(source, world.pin.clone(), kept, At { unix_ms: NOW * 1000, steady_ms: 0 }, 7);
        assert!(troubles.is_empty() && world.pin.gateway == GATEWAY);
        let mut played = Played::new(follower);
        let server = if choices.below(2) == 0 { &world.before } else { &world.after };
        for _ in 0..20 {
            match (choices.below(16), played.wish.take()) {
                (0, wish) => {
                    played.wish = wish;
                    played.step(Event::Hurry);
                }
                (1, Some(_)) => played.step(Event::Failed { ticket: played.ticket, wait_ms: choices.number() }),
                (2, wish) => {
                    // An answer to a question that was given up.
                    played.wish = wish;
                    let late = played.ticket.wrapping_sub(1);
                    played.step(Event::Watched(late, news(world, &mut choices)));
                }
                (_, Some(Wish::News)) => played.step(Event::Watched(played.ticket, news(world, &mut choices))),
                (_, Some(Wish::File(path))) => played.step(Event::Fetched(played.ticket, served(server, &path, &mut choices))),
                (_, None) => played.wait(),
            }
        }
        // Whatever was said before: once the truth is told, it gets there, when it asks for everything at the latest.
        let until = played.steady_ms + PATIENCE_MS;
        while played.in_force != Some((2, 2)) && played.steady_ms < until {
            match played.wish.take() {
                Some(Wish::News) => played.step(Event::Watched(played.ticket, News { timestamp: 2, ..News::default() })),
                Some(Wish::File(path)) => played.step(Event::Fetched(played.ticket, world.after.get(&path).cloned())),
                None => played.wait(),
            }
        }
        assert_eq!(played.in_force, Some((2, 2)), "it does not come back from what it was told");
    });
}
