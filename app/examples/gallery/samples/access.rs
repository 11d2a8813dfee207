//! Home, requests, roles, scopes, assignments.

use super::{HOSTILE, Sample, at, choices, console, console_after, dev, s, simple, through};
use app::{
    components::{Actor, FieldError, FormErrors, Icon, Pager},
    page::Nav,
    pages::{assignments, home, request, requests, role_edit, role_import, roles, scopes},
    words::{Outcome, RequestState, Risk, Tone, Trust},
};

fn wrong(field: &str, message: &str) -> FormErrors {
    FormErrors(vec![FieldError { field: field.into(), message: message.into() }])
}

fn todo(tone: Tone, icon: Icon, title: &str, consequence: &str, path: &str, verb: &str) -> home::Todo {
    home::Todo { tone, icon, title: title.into(), consequence: consequence.into(), action: (path.into(), verb.into()) }
}

fn home_events() -> Vec<home::Event> {
    vec![
        home::Event {
            at: at(10, 6, 12),
            actor: dev(true),
            what: "called incidents.trigger on incident".into(),
            outcome: Outcome::Allowed,
            id: "evt_1".into(),
        },
        home::Event {
            at: at(10, 5, 58),
            actor: dev(false),
            what: "called logs.debug.write on incident".into(),
            outcome: Outcome::Denied,
            id: "evt_2".into(),
        },
        home::Event {
            at: at(10, 4, 40),
            actor: Actor::person("Ada Lindqvist"),
            what: "revoked grant grt_01k9".into(),
            outcome: Outcome::Allowed,
            id: "evt_3".into(),
        },
    ]
}

fn figure(name: &str, value: &str, note: &str) -> home::Figure {
    home::Figure { name: name.into(), value: value.into(), note: note.into() }
}

fn homes(out: &mut Vec<Sample>) {
    console(out, "home", "Home", Nav::Home, || {
        home::view(home::Model {
            todos: vec![
                todo(
                    Tone::Danger,
                    Icon::Warning,
                    "gw-eu-3 has not confirmed revocation 5512",
                    "7 of 8 gateways deny it, slowest 0.4 s. gw-eu-3 last reported 6 minutes ago and may still allow it until 10:12.",
                    "/revocations/5512",
                    "See receipt",
                ),
                todo(
                    Tone::Warn,
                    Icon::Clock,
                    "3 requests wait for a decision",
                    "The first expires in 42 minutes: incidents.trigger for 1 hour, high risk.",
                    "/requests",
                    "Open requests",
                ),
                todo(
                    Tone::Warn,
                    Icon::Wrench,
                    "2 tools changed on incident and are denied until reviewed",
                    "logs.search gained the argument export_to; incident.page is new. 14 people lose them meanwhile.",
                    "/servers/srv_1",
                    "Review difference",
                ),
                todo(
                    Tone::Info,
                    Icon::Pencil,
                    "The draft is ready to publish",
                    "4 changes; 12 people gain logs.debug.write. Nothing looks unintended.",
                    "/draft",
                    "Review draft",
                ),
            ],
            setup: vec![],
            figures: vec![
                figure("Gateways current", "7 of 8", "now"),
                figure("Requests decided, median", "38 s", "30 days"),
                figure("Calls allowed", "184,201", "24 hours"),
                figure("Calls denied", "312", "24 hours"),
            ],
            events: home_events(),
            live: home::Live::Version(128, at(9, 41, 0)),
            asks: false,
        })
    });
    simple(out, "home-plain", "Home", Nav::Home, || {
        home::view(home::Model {
            todos: vec![],
            setup: vec![],
            figures: vec![figure("Your grants in force", "1", "now; each ends by itself")],
            events: vec![],
            live: home::Live::Unknown,
            asks: true,
        })
    });
    console_after(out, "home-first", "Home", Nav::Home, "You are the owner of Acme.", || {
        let step = |title: &str, path: &str, done| home::Setup { title: title.into(), path: path.into(), done };
        home::view(home::Model {
            todos: vec![],
            setup: vec![
                step("Connect your IdP", "/idp", true),
                step("Import roles", "/roles/import", true),
                step("Map a group to a role", "/assignments", false),
                step("Register an MCP server", "/servers/new", false),
                step("Enrol a gateway", "/fleet/enrol", false),
                step("Publish", "/draft", false),
            ],
            figures: vec![],
            events: vec![],
            live: home::Live::Nothing,
            asks: false,
        })
    });
}

fn request_row(id: &str, person: &str, scope: &str, risk: Risk, state: RequestState) -> requests::Row {
    requests::Row {
        id: id.into(),
        person: person.into(),
        scopes: s(&[scope]),
        server: "incident".into(),
        risk,
        through: through(true),
        duration_s: 3600,
        state,
        asked: at(9, 58, 0),
        expires: at(10, 48, 0),
    }
}

fn card(deciding: request::Deciding, state: RequestState) -> request::Model {
    request::Model {
        id: "req_01k9".into(),
        state,
        mine: false,
        person: "Dev Moreau".into(),
        person_facts: vec![request::Fact { text: "dev@acme.example, group engineering".into(), source: "Okta, 4 min ago".into() }],
        ask: "trigger incidents".into(),
        server: "incident".into(),
        duration_s: 3600,
        now: at(10, 6, 0),
        expires: at(10, 48, 0),
        risk: (Risk::High, "Pages the on-call team and opens a customer-visible status.".into()),
        flags: vec![("First time".into(), "Dev asks for this server.".into()), ("Beyond".into(), "the role developer.".into())],
        scopes: vec![request::Scope {
            name: "incidents.trigger".into(),
            sentence: "Open an incident and page the on-call team".into(),
            risk: Risk::High,
            tools: vec![("incidents.trigger".into(), "writes, reaches outside".into())],
        }],
        already: s(&["logs.read"]),
        reason: "Checkout latency drill at 11:00, I run it this time. Ticket OPS-2291.".into(),
        client: request::Client { name: "Code IDE".into(), identifier: "code-ide.example".into(), trust: Trust::Verified },
        agent: Some(("triage-agent".into(), "owned by Dev Moreau; acts for Dev only".into())),
        context: vec![
            request::Fact { text: "3 of 41 people in engineering have this.".into(), source: String::new() },
            request::Fact { text: "8 requests like it in 90 days: 7 approved (median 1 hour), 1 denied.".into(), source: String::new() },
            request::Fact { text: "No role changes, and no publish is needed.".into(), source: String::new() },
        ],
        history: vec![request::Event { at: at(9, 58, 0), text: "Dev Moreau asked, through Code IDE".into(), words: None, good: true }],
        deciding,
        can_withdraw: false,
        grant: None,
        errors: FormErrors::default(),
        typed_reason: String::new(),
        typed_duration_s: None,
    }
}

fn open() -> request::Deciding {
    request::Deciding::Open {
        digest: "9f2c".into(),
        durations_s: vec![3600, 1800, 900],
        effect: "Yours decides it.".into(),
        reason_required: true,
    }
}

fn asks(out: &mut Vec<Sample>) {
    console(out, "requests", "Requests", Nav::Requests, || {
        requests::view(requests::Model {
            tab: requests::Tab::ToDecide,
            counts: [Some(3), None, Some(1), None],
            rows: vec![
                request_row("req_1", "Dev Moreau", "incidents.trigger", Risk::High, RequestState::Pending),
                request_row("req_2", "Priya Nair", "logs.debug.write", Risk::Moderate, RequestState::Pending),
                request_row("req_3", HOSTILE, "logs.read", Risk::Low, RequestState::Approved),
            ],
            now: at(10, 6, 0),
            last: None,
            pager: Pager::default(),
        })
    });
    console(out, "requests-empty", "Requests", Nav::Requests, || {
        requests::view(requests::Model {
            tab: requests::Tab::ToDecide,
            counts: [Some(0), None, None, None],
            rows: vec![],
            now: at(10, 6, 0),
            last: Some("Last decided 2 hours ago.".into()),
            pager: Pager::default(),
        })
    });
    simple(out, "request-where", "Ask for access", Nav::NewRequest, || {
        requests::new(requests::New {
            servers: vec![("srv_1".into(), "incident".into()), ("srv_2".into(), "analytics".into())],
            chosen: None,
            clients: vec![],
            agents: vec![],
            durations: vec![],
            values: requests::Values::default(),
            errors: FormErrors::default(),
        })
    });
    simple(out, "request-new", "Ask for access", Nav::NewRequest, || {
        let scope = |name: &str, sentence: &str, risk, held| requests::ScopeChoice {
            name: name.into(),
            sentence: sentence.into(),
            risk,
            max_s: 14_400,
            held,
        };
        requests::new(requests::New {
            servers: vec![],
            chosen: Some(requests::Chosen {
                id: "srv_1".into(),
                name: "incident".into(),
                scopes: vec![
                    scope("incidents.trigger", "Open an incident and page the on-call team", Risk::High, false),
                    scope("logs.debug.write", "Raise the log level of a running service", Risk::Moderate, false),
                    scope("logs.read", "Read production logs", Risk::Moderate, true),
                ],
            }),
            clients: choices(&[("cli_1", "Code IDE")]),
            agents: choices(&[("agt_1", "triage-agent")]),
            durations: vec![(900, vec![]), (3600, vec![]), (14_400, vec![]), (86_400, s(&["incidents.trigger"]))],
            values: requests::Values {
                scopes: s(&["incidents.trigger"]),
                client: "cli_1".into(),
                agent: "agt_1".into(),
                duration_s: "3600".into(),
                reason: HOSTILE.into(),
            },
            errors: wrong("reason", "Say why, in a sentence at least."),
        })
    });
    simple(out, "request-nothing", "Ask for access", Nav::NewRequest, || {
        let scope = requests::ScopeChoice {
            name: "logs.read".into(),
            sentence: "Read production logs".into(),
            risk: Risk::Moderate,
            max_s: 14_400,
            held: true,
        };
        requests::new(requests::New {
            servers: vec![],
            chosen: Some(requests::Chosen { id: "srv_1".into(), name: "incident".into(), scopes: vec![scope] }),
            clients: vec![],
            agents: vec![],
            durations: vec![],
            values: requests::Values::default(),
            errors: FormErrors::default(),
        })
    });
    console(out, "approval", "Request by Dev Moreau", Nav::Requests, || request::view(card(open(), RequestState::Pending)));
    console(out, "approval-hostile", "Request", Nav::Requests, || {
        let mut m = card(open(), RequestState::Pending);
        m.person = HOSTILE.into();
        m.reason = format!("{HOSTILE}\n{}", "x".repeat(2000));
        m.client =
            request::Client { name: HOSTILE.into(), identifier: "cli_01k9w3zj4q8m2v7r5t6y1x0abc".into(), trust: Trust::SelfAsserted };
        m.scopes[0].tools = vec![(HOSTILE.into(), "writes".into())];
        m.errors = wrong("reason", "A denial needs a reason.");
        m.typed_reason = HOSTILE.into();
        request::view(m)
    });
    simple(out, "approval-own", "Request", Nav::Requests, || {
        let mut m = card(request::Deciding::Barred("You asked for this; somebody else must decide.".into()), RequestState::Pending);
        (m.can_withdraw, m.mine) = (true, true);
        request::view(m)
    });
    console_after(out, "approval-done", "Request", Nav::Requests, "You approved it. Dev can use it now.", || {
        let mut m = card(request::Deciding::Closed, RequestState::Approved);
        m.grant = Some("grt_01k9".into());
        m.history.push(request::Event {
            at: at(10, 6, 31),
            text: "Sam Okafor approved for 1 hour".into(),
            words: Some("ok for the drill".into()),
            good: true,
        });
        request::view(m)
    });
    console(out, "approval-changed", "Changed", Nav::Requests, || {
        request::changed(request::Changed {
            id: "req_01k9".into(),
            changes: vec![("Tool incidents.trigger".into(), "pages the on-call team".into(), "pages everybody".into())],
        })
    });
}

fn role_scope(name: &str, risk: Risk, ticked: bool) -> role_edit::Scope {
    role_edit::Scope { name: name.into(), sentence: Some("Read production logs".into()).filter(|_| name == "logs.read"), risk, ticked }
}

fn rolepages(out: &mut Vec<Sample>) {
    console(out, "roles", "Roles", Nav::Roles, || {
        let row = |name: &str, scopes, risk, group: &str, people, in_draft| roles::Row {
            name: name.into(),
            scopes,
            risk,
            groups: s(&[group]),
            people,
            in_draft,
        };
        roles::view(roles::Model {
            q: String::new(),
            can_edit: true,
            rows: vec![
                row("developer", 2, Some(Risk::Moderate), "engineering", 41, false),
                row("sre", 3, Some(Risk::High), "sre", 12, true),
            ],
        })
    });
    console(out, "roles-empty", "Roles", Nav::Roles, || roles::view(roles::Model { q: String::new(), rows: vec![], can_edit: true }));
    console(out, "roles-nomatch", "Roles", Nav::Roles, || roles::view(roles::Model { q: HOSTILE.into(), rows: vec![], can_edit: false }));
    console(out, "role", "Role sre", Nav::Roles, || {
        let scope = |name: &str, sentence: Option<&str>, risk, tools: &[&str]| roles::Scope {
            name: name.into(),
            sentence: sentence.map(Into::into),
            risk,
            tools: s(tools),
            blocked: name == "incidents.trigger",
        };
        roles::detail(roles::Detail {
            name: "sre".into(),
            version: 4,
            scopes: vec![
                scope(
                    "incidents.trigger",
                    Some("Open an incident and page the on-call team"),
                    Risk::High,
                    &["incident · incidents.trigger"],
                ),
                scope("logs.debug.write", None, Risk::High, &[]),
                scope("logs.read", Some("Read production logs"), Risk::Moderate, &["incident · logs.read"]),
            ],
            groups: s(&["sre"]),
            people: vec![("usr_1".into(), "Sam Okafor".into()), ("usr_2".into(), "Priya Nair".into())],
            people_total: 12,
            in_draft: true,
            changed: Some(("Ada Lindqvist".into(), at(9, 30, 0))),
            can_edit: true,
            can_block: true,
        })
    });
    console(out, "role-delete", "Delete role", Nav::Roles, || {
        roles::delete(roles::Delete {
            name: "sre".into(),
            version: 4,
            groups: s(&["sre"]),
            people_total: 12,
            lost: s(&["incidents.trigger", "logs.debug.write"]),
        })
    });
    console(out, "role-edit", "Edit role", Nav::Roles, || {
        role_edit::view(role_edit::Model {
            role: Some("sre".into()),
            name: String::new(),
            version: 4,
            scopes: vec![
                role_scope("incidents.trigger", Risk::High, true),
                role_scope("logs.read", Risk::Moderate, true),
                role_scope("analytics.query", Risk::Low, false),
            ],
            more_scopes: format!("bad scope\n{HOSTILE}"),
            people: 12,
            errors: wrong("more_scopes", "Line 1: a scope is made of a-z, 0-9, dot, underscore, colon and hyphen."),
        })
    });
    console(out, "role-new", "New role", Nav::Roles, || {
        role_edit::view(role_edit::Model {
            role: None,
            name: String::new(),
            version: 0,
            scopes: vec![role_scope("logs.read", Risk::Moderate, false)],
            more_scopes: String::new(),
            people: 0,
            errors: FormErrors::default(),
        })
    });
    console(out, "role-conflict", "Edit conflict", Nav::Roles, || {
        role_edit::conflict(role_edit::Conflict {
            role: "sre".into(),
            version: 5,
            base: s(&["logs.read", "logs.debug.write", "incidents.trigger"]),
            theirs: s(&["logs.read", "incidents.trigger"]),
            by: "Sam Okafor".into(),
            at: at(10, 2, 11),
            yours: s(&["logs.read", "logs.debug.write", "incidents.trigger", "analytics.query"]),
        })
    });
    console(out, "role-import", "Import roles", Nav::Roles, || role_import::view(role_import::Model::default()));
    console(out, "role-import-fault", "Import roles", Nav::Roles, || {
        role_import::view(role_import::Model {
            yaml: format!("roles:\n  developer: [logs.read, analytics.query]\n  sre: logs.read, {HOSTILE}\n"),
            fault: Some(role_import::Fault {
                line: Some(3),
                message: "the role sre must be a list of scopes, for example [logs.read, logs.write]".into(),
            }),
        })
    });
    let preview = |unchanged| role_import::Preview {
        yaml: "roles:\n  sre: [logs.read]\n".into(),
        digest: "ab12".into(),
        changes: vec![
            role_import::Change {
                role: "sre".into(),
                new: false,
                gains: s(&["incidents.trigger"]),
                loses: s(&["analytics.query"]),
                people: 12,
            },
            role_import::Change {
                role: "developer".into(),
                new: true,
                gains: s(&["logs.read", "analytics.query"]),
                loses: vec![],
                people: 0,
            },
        ],
        unchanged,
        new_scopes: s(&["incidents.trigger"]),
    };
    console(out, "role-import-preview", "Import roles", Nav::Roles, move || role_import::preview(preview(1)));
    console(out, "role-import-preview-all", "Import roles", Nav::Roles, move || role_import::preview(preview(0)));
    console(out, "assignments", "Assignments", Nav::Assignments, || {
        let row =
            |group: &str, role: &str, people| assignments::Row { group: group.into(), role: role.into(), people, seen: Some(at(9, 55, 0)) };
        assignments::view(assignments::Model {
            rows: vec![row("engineering", "developer", 41), row("sre", "sre", 12)],
            seen_groups: s(&["engineering", "audit"]),
            unseen_groups: s(&["sre"]),
            roles: s(&["developer", "sre"]),
            group: String::new(),
            role: "developer".into(),
            errors: FormErrors::default(),
            can_edit: true,
        })
    });
    console(out, "assignment-remove", "Remove assignment", Nav::Assignments, || {
        assignments::remove(assignments::Remove { group: "sre".into(), role: "sre".into(), people: 12, lost: s(&["incidents.trigger"]) })
    });
    console(out, "scopes", "Scopes", Nav::Scopes, || {
        let row = |name: &str, sentence: Option<&str>, risk, tools| scopes::Row {
            name: name.into(),
            sentence: sentence.map(Into::into),
            risk,
            max_grant_s: 14_400,
            tools,
            roles: s(&["sre"]),
        };
        scopes::view(scopes::Model {
            q: String::new(),
            can_edit: true,
            risk: None,
            rows: vec![
                row("incidents.trigger", Some("Open an incident and page the on-call team"), Risk::High, 1),
                row("prod.delete", Some("Delete production data"), Risk::Critical, 1),
                row("logs.read", Some("Read production logs"), Risk::Moderate, 1),
                row("analytics.query", None, Risk::Low, 0),
            ],
        })
    });
    console(out, "scope", "Scope", Nav::Scopes, || {
        scopes::edit(scopes::Edit {
            name: "incidents.trigger".into(),
            version: 2,
            sentence: "Open an incident and page the on-call team".into(),
            risk: Risk::High,
            max_grant_s: 14_400,
            max_grants_s: vec![3600, 14_400, 86_400],
            token_life_s: 300,
            token_lives_s: vec![300, 900, 3600],
            tools: s(&["incident · incidents.trigger"]),
            roles: s(&["sre"]),
            people: 12,
            changed_by: None,
            errors: FormErrors::default(),
            can_edit: true,
        })
    });
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    homes(out);
    asks(out);
    rolepages(out);
}
