//! Home, requests, roles, scopes, assignments, grants, revocations, the simulator.

use super::{HOSTILE, Sample, at, choices, console, console_after, dev, paged, s, simple, through};
use app::{
    components::{Actor, FieldError, FormErrors, Icon, Pager, StepState},
    page::Nav,
    pages::{assignments, block, grants, home, receipt, request, requests, role_edit, role_import, roles, scopes, simulator},
    words::{GrantState, Outcome, RequestState, Risk, Tone, Trust},
};

fn wrong(field: &str, message: &str) -> FormErrors {
    FormErrors(vec![FieldError { field: field.into(), message: message.into() }])
}

fn todo(tone: Tone, icon: Icon, title: &str, consequence: &str, path: &str, verb: &str) -> home::Todo {
    home::Todo { tone, icon, title: title.into(), consequence: consequence.into(), action: (path.into(), verb.into()) }
}

fn home_events() -> Vec<home::Event> {
    vec![
        home::Event { at: at(10, 6, 12), actor: dev(true), what: "called incidents.trigger on incident".into(), outcome: Outcome::Allowed, id: "evt_1".into() },
        home::Event { at: at(10, 5, 58), actor: dev(false), what: "called logs.debug.write on incident".into(), outcome: Outcome::Denied, id: "evt_2".into() },
        home::Event { at: at(10, 4, 40), actor: Actor::person("Ada Lindqvist"), what: "revoked grant grt_01k9".into(), outcome: Outcome::Allowed, id: "evt_3".into() },
    ]
}

fn figure(name: &str, value: &str, note: &str) -> home::Figure {
    home::Figure { name: name.into(), value: value.into(), note: note.into() }
}

fn homes(out: &mut Vec<Sample>) {
    console(out, "home", "Home", Nav::Home, || {
        home::view(home::Model {
            todos: vec![
                todo(Tone::Danger, Icon::Warning, "gw-eu-3 has not confirmed revocation 5512", "7 of 8 gateways deny it, slowest 0.4 s. gw-eu-3 last reported 6 minutes ago and may still allow it until 10:12.", "/revocations/5512", "See receipt"),
                todo(Tone::Warn, Icon::Clock, "3 requests wait for a decision", "The first expires in 42 minutes: incidents.trigger for 1 hour, high risk.", "/requests", "Open requests"),
                todo(Tone::Warn, Icon::Wrench, "2 tools changed on incident and are denied until reviewed", "logs.search gained the argument export_to; incident.page is new. 14 people lose them meanwhile.", "/servers/srv_1", "Review difference"),
                todo(Tone::Info, Icon::Pencil, "The draft is ready to publish", "4 changes; 12 people gain logs.debug.write. Nothing looks unintended.", "/draft", "Review draft"),
            ],
            setup: vec![],
            figures: vec![figure("Gateways current", "7 of 8", "now"), figure("Requests decided, median", "38 s", "30 days"), figure("Calls allowed", "184,201", "24 hours"), figure("Calls denied", "312", "24 hours")],
            events: home_events(),
            live: Some((128, at(9, 41, 0))),
        })
    });
    console_after(out, "home-first", "Home", Nav::Home, "You are the owner of Acme.", || {
        let step = |title: &str, path: &str, done| home::Setup { title: title.into(), path: path.into(), done };
        home::view(home::Model {
            todos: vec![],
            setup: vec![step("Connect your IdP", "/idp", true), step("Import roles", "/roles/import", true), step("Map a group to a role", "/assignments", false), step("Register an MCP server", "/servers/new", false), step("Enrol a gateway", "/fleet/enrol", false), step("Publish", "/draft", false)],
            figures: vec![],
            events: vec![],
            live: None,
        })
    });
}

fn request_row(id: &str, person: &str, scope: &str, risk: Risk, state: RequestState) -> requests::Row {
    requests::Row { id: id.into(), person: person.into(), scopes: s(&[scope]), server: "incident".into(), risk, through: through(true), duration_s: 3600, state, asked: at(9, 58, 0), expires: at(10, 48, 0) }
}

fn card(deciding: request::Deciding, state: RequestState) -> request::Model {
    request::Model {
        id: "req_01k9".into(),
        state,
        person: "Dev Moreau".into(),
        person_facts: vec![request::Fact { text: "dev@acme.example, group engineering".into(), source: "Okta, 4 min ago".into() }],
        ask: "trigger incidents".into(),
        server: "incident".into(),
        duration_s: 3600,
        now: at(10, 6, 0),
        expires: at(10, 48, 0),
        risk: (Risk::High, "Pages the on-call team and opens a customer-visible status.".into()),
        flags: vec![("First time".into(), "Dev asks for this server.".into()), ("Beyond".into(), "the role developer.".into())],
        scopes: vec![request::Scope { name: "incidents.trigger".into(), sentence: "Open an incident and page the on-call team".into(), risk: Risk::High, tools: vec![("incidents.trigger".into(), "writes, reaches outside".into())] }],
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
    }
}

fn open() -> request::Deciding {
    request::Deciding::Open { digest: "9f2c".into(), durations_s: vec![3600, 1800, 900], effect: "Yours decides it.".into(), reason_required: true }
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
        requests::view(requests::Model { tab: requests::Tab::ToDecide, counts: [Some(0), None, None, None], rows: vec![], now: at(10, 6, 0), last: Some("Last decided 2 hours ago.".into()), pager: Pager::default() })
    });
    simple(out, "request-where", "Ask for access", Nav::NewRequest, || {
        requests::new(requests::New { servers: vec![("srv_1".into(), "incident".into()), ("srv_2".into(), "analytics".into())], chosen: None, clients: vec![], agents: vec![], durations_s: vec![], values: requests::Values::default(), errors: FormErrors::default() })
    });
    simple(out, "request-new", "Ask for access", Nav::NewRequest, || {
        let scope = |name: &str, sentence: &str, risk, held| requests::ScopeChoice { name: name.into(), sentence: sentence.into(), risk, max_s: 14_400, held };
        requests::new(requests::New {
            servers: vec![],
            chosen: Some(requests::Chosen {
                id: "srv_1".into(),
                name: "incident".into(),
                scopes: vec![scope("incidents.trigger", "Open an incident and page the on-call team", Risk::High, false), scope("logs.debug.write", "Raise the log level of a running service", Risk::Moderate, false), scope("logs.read", "Read production logs", Risk::Moderate, true)],
            }),
            clients: choices(&[("cli_1", "Code IDE")]),
            agents: choices(&[("agt_1", "triage-agent")]),
            durations_s: vec![900, 3600, 14_400],
            values: requests::Values { scopes: s(&["incidents.trigger"]), client: "cli_1".into(), agent: "agt_1".into(), duration_s: "3600".into(), reason: HOSTILE.into() },
            errors: wrong("reason", "Say why, in a sentence at least."),
        })
    });
    console(out, "approval", "Request by Dev Moreau", Nav::Requests, || request::view(card(open(), RequestState::Pending)));
    console(out, "approval-hostile", "Request", Nav::Requests, || {
        let mut m = card(open(), RequestState::Pending);
        m.person = HOSTILE.into();
        m.reason = format!("{HOSTILE}\n{}", "x".repeat(2000));
        m.client = request::Client { name: HOSTILE.into(), identifier: "cli_01k9w3zj4q8m2v7r5t6y1x0abc".into(), trust: Trust::SelfAsserted };
        m.scopes[0].tools = vec![(HOSTILE.into(), "writes".into())];
        m.errors = wrong("reason", "A denial needs a reason.");
        m.typed_reason = HOSTILE.into();
        request::view(m)
    });
    simple(out, "approval-own", "Request", Nav::Requests, || {
        let mut m = card(request::Deciding::Barred("You asked for this; somebody else must decide.".into()), RequestState::Pending);
        m.can_withdraw = true;
        request::view(m)
    });
    console_after(out, "approval-done", "Request", Nav::Requests, "You approved it. Dev can use it now.", || {
        let mut m = card(request::Deciding::Closed, RequestState::Approved);
        m.grant = Some("grt_01k9".into());
        m.history.push(request::Event { at: at(10, 6, 31), text: "Sam Okafor approved for 1 hour".into(), words: Some("ok for the drill".into()), good: true });
        request::view(m)
    });
    console(out, "approval-changed", "Changed", Nav::Requests, || {
        request::changed(request::Changed { id: "req_01k9".into(), changes: vec![("Tool incidents.trigger".into(), "pages the on-call team".into(), "pages everybody".into())] })
    });
}

fn role_scope(name: &str, risk: Risk, ticked: bool) -> role_edit::Scope {
    role_edit::Scope { name: name.into(), sentence: Some("Read production logs".into()).filter(|_| name == "logs.read"), risk, ticked }
}

fn rolepages(out: &mut Vec<Sample>) {
    console(out, "roles", "Roles", Nav::Roles, || {
        let row = |name: &str, scopes, risk, group: &str, people, in_draft| roles::Row { name: name.into(), scopes, risk, groups: s(&[group]), people, in_draft };
        roles::view(roles::Model { q: String::new(), rows: vec![row("developer", 2, Some(Risk::Moderate), "engineering", 41, false), row("sre", 3, Some(Risk::High), "sre", 12, true)] })
    });
    console(out, "roles-empty", "Roles", Nav::Roles, || roles::view(roles::Model { q: String::new(), rows: vec![] }));
    console(out, "roles-nomatch", "Roles", Nav::Roles, || roles::view(roles::Model { q: HOSTILE.into(), rows: vec![] }));
    console(out, "role", "Role sre", Nav::Roles, || {
        let scope = |name: &str, sentence: Option<&str>, risk, tools: &[&str]| roles::Scope { name: name.into(), sentence: sentence.map(Into::into), risk, tools: s(tools) };
        roles::detail(roles::Detail {
            name: "sre".into(),
            version: 4,
            scopes: vec![scope("incidents.trigger", Some("Open an incident and page the on-call team"), Risk::High, &["incident · incidents.trigger"]), scope("logs.debug.write", None, Risk::High, &[]), scope("logs.read", Some("Read production logs"), Risk::Moderate, &["incident · logs.read"])],
            groups: s(&["sre"]),
            people: vec![("usr_1".into(), "Sam Okafor".into()), ("usr_2".into(), "Priya Nair".into())],
            people_total: 12,
            in_draft: true,
            changed: Some(("Ada Lindqvist".into(), at(9, 30, 0))),
            can_edit: true,
        })
    });
    console(out, "role-delete", "Delete role", Nav::Roles, || roles::delete(roles::Delete { name: "sre".into(), version: 4, groups: s(&["sre"]), people_total: 12, lost: s(&["incidents.trigger", "logs.debug.write"]) }));
    console(out, "role-edit", "Edit role", Nav::Roles, || {
        role_edit::view(role_edit::Model {
            role: Some("sre".into()),
            name: String::new(),
            version: 4,
            scopes: vec![role_scope("incidents.trigger", Risk::High, true), role_scope("logs.read", Risk::Moderate, true), role_scope("analytics.query", Risk::Low, false)],
            more_scopes: format!("bad scope\n{HOSTILE}"),
            people: 12,
            errors: wrong("more_scopes", "Line 1: a scope is made of a-z, 0-9, dot, underscore, colon and hyphen."),
        })
    });
    console(out, "role-new", "New role", Nav::Roles, || {
        role_edit::view(role_edit::Model { role: None, name: String::new(), version: 0, scopes: vec![role_scope("logs.read", Risk::Moderate, false)], more_scopes: String::new(), people: 0, errors: FormErrors::default() })
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
            fault: Some(role_import::Fault { line: Some(3), message: "the role sre must be a list of scopes, for example [logs.read, logs.write]".into() }),
        })
    });
    console(out, "role-import-preview", "Import roles", Nav::Roles, || {
        role_import::preview(role_import::Preview {
            yaml: "roles:\n  sre: [logs.read]\n".into(),
            digest: "ab12".into(),
            changes: vec![
                role_import::Change { role: "sre".into(), new: false, gains: s(&["incidents.trigger"]), loses: s(&["analytics.query"]), people: 12 },
                role_import::Change { role: "developer".into(), new: true, gains: s(&["logs.read", "analytics.query"]), loses: vec![], people: 0 },
            ],
            unchanged: 1,
            new_scopes: s(&["incidents.trigger"]),
        })
    });
    console(out, "assignments", "Assignments", Nav::Assignments, || {
        let row = |group: &str, role: &str, people| assignments::Row { group: group.into(), role: role.into(), people, seen: Some(at(9, 55, 0)) };
        assignments::view(assignments::Model { rows: vec![row("engineering", "developer", 41), row("sre", "sre", 12)], known_groups: s(&["engineering", "sre", "audit"]), roles: s(&["developer", "sre"]), group: String::new(), role: "developer".into(), errors: FormErrors::default(), can_edit: true })
    });
    console(out, "assignment-remove", "Remove assignment", Nav::Assignments, || assignments::remove(assignments::Remove { group: "sre".into(), role: "sre".into(), people: 12, lost: s(&["incidents.trigger"]) }));
    console(out, "scopes", "Scopes", Nav::Scopes, || {
        let row = |name: &str, sentence: Option<&str>, risk, tools| scopes::Row { name: name.into(), sentence: sentence.map(Into::into), risk, max_grant_s: 14_400, tools, roles: s(&["sre"]) };
        scopes::view(scopes::Model { q: String::new(), risk: None, rows: vec![row("incidents.trigger", Some("Open an incident and page the on-call team"), Risk::High, 1), row("prod.delete", Some("Delete production data"), Risk::Critical, 1), row("logs.read", Some("Read production logs"), Risk::Moderate, 1), row("analytics.query", None, Risk::Low, 0)] })
    });
    console(out, "scope", "Scope", Nav::Scopes, || {
        scopes::edit(scopes::Edit { name: "incidents.trigger".into(), version: 2, sentence: "Open an incident and page the on-call team".into(), risk: Risk::High, max_grant_s: 14_400, max_grants_s: vec![3600, 14_400, 86_400], token_life_s: 300, token_lives_s: vec![300, 900, 3600], tools: s(&["incident · incidents.trigger"]), roles: s(&["sre"]), people: 12, changed_by: None, errors: FormErrors::default(), can_edit: true })
    });
}

fn grantpages(out: &mut Vec<Sample>) {
    console(out, "grants", "Grants", Nav::Grants, || {
        let row = |id: &str, state, ends| grants::Row { id: id.into(), person: "Dev Moreau".into(), through: through(true), scopes: s(&["incidents.trigger"]), server: "incident".into(), risk: Risk::High, state, ends, used: Some(at(10, 1, 7)) };
        grants::view(grants::Model { q: String::new(), state: None, rows: vec![row("grt_1", GrantState::Active, at(11, 6, 0)), row("grt_2", GrantState::Revoked, at(10, 4, 40)), row("grt_3", GrantState::Expired, at(9, 0, 0))], now: at(10, 6, 0), pager: paged("1 to 50 of about 3,200") })
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
                grants::Event { at: at(9, 58, 0), text: "Dev Moreau asked: Checkout latency drill".into(), good: true, event_id: Some("evt_1".into()) },
                grants::Event { at: at(10, 6, 31), text: "Sam Okafor approved for 1 hour".into(), good: true, event_id: Some("evt_2".into()) },
                grants::Event { at: at(10, 7, 2), text: "First use: incidents.trigger, allowed by gw-eu-1".into(), good: true, event_id: None },
            ],
            can_revoke: true,
        })
    });
    console(out, "grant-revoke", "Revoke grant", Nav::Grants, || {
        grants::revoke(grants::Revoke { id: "grt_01k9".into(), person: "Dev Moreau".into(), scopes: s(&["incidents.trigger"]), server: "incident".into(), through: through(true), live_tokens: 2, kept: s(&["logs.read"]), gateways: 8, errors: FormErrors::default(), reason: String::new() })
    });
    console(out, "revocations", "Revocations", Nav::Revocations, || {
        let row = |seq, what: &str, block, confirmed, lift| receipt::Row { seq, what: what.into(), block, lifted: None, by: "Ada Lindqvist".into(), reason: "drill over".into(), at: at(10, 4, 40), confirmed, lift };
        receipt::view(receipt::Model { rows: vec![row(5512, "grant grt_01k9", false, (7, 8), None), row(5511, "client Old IDE", true, (8, 8), Some(("client".into(), "cli_9".into())))], can_block: true, pager: Pager::default() })
    });
    console(out, "receipt", "Revocation 5512", Nav::Revocations, || {
        let gw = |name: &str, after_ms: Option<i64>, note: &str| receipt::Gateway { name: name.into(), policy: Some(128), after_ms, last_seen: Some(at(10, 6, 0)), note: note.into() };
        receipt::detail(receipt::Detail {
            seq: 5512,
            what: "grant grt_01k9 of Dev Moreau".into(),
            by: "Ada Lindqvist".into(),
            reason: "drill over".into(),
            at: at(10, 4, 40),
            event_id: Some("evt_3".into()),
            took: vec![("Scope", "incidents.trigger".into()), ("Through", "Code IDE, triage-agent".into()), ("Live tokens", "2".into()), ("Last use", "10:01:07, allowed".into())],
            story: vec![(at(9, 58, 0), "Requested".into(), true), (at(10, 0, 2), "Approved by Sam Okafor".into(), true), (at(10, 0, 12), "First use".into(), true), (at(10, 4, 40), "Revoked".into(), false)],
            gateways: vec![gw("gw-us-1", Some(80), ""), gw("gw-us-2", Some(90), ""), gw("gw-us-3", Some(110), ""), gw("gw-eu-1", Some(190), ""), gw("gw-eu-2", Some(210), ""), gw("gw-ap-1", Some(400), ""), gw("gw-ap-2", Some(170), ""), gw("gw-eu-3", None, "silent for 6 min; its tokens end by 10:12")],
            exposed_until: Some(at(10, 12, 0)),
        })
    });
    console(out, "block", "Block", Nav::Revocations, || {
        block::choose(block::Choose { subjects: vec![(block::Kind::User, vec![("usr_1".into(), "Dev Moreau".into())]), (block::Kind::Client, vec![("cli_1".into(), "Code IDE".into())]), (block::Kind::Agent, vec![]), (block::Kind::Server, vec![("srv_1".into(), "incident".into())])], tenant: "acme".into() })
    });
    let confirm = |kind, subject: &str, name: &str| block::Model { kind, subject: subject.into(), name: name.into(), people: 54, live_tokens: 61, calls_last_hour: Some(7201), gateways: 8, warning: None, reason: String::new(), errors: FormErrors::default() };
    console(out, "block-client", "Block client", Nav::Revocations, || block::view(confirm(block::Kind::Client, "cli_1", "Code IDE")));
    console(out, "block-tenant", "Stop everything", Nav::Revocations, || block::view(confirm(block::Kind::Tenant, "acme", "Acme")));
    console(out, "block-lift", "Lift block", Nav::Revocations, || {
        block::lift(block::Lift { kind: block::Kind::Client, subject: "cli_9".into(), name: "Old IDE".into(), blocked_by: ("Ada Lindqvist".into(), "leaked credentials".into()), reason: String::new(), errors: FormErrors::default() })
    });
}

fn asking(out: &mut Vec<Sample>) {
    let model = |answer| simulator::Model {
        question: simulator::Question { person: "usr_1".into(), client: "cli_1".into(), tool: "logs.debug.write".into(), server: "srv_1".into(), ..simulator::Question::default() },
        people: choices(&[("usr_1", "Dev Moreau"), ("usr_2", "Sam Okafor")]),
        clients: choices(&[("cli_1", "Code IDE")]),
        agents: choices(&[("agt_1", "triage-agent")]),
        servers: choices(&[("srv_1", "incident"), ("srv_2", "analytics")]),
        answer,
        problem: None,
        draft: vec![simulator::DraftLine { adds: true, text: "role sre gains logs.debug.write".into(), people: 12 }, simulator::DraftLine { adds: false, text: "client Old IDE loses analytics.query".into(), people: 2 }],
    };
    let link = |state, title: &str, detail: &str| simulator::Link { state, title: title.into(), detail: detail.into() };
    console(out, "simulator", "Simulator", Nav::Simulator, || simulator::view(model(None)));
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
                link(StepState::Broken, "Role developer has no logs.debug.write", "sre has it (12 people). No active grant."),
                link(StepState::NotReached, "Scope is bound to tool logs.debug.write", "not reached"),
            ],
            remedies: vec![
                simulator::Remedy { label: "Ask for it for Dev, up to 4 hours".into(), path: "/requests/new?server=srv_1".into(), reach: None },
                simulator::Remedy { label: "Add it to the role developer in the draft".into(), path: "/roles/developer/edit".into(), reach: Some("That gives it to 41 people.".into()) },
            ],
            policy: "128 (live)".into(),
            at: at(10, 6, 12),
        })))
    });
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    homes(out);
    asks(out);
    rolepages(out);
    grantpages(out);
    asking(out);
}
