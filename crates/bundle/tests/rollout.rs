//! What holds for every rollout, whatever people and gateways do.

use bundle::assignment::{Member, Members, Pinned, Ring};
use bundle::rollout::{Bounds, Cause, Course, Sighting, Situation, Tally, Verdict, Wait, judge};
use proptest::prelude::*;
use std::collections::BTreeMap;

const TENANT: &str = "acme";

fn labels(value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("stage".to_owned(), value.to_owned())])
}

fn rings() -> impl Strategy<Value = Vec<(String, Members)>> {
    let members = prop_oneof![(0..4u8).prop_map(|n| Members::Labels(labels(&n.to_string()))), (1..10_000u16).prop_map(Members::Share)];
    prop::collection::vec(members, 0..4).prop_map(|mut members| {
        members.push(Members::All);
        members.into_iter().enumerate().map(|(at, members)| (format!("ring-{at}"), members)).collect()
    })
}

/// What a person, the policy key or a gateway may do at any time.
#[derive(Debug, Clone)]
enum Step {
    Publish,
    Everywhere,
    Promote,
    Halt,
    Resume,
    Revert,
    Arrange(Vec<(String, Members)>),
    Pin(u8, u64, i64),
    Unpin(u8),
    /// By how many versions below the newest.
    Raise(u64),
    Judge,
    /// A gateway takes what it is assigned, refuses it, or is silent.
    Gateway(u8, u8),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Publish),
        1 => Just(Step::Everywhere),
        3 => Just(Step::Promote),
        1 => Just(Step::Halt),
        2 => Just(Step::Resume),
        1 => Just(Step::Revert),
        1 => rings().prop_map(Step::Arrange),
        1 => (0..6u8, 0..5u64, 0..200i64).prop_map(|(gateway, back, until)| Step::Pin(gateway, back, until)),
        1 => (0..6u8).prop_map(Step::Unpin),
        1 => (0..4u64).prop_map(Step::Raise),
        6 => Just(Step::Judge),
        9 => (0..6u8, 0..8u8).prop_map(|(gateway, what)| Step::Gateway(gateway, what)),
        2 => (1..40i64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

/// A control plane that does nothing but this.
struct World {
    course: Course,
    newest: u64,
    floor: u64,
    timestamp: u64,
    told: u64,
    now_s: i64,
    reached_s: i64,
    fleet: Vec<Sighting>,
}

const BOUNDS: Bounds = Bounds { promotes: true, soak_ms: 10_000, most_rise: 500, least_calls: 4 };

impl World {
    fn new(rings: Vec<(String, Members)>) -> Self {
        let rings = rings.into_iter().map(|(name, members)| Ring { name, members, version: 0 }).collect();
        let gateway =
            |n: u8| Sighting { id: format!("gw_{n}"), name: format!("gw-{n}"), labels: labels(&n.to_string()), ..Sighting::default() };
        let fleet = (0..6).map(gateway).collect();
        Self {
            course: Course::new(rings, BTreeMap::new(), None),
            newest: 0,
            floor: 0,
            timestamp: 0,
            told: 0,
            now_s: 0,
            reached_s: 0,
            fleet,
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            tenant: TENANT,
            course: &self.course,
            reached_ms: self.reached_s * 1000,
            timestamp: self.told,
            fleet: &self.fleet,
            bounds: BOUNDS,
            now_ms: self.now_s * 1000,
        }
    }

    fn assigned(&self, at: usize) -> u64 {
        let seen = &self.fleet[at];
        let member = Member { tenant: TENANT, gateway: &seen.id, labels: &seen.labels };
        self.course.assignment().version_for(&member, self.now_s).expect("everybody has a version")
    }

    /// Whether a gateway that counts refuses the version.
    fn refused(&self) -> bool {
        let Some(rollout) = self.course.rollout() else { return false };
        (0..self.fleet.len()).any(|at| {
            let seen = &self.fleet[at];
            self.assigned(at) == rollout.version
                && self.course.pins().get(&seen.id).is_none_or(|pinned| self.now_s >= pinned.until)
                && seen.running != Some(rollout.version)
                && seen.error.is_some()
                && seen.refused.is_some_and(|refused| refused >= self.told)
        })
    }

    fn step(&mut self, step: Step) {
        let before = self.course.clone();
        match step {
            Step::Publish | Step::Everywhere => {
                self.newest += 1;
                if matches!(step, Step::Publish) {
                    self.course.publish(self.newest)
                } else {
                    self.course.everywhere(self.newest)
                }
                (self.reached_s, self.told) = (self.now_s, self.timestamp + 1);
            }
            Step::Promote => drop(self.course.promote()),
            Step::Halt => drop(self.course.halt()),
            Step::Resume => drop(self.course.resume()),
            Step::Revert => drop(self.course.revert()),
            Step::Arrange(rings) => drop(self.course.arrange(rings)),
            Step::Pin(gateway, back, until) => {
                let version = self.newest.saturating_sub(back);
                if version >= self.floor.max(1) {
                    self.course.pin(format!("gw_{gateway}"), Pinned { version, until: self.now_s + until });
                }
            }
            Step::Unpin(gateway) => drop(self.course.unpin(&format!("gw_{gateway}"))),
            Step::Raise(back) => {
                self.floor = self.floor.max(self.newest.saturating_sub(back));
                self.course.raise(self.floor, self.newest);
            }
            Step::Judge => match judge(&self.situation()) {
                Verdict::Promote => {
                    self.course.promote().expect("the rule asks for nothing impossible");
                    self.reached_s = self.now_s;
                }
                Verdict::Revert(_) => drop(self.course.revert().expect("there is a rollout to revert")),
                Verdict::Rest | Verdict::Wait(_) => {}
            },
            Step::Gateway(at, what) => {
                let (assigned, timestamp) = (self.assigned(at.into()), self.timestamp);
                let (seen, now_ms) = (&mut self.fleet[usize::from(at)], self.now_s * 1000);
                match what {
                    0 => return,
                    1 => (seen.error, seen.refused) = (Some("hash_mismatch".to_owned()), Some(timestamp)),
                    2 => (seen.error, seen.refused) = (Some("state_not_kept".to_owned()), None),
                    _ if assigned > 0 => {
                        (seen.running, seen.error, seen.refused) = (Some(assigned), None, None);
                        seen.tallies.entry(assigned).or_default().allowed += u64::from(what);
                    }
                    _ => {}
                }
                seen.seen_ms = Some(now_ms);
            }
            Step::Pass(seconds) => self.now_s += seconds,
        }
        if self.course != before {
            self.timestamp += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_happens(rings in rings(), steps in steps()) {
        let mut world = World::new(rings);
        for step in steps {
            let (before, judged) = (world.course.clone(), matches!(step, Step::Judge));
            let verdict = judge(&world.situation());
            let refused = world.refused();
            // A refusal takes everybody back and is never promoted over; a halted rollout does not move by itself.
            match before.rollout() {
                Some(rollout) if !rollout.halted && refused => prop_assert!(matches!(verdict, Verdict::Revert(Cause::Refused { .. })), "{verdict:?}"),
                Some(rollout) if !rollout.halted => prop_assert!(verdict != Verdict::Rest),
                _ => prop_assert_eq!(&verdict, &Verdict::Rest),
            }
            if judged && verdict == Verdict::Promote {
                prop_assert!(!refused);
                let rollout = before.rollout().expect("there is one");
                // Whoever counts and was to run it runs it.
                for at in 0..world.fleet.len() {
                    let pinned = before.pins().get(&world.fleet[at].id).is_some_and(|pinned| world.now_s < pinned.until);
                    let reached = world.assigned(at) == rollout.version && !pinned;
                    prop_assert!(!reached || world.fleet[at].running == Some(rollout.version));
                    prop_assert!(!reached || world.fleet[at].error.is_none());
                }
            }
            world.step(step);
            if judged && before.rollout().is_none_or(|rollout| rollout.halted) {
                prop_assert_eq!(&before, &world.course);
            }
            // Rings are monotone; nothing runs below the floor or above what was published, and a revert stays possible.
            let course = &world.course;
            prop_assert!(course.rings().windows(2).all(|two| two[0].version >= two[1].version));
            let assignment = course.assignment();
            if world.newest > 0 {
                prop_assert!(assignment.versions().all(|version| version >= world.floor && version <= world.newest));
                prop_assert!(course.stable() >= world.floor && course.lowest() >= world.floor);
            }
            match course.rollout() {
                None => prop_assert!(course.rings().iter().all(|ring| ring.version == course.stable())),
                Some(rollout) => {
                    prop_assert!(rollout.reached >= 1 && rollout.reached <= course.rings().len());
                    prop_assert!(course.rings()[..rollout.reached].iter().all(|ring| ring.version == rollout.version));
                    prop_assert!(course.rings()[rollout.reached..].iter().all(|ring| ring.version < rollout.version));
                    prop_assert_eq!(rollout.version, world.newest);
                }
            }
            // Every gateway is in exactly one ring, and the gateway itself finds the same one in what is signed.
            for seen in &world.fleet {
                let member = Member { tenant: TENANT, gateway: &seen.id, labels: &seen.labels };
                let place = course.place(&member).expect("in one");
                prop_assert_eq!(assignment.ring_of(&member), Some(&course.rings()[place]));
            }
        }
    }
}

fn course(versions: [u64; 3], rollout: bool) -> Course {
    let ring = |name: &str, members, version| Ring { name: name.to_owned(), members, version };
    let rings = vec![
        ring("canary", Members::Labels(labels("canary")), versions[0]),
        ring("half", Members::Share(5_000), versions[1]),
        ring("all", Members::All, versions[2]),
    ];
    let mut course = Course::new(rings, BTreeMap::new(), None);
    if rollout {
        course.publish(versions[0] + 1);
    }
    course
}

fn canary(running: u64, tallies: &[(u64, u64, u64)]) -> Sighting {
    Sighting {
        id: "gw_c".to_owned(),
        name: "canary-1".to_owned(),
        labels: labels("canary"),
        running: Some(running),
        seen_ms: Some(1),
        tallies: tallies.iter().map(|(version, allowed, denied)| (*version, Tally { allowed: *allowed, denied: *denied })).collect(),
        ..Sighting::default()
    }
}

fn verdict(course: &Course, fleet: &[Sighting], bounds: Bounds, now_ms: i64) -> Verdict {
    judge(&Situation { tenant: TENANT, course, reached_ms: 0, timestamp: 7, fleet, bounds, now_ms })
}

#[test]
fn a_ring_is_waited_for_by_name() {
    let course = course([1, 1, 1], true);
    let late = canary(1, &[]);
    let Verdict::Wait(waits) = verdict(&course, std::slice::from_ref(&late), BOUNDS, 5_000) else { panic!("waits") };
    assert_eq!(waits[0], Wait::Soak { until_ms: 10_000 });
    assert_eq!(waits[1], Wait::Anybody);
    assert!(matches!(&waits[2], Wait::Unconfirmed(late) if late[0].name == "canary-1" && late[0].seen_ms == Some(1)));
    assert_eq!(waits[3], Wait::Calls { decided: 0, needed: 4 });
    assert_eq!(verdict(&course, &[canary(2, &[(2, 4, 0)])], BOUNDS, 10_000), Verdict::Promote);
    let by_hand = Bounds { promotes: false, ..BOUNDS };
    assert_eq!(verdict(&course, &[canary(2, &[(2, 4, 0)])], by_hand, 10_000), Verdict::Wait(vec![Wait::Person]));
    // With nobody in it, a ring proves nothing.
    let nobody = Bounds { least_calls: 0, ..BOUNDS };
    assert_eq!(verdict(&course, &[], nobody, 10_000), Verdict::Wait(vec![Wait::Anybody]));
}

#[test]
fn an_error_stops_and_the_refusal_of_this_version_takes_back() {
    let course = course([1, 1, 1], true);
    let refusing = |refused| Sighting { error: Some("hash_mismatch".to_owned()), refused, ..canary(1, &[]) };
    // An older refusal is of something else.
    assert!(matches!(verdict(&course, &[refusing(Some(6))], BOUNDS, 99_000), Verdict::Wait(_)));
    assert!(matches!(verdict(&course, &[refusing(None)], BOUNDS, 99_000), Verdict::Wait(_)));
    let cause = Cause::Refused { gateway: "canary-1".to_owned(), code: "hash_mismatch".to_owned() };
    assert_eq!(verdict(&course, &[refusing(Some(7))], BOUNDS, 0), Verdict::Revert(cause));
    // Somebody who is not to run it yet cannot have refused it.
    let other = Sighting { labels: BTreeMap::new(), ..refusing(Some(7)) };
    let other = (0..)
        .map(|n| Sighting { id: format!("gw_{n}"), ..other.clone() })
        .find(|seen| course.place(&Member { tenant: TENANT, gateway: &seen.id, labels: &seen.labels }) == Some(2));
    assert!(matches!(verdict(&course, &[other.expect("one in the last ring")], BOUNDS, 99_000), Verdict::Wait(_)));
    // It is in force and something else is amiss: nobody goes on, nobody goes back.
    let unkept = Sighting { error: Some("state_not_kept".to_owned()), ..canary(2, &[(2, 9, 0)]) };
    let failing = vec![("canary-1".to_owned(), "state_not_kept".to_owned())];
    assert_eq!(verdict(&course, &[unkept], BOUNDS, 99_000), Verdict::Wait(vec![Wait::Failing(failing)]));
}

#[test]
fn more_denials_than_before_take_back_once_there_are_enough_calls() {
    let course = course([1, 1, 1], true);
    let bounds = Bounds { least_calls: 100, ..BOUNDS };
    let at = |tallies: &[(u64, u64, u64)]| verdict(&course, &[canary(2, tallies)], bounds, 99_000);
    assert_eq!(at(&[(1, 980, 20), (2, 94, 6)]), Verdict::Promote);
    let cause = Cause::Denials { now: Tally { allowed: 90, denied: 10 }, before: Tally { allowed: 980, denied: 20 } };
    assert_eq!(at(&[(1, 980, 20), (2, 90, 10)]), Verdict::Revert(cause));
    // Nothing is judged by a handful of calls.
    assert!(matches!(at(&[(1, 980, 20), (2, 0, 99)]), Verdict::Wait(_)));
    // Where the canary had nothing to do before, the others' calls are the measure.
    let rest = Sighting { id: "gw_r".to_owned(), labels: BTreeMap::new(), ..canary(1, &[(1, 990, 10)]) };
    let fleet = [canary(2, &[(1, 1, 0), (2, 50, 50)]), rest];
    assert!(matches!(verdict(&course, &fleet, bounds, 99_000), Verdict::Revert(Cause::Denials { .. })));
}

#[test]
fn a_pinned_gateway_holds_nobody_up() {
    let mut course = course([1, 1, 1], true);
    course.pin("gw_c".to_owned(), Pinned { version: 1, until: 100 });
    let other = Sighting { id: "gw_d".to_owned(), ..canary(2, &[(2, 9, 0)]) };
    let fleet = [canary(1, &[]), other];
    assert_eq!(verdict(&course, &fleet, BOUNDS, 99_000), Verdict::Promote);
    assert!(matches!(verdict(&course, &fleet, BOUNDS, 100_000), Verdict::Wait(_)));
}

#[test]
fn a_newer_version_takes_the_place_of_one_under_way_and_a_revert_goes_back_to_what_all_ran() {
    let mut course = course([1, 1, 1], true);
    course.promote().expect("to the second ring");
    course.publish(3);
    let versions = |course: &Course| course.rings().iter().map(|ring| ring.version).collect::<Vec<_>>();
    assert_eq!((versions(&course), course.stable(), course.lowest()), (vec![3, 2, 1], 1, 1));
    assert_eq!(course.revert(), Ok(1));
    assert_eq!((versions(&course), course.rollout()), (vec![1, 1, 1], None));
}
