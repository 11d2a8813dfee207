//! Signing keys.

use super::{Sample, at, console};
use app::{
    instant::Instant,
    page::Nav,
    pages::keys::{self, Key, Model, Other, Place, Role, State, Until},
    words::Tone,
};

fn key(start: &str, here: bool) -> Key {
    Key { id: start.repeat(8), place: if here { Place::Database } else { Place::Elsewhere }, since: Some(at(8, 0, 0)) }
}

fn in_service(role: &str, start: &str) -> Key {
    let there = Place::Service(format!("vault:teams/security/transit/acme-production-{role}@3"));
    Key { place: there, ..key(start, true) }
}

fn role(name: &str, signs: &'static str, threshold: u32, keys: Vec<Key>, until: Until) -> Role {
    Role { name: name.into(), signs, threshold, keys, until }
}

fn day(days: i64) -> Instant {
    Instant::from_ms(at(9, 0, 0).ms + days * 86_400_000)
}

fn model(moved: bool) -> Model {
    let soon = |days| if moved { Until::Elsewhere(day(days)) } else { Until::Renewed(day(days)) };
    let online = |role: &str, start: &str| if moved { in_service(role, start) } else { key(start, true) };
    let root = match moved {
        true => vec![key("3f2a9c01", true), key("b04c77de", false), key("9e15a2c4", false)],
        false => vec![key("3f2a9c01", true)],
    };
    Model {
        tenant: "acme".into(),
        root_sha256: "5fe1c0de".repeat(8),
        root_version: if moved { 3 } else { 1 },
        roles: vec![
            role("root", "Which keys count for everything below", if moved { 2 } else { 1 }, root, soon(340)),
            role("targets", "The policy key: which policies may run", 1, vec![key("04d2bb8e", !moved)], soon(24)),
            role("assignment", "Which gateway runs which of them", 1, vec![key("77aa01b2", true)], Until::Renewed(day(6))),
            role("revocations", "What was taken away", 1, vec![key("c0ffee11", true)], Until::Renewed(day(6))),
            role("snapshot", "Which of these belong together", 1, vec![online("snapshot", "1122aabb")], Until::Renewed(day(6))),
            role("timestamp", "That they are the newest", 1, vec![online("timestamp", "d00dfeed")], Until::Renewed(at(9, 10, 0))),
        ],
        others: vec![
            Other {
                signs: "Access tokens",
                id: "dH2ZkPq0vV1nYc3T".into(),
                since: at(9, 30, 0),
                state: State::Waits(vec!["gw-eu-3".into()]),
            },
            Other { signs: "Access tokens", id: "Qm4sLw8xJf6bRa9E".into(), since: at(8, 0, 0), state: State::Signs },
            Other { signs: "Access tokens", id: "Zz1yXw2vUt3sRq4P".into(), since: at(7, 0, 0), state: State::Verifies(at(10, 30, 0)) },
            Other { signs: "Access tokens", id: "Aa0bBc1cDd2dEe3F".into(), since: at(6, 0, 0), state: State::Retired(at(7, 30, 0)) },
            Other {
                signs: "Audit log",
                id: "writ/acme+5d3c01aa+AUo2Xz0s9yqk1rJb7c4h6LwT3pVn8mQ5eRgZ2uYxWfDi".into(),
                since: at(8, 0, 0),
                state: State::Signs,
            },
        ],
        notices: match moved {
            true => vec![(
                Tone::Danger,
                "targets ends in 24 days.".into(),
                "Whoever holds its key has to sign it again; the candidate for it stands on the page of the draft.".into(),
            )],
            false => vec![],
        },
    }
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    console(out, "keys", "Keys", Nav::Keys, || keys::view(model(false)));
    console(out, "keys-elsewhere", "Keys", Nav::Keys, || keys::view(model(true)));
}
