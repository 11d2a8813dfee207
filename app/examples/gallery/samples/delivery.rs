//! Draft, bundles, fleet.

use super::{HOSTILE, Sample, at, console, console_after};
use app::{
    components::{FieldError, FormErrors, Icon, Pager},
    page::Nav,
    pages::{candidate, draft, fleet, opa, rollout},
    words::{Risk, Severity, Tone},
};

fn gateway(name: &str, state: fleet::GatewayState, error: Option<&str>) -> fleet::GatewayRow {
    let seen = at(10, 6, 8);
    let reported = state != fleet::GatewayState::New;
    let policy = if state == fleet::GatewayState::Current { 128 } else { 127 };
    fleet::GatewayRow {
        id: format!("gw_01k9w3zj4q8m2v7r5t6y1x{}", &name[name.len() - 1..]),
        name: name.into(),
        state,
        policy: reported.then_some(policy),
        desired: Some(128),
        ring: if name.ends_with('1') { "canary".into() } else { "all".into() },
        pinned: false,
        revocation_seq: reported.then_some(5512),
        last_seen_ms: reported.then_some(seen.ms),
        last_seen: if reported { seen.text } else { String::new() },
        error: error.map(Into::into),
        version: "0.1.0".into(),
        is_opa: false,
        href: Some(format!("/t/acme/fleet/{name}")),
        remove: matches!(state, fleet::GatewayState::Silent | fleet::GatewayState::New).then(|| format!("/t/acme/fleet/{name}/remove")),
    }
}

fn opa_row(name: &str, state: fleet::GatewayState) -> fleet::GatewayRow {
    let row = gateway(name, state, None);
    let id = row.id.replace("gw_", "opa_");
    fleet::GatewayRow { href: Some(format!("/t/acme/fleet/opa/{id}")), id, is_opa: true, version: "OPA 1.20.2".into(), ..row }
}

pub(super) fn changes() -> Vec<draft::Change> {
    let change = |effect, kind: &str, subject: &str, what: &str, people| draft::Change {
        effect,
        kind: kind.into(),
        subject: subject.into(),
        what: what.into(),
        people,
        risk: (effect == draft::Effect::Widens).then_some(Risk::High),
        by: Some(("Ada Lindqvist".into(), at(9, 30, 0))),
    };
    let set =
        draft::Change { by: None, ..change(draft::Effect::Neutral, "Token issuers", "", "are set: https://writ.example.com/t/acme", None) };
    vec![
        set,
        change(draft::Effect::Narrows, "Client class", "old-ide", "loses analytics.query", Some(2)),
        change(draft::Effect::Widens, "Role", "sre", "gains logs.debug.write", Some(12)),
        change(draft::Effect::Widens, "Tool", "incident · incidents.trigger", "is bound to incidents.trigger", Some(12)),
        change(draft::Effect::Neutral, "Scope", "logs.read", "has a new sentence", None),
    ]
}

fn model(findings: Vec<draft::Finding>, can_publish: bool) -> draft::Model {
    draft::Model {
        live: Some(128),
        next: 129,
        digest: "5fe1".into(),
        edits: 4,
        differs: true,
        changes: changes(),
        findings,
        gateways: 8,
        first_ring: None,
        can_publish,
        signed_here: true,
        candidate: None,
        offered: false,
        moved: false,
        note: String::new(),
        errors: FormErrors::default(),
    }
}

fn candidate(can_publish: bool) -> candidate::Model {
    candidate::Model {
        number: 212,
        about: "Policy 129".into(),
        by: "Ada Lindqvist".into(),
        at: at(9, 41, 0),
        note: format!("debugging for sre {HOSTILE}"),
        changes: vec![
            "Role sre gains logs.debug.write".into(),
            format!("Policy 129 may run (SHA-256 {})", "5fe1c0ffee".repeat(6) + "abcd"),
            "May run no more: policy 119".into(),
        ],
        keys: vec![("9c1e77ab40".repeat(6) + "0011", true), ("04d2bb8e51".repeat(6) + "ffee", false)],
        threshold: 2,
        can_publish,
        tenant: "acme".into(),
        signature: String::new(),
        errors: FormErrors::default(),
    }
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    console(out, "draft-undone", "Draft", Nav::Draft, || {
        draft::view(draft::Model { edits: 2, differs: false, changes: vec![], ..model(vec![], true) })
    });
    console(out, "draft", "Draft", Nav::Draft, || {
        let finding = |severity, code: &str, text: &str, path: Option<&str>| draft::Finding {
            severity,
            code: code.into(),
            text: text.into(),
            path: path.map(Into::into),
        };
        draft::view(model(
            vec![
                finding(
                    Severity::Security,
                    "high_risk_wide",
                    "incidents.trigger is high risk and 12 people hold it by role.",
                    Some("/roles/sre"),
                ),
                finding(
                    Severity::Suggestion,
                    "scope_undescribed",
                    "logs.debug.write has no sentence; approvers see only its name.",
                    Some("/scopes/logs.debug.write"),
                ),
            ],
            true,
        ))
    });
    console(out, "draft-blocked", "Draft", Nav::Draft, || {
        let mut m = model(
            vec![draft::Finding {
                severity: Severity::Error,
                code: "unknown_scope".into(),
                text: "The role sre holds logs.debug.wirte, which is bound to nothing and described nowhere.".into(),
                path: Some("/roles/sre/edit".into()),
            }],
            true,
        );
        m.moved = true;
        draft::view(m)
    });
    console(out, "draft-rings", "Draft", Nav::Draft, || {
        draft::view(draft::Model { first_ring: Some("canary".into()), ..model(vec![], true) })
    });
    console(out, "draft-clean", "Draft", Nav::Draft, || draft::view(model(vec![], true)));
    console(out, "draft-empty", "Draft", Nav::Draft, || draft::view(draft::Model { changes: vec![], ..model(vec![], true) }));
    console_after(
        out,
        "draft-asked",
        "Draft",
        Nav::Draft,
        "The draft is a candidate now and awaits the signature of the policy key.",
        || draft::view(draft::Model { signed_here: false, candidate: Some(candidate(true)), offered: true, ..model(vec![], true) }),
    );
    console(out, "draft-asked-wrong", "Draft", Nav::Draft, || {
        let message = "This is not the signature of a policy key over this candidate.".to_owned();
        let errors = FormErrors(vec![FieldError { field: "signature".into(), message }]);
        let waits = candidate::Model { signature: format!("{{{HOSTILE}"), errors, ..candidate(true) };
        draft::view(draft::Model { signed_here: false, candidate: Some(waits), changes: vec![], ..model(vec![], true) })
    });
    console(out, "draft-asked-edited", "Draft", Nav::Draft, || {
        draft::view(draft::Model { signed_here: false, candidate: Some(candidate(true)), next: 130, ..model(vec![], true) })
    });
    console(out, "draft-asked-reader", "Draft", Nav::Draft, || {
        let waits = candidate::Model { about: "A change of keys".into(), note: String::new(), ..candidate(false) };
        draft::view(draft::Model { signed_here: false, candidate: Some(waits), changes: vec![], ..model(vec![], false) })
    });
    console(out, "candidate-withdraw", "Withdraw a candidate", Nav::Draft, || {
        candidate::withdraw(candidate::Withdraw { number: 212, about: "Policy 129".into(), by: "Ada Lindqvist".into() })
    });
    console(out, "bundles", "Bundles", Nav::Bundles, || {
        let row = |version, note: &str, gateways, live| draft::Bundle {
            version,
            digest: "5fe1c0ffee".repeat(6) + "abcd",
            by: "Ada Lindqvist".into(),
            at: at(9, 41, 0),
            note: note.into(),
            bytes: 8421,
            gateways,
            live,
            rollout: None,
        };
        let awaits = Some(("Policy 129".to_owned(), "Ada Lindqvist".to_owned()));
        draft::bundles(draft::Bundles {
            rows: vec![
                draft::Bundle { rollout: Some(rollout::State::Running), ..row(128, "incident bound", 2, true) },
                draft::Bundle { rollout: Some(rollout::State::Done), ..row(127, "", 6, false) },
                draft::Bundle { rollout: Some(rollout::State::Reverted), ..row(126, "too much denied", 0, false) },
                row(125, "", 0, false),
            ],
            pager: Pager::default(),
            awaits,
        })
    });
    console(out, "fleet", "Fleet", Nav::Fleet, || {
        fleet::view(fleet::Model {
            snapshot: fleet::FleetSnapshot {
                desired_policy: Some(128),
                revocation_seq: 5512,
                as_of_ms: at(10, 6, 12).ms,
                as_of: at(10, 6, 12).text,
                rows: vec![
                    gateway("gw-us-1", fleet::GatewayState::Current, None),
                    gateway("gw-eu-1", fleet::GatewayState::Current, None),
                    gateway("gw-eu-2", fleet::GatewayState::Behind, None),
                    gateway("gw-eu-3", fleet::GatewayState::Silent, None),
                    gateway("gw-ap-1", fleet::GatewayState::Failing, Some("bundle_expired: timestamp.json expired at 10:00")),
                    gateway("gw-ap-2", fleet::GatewayState::New, None),
                    opa_row("opa-eu-1", fleet::GatewayState::Current),
                    opa_row("opa-eu-2", fleet::GatewayState::New),
                ],
            },
            can_enrol: true,
        })
    });
    console(out, "fleet-empty", "Fleet", Nav::Fleet, || {
        fleet::view(fleet::Model {
            snapshot: fleet::FleetSnapshot { desired_policy: None, revocation_seq: 0, as_of_ms: 0, as_of: String::new(), rows: vec![] },
            can_enrol: true,
        })
    });
    console(out, "fleet-enrol", "Enrol a gateway", Nav::Fleet, || {
        fleet::enrol(fleet::Enrol {
            name: "GW 1".into(),
            errors: FormErrors(vec![FieldError { field: "name".into(), message: "Use lower-case letters, digits and hyphens.".into() }]),
        })
    });
    console(out, "fleet-token", "Enrolment token", Nav::Fleet, || {
        let token = format!("wge_{}.{}", "aZ09-_xy".repeat(5), "0f".repeat(32));
        fleet::token(fleet::Token {
            name: "gw-eu-1".into(),
            command: format!("writ-gateway enroll --server http://127.0.0.1:7400/t/acme --name gw-eu-1 --token {token}"),
            token,
            life_s: 900,
            expires: at(10, 21, 0),
        })
    });
    console(out, "opa-enrol", "Add an OPA", Nav::Fleet, || opa::enrol(opa::Enrol::default()));
    console(out, "opa-ready", "An OPA's token and configuration", Nav::Fleet, || {
        opa::ready(opa::Ready {
            id: "opa_01k9w3zj4q8m2v7r5t6y1x".into(),
            name: "opa-eu-1".into(),
            token: Some(format!("wot_{}", "aZ09-_xy".repeat(5))),
            token_path: "/etc/opa/writ.token".into(),
            config: OPA_CONFIG.into(),
        })
    });
    console(out, "opa", "opa-eu-1", Nav::Fleet, || opa::view(opa_model(true)));
    console(out, "opa-refusing", "opa-eu-1", Nav::Fleet, || {
        opa::view(opa::Model {
            state: (Tone::Danger, Icon::Warning, "Error"),
            policy: Some(127),
            refused_policy: Some("could not verify the signature".into()),
            tokens: vec![(at(8, 0, 0), Some(at(8, 1, 0))), (at(10, 0, 0), None)],
            pins_old_key: true,
            policy_awaits: true,
            ..opa_model(true)
        })
    });
    console(out, "opa-reader", "opa-eu-1", Nav::Fleet, || opa::view(opa_model(false)));
    console(out, "opa-remove", "Remove an OPA", Nav::Fleet, || {
        opa::remove(opa::Remove { id: "opa_01k9w3zj4q8m2v7r5t6y1x".into(), name: "opa-eu-1".into() })
    });
}

const OPA_CONFIG: &str = "# An OPA of tenant acme, enrolled as opa-eu-1.
services:
  writ:
    url: \"http://127.0.0.1:7400/t/acme/opa\"
    credentials:
      bearer:
        token_path: \"/etc/opa/writ.token\"
";

fn opa_model(can_edit: bool) -> opa::Model {
    opa::Model {
        id: "opa_01k9w3zj4q8m2v7r5t6y1x".into(),
        name: "opa-eu-1".into(),
        state: (Tone::Ok, Icon::Check, "Current"),
        policy: Some(128),
        desired: Some(128),
        revocation_seq: Some(5512),
        newest_seq: 5512,
        added: at(8, 0, 0),
        seen: Some(at(10, 6, 8)),
        software: "OPA 1.20.2".into(),
        refused_policy: None,
        refused_revocations: None,
        tokens: vec![(at(8, 0, 0), Some(at(8, 1, 0)))],
        pins_old_key: false,
        policy_awaits: false,
        can_edit,
    }
}
