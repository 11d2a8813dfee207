//! A control plane of two replicas and its gateways in a world where messages are lost and late, networks part, machines die, disks are
//! spoilt, clocks jump, and somebody answers with what was true once.
//!
//! Everything comes from one seed, keys and signatures too: `SEED=17 cargo nextest run -p follow one_seed --no-capture` plays that world
//! again. The gateways run the real [`follow::Follower`] over the real [`bundle`], and decide on calls, and on what is under way, with the
//! real [`enforce::Enforcer`]; the network, the disks and the clocks are the simulation's. They are held to what [`model`] says, which knows
//! what was taken away and none of that code.

mod calls;
mod disk;
mod gateway;
mod keys;
mod model;
mod network;
mod plane;
mod tally;
mod world;

use bundle::Pin;
use follow::{At, Effect, Event, Kept, News, Source};
use plane::Plane;
use policy::Target;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};
use tally::Tally;
use world::World;

/// Worlds that one test plays.
const WORLDS: u64 = 128;

fn play(seeds: std::ops::Range<u64>) {
    let mut tally = Tally::default();
    for seed in seeds {
        // Printed when something fails: with it, the very same world is played again.
        println!("seed {seed}");
        tally.add(World::new(seed).run().tally);
    }
    tally.judge();
}

macro_rules! shards {
    ($($name:ident $at:literal)*) => {$(
        #[test]
        fn $name() {
            play($at * WORLDS..($at + 1) * WORLDS);
        }
    )*};
}

// Tests of their own, so that they run beside one another.
shards! {
    worlds_a 0 worlds_b 1 worlds_c 2 worlds_d 3 worlds_e 4 worlds_f 5 worlds_g 6 worlds_h 7
    worlds_i 8 worlds_j 9 worlds_k 10 worlds_l 11 worlds_m 12 worlds_n 13 worlds_o 14 worlds_p 15
}

#[test]
fn one_seed() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    println!("{:?}", World::new(seed).run().tally);
}

#[test]
fn a_seed_is_one_world() {
    for seed in 0..6 {
        assert_eq!(World::new(seed).run().trace, World::new(seed).run().trace, "seed {seed}");
    }
    assert_ne!(World::new(1).run().trace, World::new(2).run().trace);
}

/// How often a control plane that answers so is asked for news at one instant, before it is given a rest.
fn watches(news: impl Fn(&Plane) -> News) -> usize {
    const NOW: i64 = 1_800_000_000;
    let plane = Plane::new(NOW, &mut ChaCha8Rng::seed_from_u64(1));
    let pin = Pin { tenant: plane::TENANT.into(), gateway: "gw".into(), root_sha256: plane.root_sha256(), labels: BTreeMap::new() };
    let at = At { unix_ms: NOW * 1000, steady_ms: 0 };
    let (mut follower, _) = follow::restore(Source::ControlPlane, pin, Kept::default(), at, 7);
    let (mut events, mut watches) = (VecDeque::from([Event::Start]), 0);
    while let Some(event) = events.pop_front()
        && watches < 10
    {
        for effect in follower.step(event, at) {
            match effect {
                Effect::Watch { ticket, .. } => {
                    watches += 1;
                    events.push_back(Event::Watched(ticket, news(&plane)));
                }
                Effect::Fetch { ticket, path, .. } => events.push_back(Event::Fetched(ticket, plane.newest().files.get(&path).cloned())),
                Effect::Keep(_) => events.push_back(Event::Kept(Ok(()))),
                Effect::End(number) => events.push_back(Event::Ended(number)),
                _ => {}
            }
        }
    }
    assert!(follower.active().is_some(), "what is offered is in force");
    watches
}

#[test]
fn news_that_are_none_are_not_asked_for_in_a_circle() {
    assert_eq!(watches(|_| News::default()), 1);
    assert_eq!(watches(|_| News { timestamp: u64::MAX, wait_ms: i64::MIN, ..News::default() }), 1);
    assert_eq!(watches(|plane| News { timestamp: u64::MAX, ..plane.newest().news(true) }), 1);
}

/// When what came with news is said, if the news asks for it within `ack_within_ms`; and what of it is in force by then.
fn said_after(ack_within_ms: i64) -> i64 {
    const NOW: i64 = 1_800_000_000;
    let mut plane = Plane::new(NOW, &mut ChaCha8Rng::seed_from_u64(1));
    let pin = Pin { tenant: plane::TENANT.into(), gateway: "gw".into(), root_sha256: plane.root_sha256(), labels: BTreeMap::new() };
    let at = |steady_ms| At { unix_ms: NOW * 1000, steady_ms };
    let (mut follower, _) = follow::restore(Source::ControlPlane, pin, Kept::default(), at(0), 7);
    let (mut events, mut told, mut now, mut wake) = (VecDeque::from([Event::Start]), false, 0, 0);
    loop {
        let event = events.pop_front().unwrap_or_else(|| {
            now = wake;
            Event::Tick
        });
        for effect in follower.step(event, at(now)) {
            match effect {
                Effect::Watch { ticket, .. } if !told => {
                    told = true;
                    plane.revoke(Target::User("usr_dev".into()), NOW);
                    events.push_back(Event::Watched(ticket, News { ack_within_ms, ..plane.newest().news(true) }));
                }
                Effect::Fetch { ticket, path, .. } => events.push_back(Event::Fetched(ticket, plane.newest().files.get(&path).cloned())),
                Effect::Keep(_) => events.push_back(Event::Kept(Ok(()))),
                Effect::End(number) => events.push_back(Event::Ended(number)),
                Effect::Acknowledge(report) if told && report.timestamp == plane.timestamp() => return now,
                Effect::WakeAt(next) => wake = next,
                _ => {}
            }
        }
        let in_force = follower.active().map(|active| active.freshness().timestamp);
        assert!(!told || !events.is_empty() || in_force == Some(plane.timestamp()), "enforced before anything is waited for");
    }
}

#[test]
fn what_came_is_said_at_once_or_within_what_was_asked_for_and_enforced_before() {
    assert_eq!((said_after(0), said_after(-1)), (0, 0));
    assert!((1..=1_000).contains(&said_after(1_000)), "spread by chance");
    assert!((1..=5_000).contains(&said_after(i64::MAX)), "and never for longer than this");
}
