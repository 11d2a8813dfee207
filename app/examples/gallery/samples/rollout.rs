//! Rings, a policy's page, a gateway's page.

use super::delivery::changes;
use super::{HOSTILE, Sample, at, console};
use app::{
    components::{FieldError, FormErrors},
    page::Nav,
    pages::{fleet::GatewayState, gateway, rings, rollout},
};

fn errors(field: &str, message: &str) -> FormErrors {
    FormErrors(vec![FieldError { field: field.into(), message: message.into() }])
}

fn rings_model(can_edit: bool) -> rings::Model {
    let ring = |name: &str, who: &str, gateways: &[(&str, bool)]| rings::Ring {
        name: name.into(),
        who: who.into(),
        version: Some(128),
        gateways: gateways.iter().map(|(name, pinned)| (format!("gw_{name}"), (*name).to_owned(), *pinned)).collect(),
    };
    rings::Model {
        rings: vec![
            ring("canary", "labelled stage=canary", &[("gw-eu-1", false)]),
            ring("early", "the first 10 % of all gateways", &[]),
            ring("all", "everybody else", &[("gw-ap-1", false), ("gw-eu-2", true), ("gw-us-1", false)]),
        ],
        under_way: None,
        can_edit,
        digest: "5fe1".into(),
        lines: "canary: stage=canary\nearly: 10 %".into(),
        errors: FormErrors::default(),
        rule: rings::Rule {
            version: 3,
            promotes: true,
            soak: "10".into(),
            most_rise: "5".into(),
            least_calls: "100".into(),
            errors: FormErrors::default(),
        },
        changed: false,
    }
}

fn way(state: rollout::State) -> rollout::Rollout {
    let late = |name: &str, error: Option<&str>| rollout::Late {
        id: format!("gw_{name}"),
        name: name.into(),
        runs: Some(127),
        seen: Some(at(10, 5, 1)),
        error: error.map(Into::into),
    };
    let ring = |name: &str, reached, confirmed, total, pinned, late| rollout::RingProgress {
        name: name.into(),
        reached,
        since: reached.then(|| at(9, 41, 0)),
        confirmed,
        total,
        pinned,
        late,
    };
    rollout::Rollout {
        state,
        since: at(9, 55, 0),
        why: String::new(),
        stable: 127,
        began: at(9, 41, 0),
        reached: 2,
        rings: vec![
            ring("canary", true, 1, 1, 0, vec![]),
            ring("early", true, 1, 3, 1, vec![late("gw-eu-2", None), late("gw-ap-1", Some("hash_mismatch"))]),
            ring("all", false, 0, 4, 0, vec![]),
        ],
        waits: vec![
            "It has to be in the ring until 2026-11-23 10:15:00 UTC.".into(),
            "2 gateways to confirm: gw-ap-1, gw-eu-2.".into(),
            "34 of 100 calls are decided by which denials are judged.".into(),
        ],
        decided: [(2, 34), (41, 1_880)],
        can_act: true,
        reason: String::new(),
        errors: FormErrors::default(),
    }
}

fn policy(rollout: Option<rollout::Rollout>) -> rollout::Model {
    rollout::Model {
        version: 128,
        digest: "5fe1c0ffee".repeat(6) + "abcd",
        by: "Ada Lindqvist".into(),
        at: at(9, 41, 0),
        note: format!("incident bound {HOSTILE}"),
        live: true,
        rollout,
        changes: changes(),
        before: Some(127),
        versions: vec![128, 127, 126],
    }
}

fn gateway_model() -> gateway::Model {
    gateway::Model {
        id: "gw_01k9w3zj4q8m2v7r5t6y1x2".into(),
        name: "gw-eu-2".into(),
        state: GatewayState::Current,
        runs: Some(127),
        desired: Some(127),
        ring: ("early".into(), "the first 10 % of all gateways".into(), Some(128)),
        labels: vec![("region".into(), "eu".into()), ("note".into(), HOSTILE.into())],
        seen: Some(at(10, 6, 8)),
        enrolled: at(8, 0, 0),
        error: None,
        software: "0.1.0".into(),
        decided: vec![(128, 12, 9), (127, 1_880, 41)],
        pin: None,
        versions: vec![128, 127, 126],
        can_pin: true,
        remove: Some("/fleet/gw_01k9w3zj4q8m2v7r5t6y1x2/remove".into()),
        typed: ("127".into(), "2026-11-30".into(), String::new()),
        errors: FormErrors::default(),
    }
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    console(out, "rings", "Rings", Nav::Rings, || rings::view(rings_model(true)));
    console(out, "rings-reader", "Rings", Nav::Rings, || rings::view(rings::Model { under_way: Some(128), ..rings_model(false) }));
    console(out, "rings-wrong", "Rings", Nav::Rings, || {
        let rule = rings::Rule { soak: "ten".into(), errors: errors("soak", "Use a whole number of minutes."), ..rings_model(true).rule };
        rings::view(rings::Model {
            lines: HOSTILE.into(),
            errors: errors("rings", "Ring 1 has no colon after the name."),
            rule,
            ..rings_model(true)
        })
    });
    console(out, "rings-one", "Rings", Nav::Rings, || {
        let mut one = rings_model(true);
        one.rings.drain(..2);
        one.lines.clear();
        rings::view(one)
    });
    console(out, "rollout", "Policy 128", Nav::Bundles, || rollout::view(policy(Some(way(rollout::State::Running)))));
    console(out, "rollout-halted", "Policy 128", Nav::Bundles, || {
        let halted = rollout::Rollout {
            why: "the canary's log looks odd".into(),
            reason: "again".into(),
            errors: errors("rollout", "The rollout is halted; resume it first."),
            ..way(rollout::State::Halted)
        };
        rollout::view(policy(Some(halted)))
    });
    console(out, "rollout-reverted", "Policy 128", Nav::Bundles, || {
        let why = "gw-ap-1 refused it: hash_mismatch".into();
        let back = rollout::Rollout { why, rings: vec![], waits: vec![], can_act: true, ..way(rollout::State::Reverted) };
        rollout::view(rollout::Model { live: false, ..policy(Some(back)) })
    });
    console(out, "rollout-none", "Policy 128", Nav::Bundles, || {
        rollout::view(rollout::Model { changes: vec![], note: String::new(), ..policy(None) })
    });
    console(out, "compare", "Compare policies", Nav::Bundles, || {
        rollout::compare(rollout::Compare { from: 126, to: 128, versions: vec![128, 127, 126], changes: changes() })
    });
    console(out, "gateway", "Gateway", Nav::Fleet, || gateway::view(gateway_model()));
    console(out, "gateway-pinned", "Gateway", Nav::Fleet, || {
        let pin = gateway::Pin {
            version: 127,
            until: at(23, 59, 59),
            over: false,
            reason: "its plug-in wants the old one".into(),
            by: "Ada Lindqvist".into(),
            at: at(9, 0, 0),
        };
        let error = Some(format!("hash_mismatch: {HOSTILE}"));
        let errors = errors("until", "Use a time to come, within 90 days.");
        gateway::view(gateway::Model { pin: Some(pin), error, state: GatewayState::Failing, errors, ..gateway_model() })
    });
    let gone = || gateway::Remove {
        id: "gw_01k9w3zj4q8m2v7r5t6y1x2".into(),
        name: "gw-eu-3".into(),
        state: GatewayState::Silent,
        seen: Some(at(7, 2, 11)),
        confirmed: Some(5509),
        newest_seq: 5512,
        holds_up: Some(128),
        pin: Some((127, at(23, 59, 59))),
    };
    console(out, "gateway-remove", "Remove a gateway", Nav::Fleet, || gateway::remove(gone()));
    console(out, "gateway-remove-running", "Remove a gateway", Nav::Fleet, || {
        gateway::remove(gateway::Remove {
            state: GatewayState::Current,
            confirmed: Some(5512),
            holds_up: None,
            pin: None,
            seen: Some(at(10, 6, 8)),
            ..gone()
        })
    });
}
