//! Grants, revocations, blocks, the simulator.

use super::{Sample, at, choices, console, paged, s, through};
use app::{
    components::{FormErrors, Pager, StepState, Stops},
    page::Nav,
    pages::{block, grants, receipt, simulator, take_back},
    words::{GrantState, Risk},
};

fn grantpages(out: &mut Vec<Sample>) {
    console(out, "grants", "Grants", Nav::Grants, || {
        let row = |id: &str, state, ends| grants::Row {
            id: id.into(),
            person: "Dev Moreau".into(),
            through: through(true),
            scopes: s(&["incidents.trigger"]),
            server: "incident".into(),
            risk: Risk::High,
            state,
            ends,
            used: Some(at(10, 1, 7)),
        };
        grants::view(grants::Model {
            q: String::new(),
            state: None,
            rows: vec![
                row("grt_1", GrantState::Active, at(11, 6, 0)),
                row("grt_2", GrantState::Revoked, at(10, 4, 40)),
                row("grt_3", GrantState::Expired, at(9, 0, 0)),
            ],
            now: at(10, 6, 0),
            pager: paged("1 to 50 of about 3,200"),
        })
    });
    console(out, "grant", "Grant", Nav::Grants, || {
        grants::detail(grants::Detail {
            id: "grt_01k9w3zj4q8m2v7r5t6y1x0abc".into(),
            person: "Dev Moreau".into(),
            through: through(true),
            scopes: vec![("incidents.trigger".into(), "Open an incident and page the on-call team".into(), Risk::High)],
            server: ("incident".into(), "http://127.0.0.1:7500/mcp/incident".into()),
            state: GrantState::Active,
            starts: at(10, 6, 31),
            ends: at(11, 6, 31),
            now: at(10, 20, 0),
            request: Some("req_01k9".into()),
            approvers: s(&["Sam Okafor"]),
            revocation: None,
            history: vec![
                grants::Event {
                    at: at(9, 58, 0),
                    text: "Dev Moreau asked: Checkout latency drill".into(),
                    good: true,
                    event_id: Some("evt_1".into()),
                },
                grants::Event {
                    at: at(10, 6, 31),
                    text: "Sam Okafor approved for 1 hour".into(),
                    good: true,
                    event_id: Some("evt_2".into()),
                },
                grants::Event {
                    at: at(10, 7, 2),
                    text: "First use: incidents.trigger, allowed by gw-eu-1".into(),
                    good: true,
                    event_id: None,
                },
            ],
            can_revoke: true,
        })
    });
    console(out, "grant-revoke", "Revoke grant", Nav::Grants, || {
        grants::revoke(grants::Revoke {
            id: "grt_01k9".into(),
            person: "Dev Moreau".into(),
            scopes: s(&["incidents.trigger"]),
            server: "incident".into(),
            through: through(true),
            stops: stops(1, Some(1), None),
            errors: FormErrors::default(),
            reason: String::new(),
        })
    });
    console(out, "revocations", "Revocations", Nav::Revocations, || {
        let row = |seq, what: &str, block, confirmed, lift| receipt::Row {
            seq,
            what: what.into(),
            block,
            lifted: None,
            by: "Ada Lindqvist".into(),
            reason: "drill over".into(),
            at: at(10, 4, 40),
            confirmed,
            lift,
        };
        receipt::view(receipt::Model {
            rows: vec![
                row(5512, "grant grt_01k9", false, (7, 8), None),
                row(5511, "client Old IDE", true, (8, 8), Some("kind=client&subject=cli_9".into())),
            ],
            can_block: true,
            pager: Pager::default(),
        })
    });
    console(out, "receipt", "Revocation 5512", Nav::Revocations, || {
        let gw = |name: &str, after_ms: Option<i64>, note: &str| receipt::ReceiptRow {
            name: name.into(),
            policy: Some(128),
            after_ms,
            note: note.into(),
            last_report: at(10, 6, 0).text,
        };
        receipt::detail(receipt::Detail {
            seq: 5512,
            what: "grant grt_01k9 of Dev Moreau".into(),
            by: "Ada Lindqvist".into(),
            reason: "drill over".into(),
            at: at(10, 4, 40),
            event_id: Some("evt_3".into()),
            took: vec![
                ("Scope", "incidents.trigger".into()),
                ("Through", "Code IDE, triage-agent".into()),
                ("Live tokens", "2".into()),
                ("Last use", "10:01:07, allowed".into()),
            ],
            story: vec![
                (at(9, 58, 0), "Requested".into(), true),
                (at(10, 0, 2), "Approved by Sam Okafor".into(), true),
                (at(10, 0, 12), "First use".into(), true),
                (at(10, 4, 40), "Revoked".into(), false),
            ],
            can_list: true,
            snapshot: receipt::ReceiptSnapshot {
                lifts: false,
                rows: vec![
                    gw("gw-us-1", Some(80), ""),
                    gw("gw-us-2", Some(90), ""),
                    gw("gw-us-3", Some(110), ""),
                    gw("gw-eu-1", Some(190), ""),
                    gw("gw-eu-2", Some(210), ""),
                    gw("gw-ap-1", Some(400), ""),
                    gw("gw-ap-2", Some(170), ""),
                    gw("gw-eu-3", None, "silent for 6 min; its tokens end by 10:12"),
                ],
                exposed_until: at(10, 12, 0).text,
            },
        })
    });
    console(out, "block", "Block", Nav::Revocations, || {
        block::choose(block::Choose {
            subjects: vec![
                (block::Kind::User, vec![("usr_1".into(), "Dev Moreau".into())]),
                (block::Kind::Client, vec![("cli_1".into(), "Code IDE".into())]),
                (block::Kind::Agent, vec![]),
                (block::Kind::Server, vec![("srv_1".into(), "incident".into())]),
                (block::Kind::RoleScope, vec![("developer".into(), "developer".into()), ("sre".into(), "sre".into())]),
            ],
            scopes: s(&["incidents.trigger", "logs.debug.write", "logs.read"]),
            tenant: "acme".into(),
        })
    });
    let confirm = |kind, subject: &str, name: &str| block::Model {
        kind,
        subject: subject.into(),
        scope: (kind == block::Kind::RoleScope).then(|| "logs.debug.write".to_owned()),
        name: name.into(),
        stops: stops(if kind == block::Kind::User { 1 } else { 54 }, Some(3), Some(61)),
        warning: None,
        reason: String::new(),
        errors: FormErrors::default(),
    };
    console(out, "block-client", "Block client", Nav::Revocations, || block::view(confirm(block::Kind::Client, "cli_1", "Code IDE")));
    console(out, "block-person", "Block person", Nav::Revocations, || block::view(confirm(block::Kind::User, "usr_1", "Dev Moreau")));
    console(out, "block-role-scope", "Block a role's scope", Nav::Revocations, || {
        block::view(confirm(block::Kind::RoleScope, "sre", "logs.debug.write by role sre"))
    });
    console(out, "block-tenant", "Stop everything", Nav::Revocations, || block::view(confirm(block::Kind::Tenant, "acme", "Acme")));
    console(out, "take-back", "Take back", Nav::Revocations, || {
        take_back::choose(take_back::Choose {
            people: vec![("usr_1".into(), "Dev Moreau".into()), ("usr_2".into(), "Olga Petrova".into())],
            can_read_audit: true,
        })
    });
    let take = |kind, subject: &str, name: &str, known| take_back::Model {
        kind,
        subject: subject.into(),
        name: name.into(),
        stops: stops(u64::from(known != take_back::Known::Unknown), None, Some(2)),
        known,
        is_self: false,
        reason: String::new(),
        errors: FormErrors::default(),
    };
    console(out, "take-back-person", "Take back", Nav::Revocations, || {
        take_back::view(take_back::Model {
            is_self: true,
            ..take(take_back::Kind::Subject, "usr_1", "Dev Moreau", take_back::Known::Found)
        })
    });
    console(out, "take-back-session", "Take back", Nav::Revocations, || {
        take_back::view(take(
            take_back::Kind::Session,
            "ses_01k9w3zj4q8m2v7r5t6y1x0abc",
            "a sign-in of Dev Moreau",
            take_back::Known::Found,
        ))
    });
    console(out, "take-back-token", "Take back", Nav::Revocations, || {
        take_back::view(take(
            take_back::Kind::Token,
            "tok_01k9",
            "a token of Dev Moreau through Code IDE",
            take_back::Known::Ended(at(9, 50, 0)),
        ))
    });
    console(out, "take-back-unknown", "Take back", Nav::Revocations, || {
        take_back::view(take(take_back::Kind::Lineage, "lin_mistyped", "lin_mistyped", take_back::Known::Unknown))
    });
    console(out, "block-lift", "Lift block", Nav::Revocations, || {
        block::lift(block::Lift {
            kind: block::Kind::Client,
            subject: "cli_9".into(),
            scope: None,
            name: "Old IDE".into(),
            blocked_by: ("Ada Lindqvist".into(), "leaked credentials".into()),
            reason: String::new(),
            errors: FormErrors::default(),
        })
    });
}

fn asking(out: &mut Vec<Sample>) {
    let model = |answer| simulator::Model {
        question: simulator::Question {
            person: "usr_1".into(),
            client: "cli_1".into(),
            tool: "logs.debug.write".into(),
            server: "srv_1".into(),
            ..simulator::Question::default()
        },
        people: choices(&[("usr_1", "Dev Moreau"), ("usr_2", "Sam Okafor")]),
        clients: choices(&[("cli_1", "Code IDE")]),
        agents: choices(&[("agt_1", "triage-agent")]),
        servers: choices(&[("srv_1", "incident"), ("srv_2", "analytics")]),
        tools: Some(choices(&[("logs.debug.write", "logs.debug.write"), ("logs.read", "logs.read")])),
        answer,
        problem: None,
        draft: vec![
            simulator::DraftLine { adds: true, text: "role sre gains logs.debug.write".into(), people: Some(12) },
            simulator::DraftLine { adds: false, text: "client Old IDE loses analytics.query".into(), people: Some(2) },
        ],
    };
    let link = |state, title: &str, detail: &str| simulator::Link { state, title: title.into(), until: None, detail: detail.into() };
    console(out, "simulator", "Simulator", Nav::Simulator, || {
        simulator::view(simulator::Model { tools: None, question: simulator::Question::default(), ..model(None) })
    });
    console(out, "explain", "Simulator", Nav::Simulator, || {
        simulator::view(model(Some(simulator::Answer {
            allowed: false,
            sentence: "One link is missing: the role developer does not include logs.debug.write".into(),
            reason: Some("scope_not_in_role".into()),
            rule: None,
            obligations: vec![],
            chain: vec![
                link(StepState::Holds, "Dev Moreau is active", "Okta, signed in 4 min ago"),
                link(StepState::Holds, "Group engineering maps to role developer", "as of the last sign-in"),
                link(StepState::Holds, "Client Code IDE is allowed", "class ide, no ceiling"),
                simulator::Link { until: Some(at(11, 6, 0)), ..link(StepState::Holds, "Grant grt_01k9 gives logs.read", "") },
                link(StepState::Broken, "Role developer has no logs.debug.write", "sre has it (12 people). No active grant."),
                link(StepState::NotReached, "Scope is bound to tool logs.debug.write", "not reached"),
            ],
            remedies: vec![
                simulator::Remedy {
                    label: "Ask for it for Dev, up to 4 hours".into(),
                    path: "/requests/new?server=srv_1".into(),
                    reach: None,
                },
                simulator::Remedy {
                    label: "Add it to the role developer in the draft".into(),
                    path: "/roles/developer/edit".into(),
                    reach: Some("That gives it to 41 people.".into()),
                },
            ],
            policy: "128 (live)".into(),
            at: at(10, 6, 12),
        })))
    });
}

/// What stops, as the pages that take something away count it.
fn stops(people: u64, live_grants: Option<u64>, connections: Option<u64>) -> Stops {
    Stops { people, tokens: 2 * people + 1, agents: people / 10 + 1, live_grants, connections, gateways: 8 }
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    grantpages(out);
    asking(out);
}
