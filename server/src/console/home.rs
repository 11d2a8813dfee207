//! Home, and where each kind of admin begins.

use super::candidate;
use super::flash::Flashed;
use super::sentences;
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::SignedIn;
use app::components::Icon;
use app::instant::{Instant, plural, relative};
use app::page::Nav;
use app::pages::candidate as candidate_view;
use app::pages::home as view;
use app::words::{Outcome, Tone};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bundle::Role;
use control::config::{self, Home, Live, Setup};
use control::delivery::Standing;
use control::evidence::{self, AuditFilter, EventView, Page};
use control::{AdminRole, Permission};

/// The tenant's address alone: on to where this person's work is.
pub async fn land(State(_): State<App>, SignedIn(caller): SignedIn) -> Response {
    let roles = caller.person.as_ref().map_or(&[][..], |person| &person.roles);
    let path = match roles.iter().min() {
        Some(AdminRole::Owner | AdminRole::IamAdmin) => "home",
        Some(AdminRole::Approver) => "requests",
        Some(AdminRole::Operator) => "fleet",
        Some(AdminRole::Auditor) => "audit",
        None => "home",
    };
    Redirect::to(&format!("/t/{}/{path}", caller.cx.tenant)).into_response()
}

/// What needs this person.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let home = config::home(control, cx).await?;
    let events = match cx.actor.may(Permission::ReadAudit) {
        true => evidence::audit(control, cx, &AuditFilter::default(), &Page::first(8)).await?.events,
        false => Vec::new(),
    };
    let model = view::Model {
        todos: todos(&home, &Instant::from_ms(cx.now_ms)),
        setup: home.setup.filter(|setup| !setup.done()).map(|setup| steps(setup, cx.actor.may(Permission::WriteFleet))).unwrap_or_default(),
        figures: figures(&home, cx.actor.may(Permission::ReadRequests)),
        events: events.into_iter().map(event).collect(),
        live: match home.live {
            Live::Unknown => view::Live::Unknown,
            Live::Nothing => view::Live::Nothing,
            Live::Version(version, since_ms) => view::Live::Version(version, Instant::from_ms(since_ms)),
            Live::OnItsWay { version, stable, .. } => view::Live::OnItsWay(version, stable),
        },
        asks: cx.person().is_ok() && !cx.actor.may(Permission::ReadConfig),
    };
    page::show(&app, &caller, StatusCode::OK, "Home", Nav::Home, flash, || view::view(model)).await
}

fn many(n: u64, noun: &str) -> String {
    plural(i64::try_from(n).unwrap_or(i64::MAX), noun)
}

/// What needs a person, the most urgent first.
fn todos(home: &Home, now: &Instant) -> Vec<view::Todo> {
    let mut todos = Vec::new();
    let mut add = |tone, icon, title: String, consequence: &str, path: String, verb: &str| {
        todos.push(view::Todo { tone, icon, title, consequence: consequence.to_owned(), action: (path, verb.to_owned()) });
    };
    for gateway in &home.gateways {
        let fleet = || "/fleet".to_owned();
        match gateway.standing {
            Standing::Failing => {
                let (code, text) = gateway.error.clone().unwrap_or_default();
                let title = format!("Gateway {} reports an error", gateway.name);
                add(
                    Tone::Danger,
                    Icon::Server,
                    title,
                    &format!("It stays on what it verified last. {code}: {text}"),
                    fleet(),
                    "Look at the fleet",
                );
            }
            Standing::Silent => {
                let title = format!("Gateway {} is silent", gateway.name);
                add(
                    Tone::Danger,
                    Icon::Server,
                    title,
                    "It decides by what it knows, and less and less of that counts the longer it stays away.",
                    fleet(),
                    "Look at the fleet",
                );
            }
            Standing::Behind => {
                let title = format!("Gateway {} is behind", gateway.name);
                add(
                    Tone::Warn,
                    Icon::Clock,
                    title,
                    "It reports, but does not run the newest policy and revocations yet.",
                    fleet(),
                    "Look at the fleet",
                );
            }
            Standing::New => {
                let title = format!("Gateway {} has not reported yet", gateway.name);
                add(Tone::Warn, Icon::Clock, title, "Until it does, nobody knows what it enforces.", fleet(), "Look at the fleet");
            }
            Standing::Current => {}
        }
    }
    for (role, end_s, elsewhere) in &home.endings {
        let (title, consequence) = ending(*role, *end_s, *elsewhere, now);
        let tone = if end_s.saturating_mul(1000) - now.ms < 7 * 86_400_000 { Tone::Danger } else { Tone::Warn };
        let path = if home.candidate.is_some() && *role == Role::Targets { "/draft" } else { "/keys" };
        add(tone, Icon::Key, title, &consequence, path.to_owned(), "Look");
    }
    for (id, name, n) in &home.drifted {
        let title = format!("{} on {name} changed", many(*n, "tool"));
        add(
            Tone::Danger,
            Icon::Warning,
            title,
            "What changed since its review is denied until somebody reads the difference.",
            format!("/servers/{id}"),
            "Review",
        );
    }
    if let Some((n @ 1.., _)) = home.waiting {
        let title = format!("{} for you to decide", if n == 1 { "1 request waits".to_owned() } else { format!("{n} requests wait") });
        add(
            Tone::Warn,
            Icon::Clock,
            title,
            "A request that nobody decides in time ends unanswered.",
            "/requests?show=to_decide".to_owned(),
            "Decide",
        );
    }
    if let Some(waits) = &home.candidate {
        let title = candidate_view::title(&candidate::about(waits));
        let consequence = format!(
            "Asked for by {}. Nothing of it is in force before the policy key, which lies elsewhere, has signed.",
            waits.requested_by
        );
        add(Tone::Warn, Icon::Key, title, &consequence, "/draft".to_owned(), "Look at it");
    }
    if let Live::OnItsWay { version, reached, rings, halted, .. } = home.live {
        let title = format!("Policy {version} is in {reached} of {rings} rings{}", if halted { ", halted" } else { "" });
        let consequence = if halted {
            "It moves neither on nor back until somebody says so."
        } else {
            "It goes on when it is promoted, or when the rule says so."
        };
        add(Tone::Info, Icon::Clock, title, consequence, format!("/bundles/{version}"), "Look at it");
    }
    if home.draft_edits > 0 {
        let title = format!("{} in the draft", many(home.draft_edits, "unpublished edit"));
        let consequence = match home.live {
            Live::Version(..) | Live::OnItsWay { .. } => "Gateways go on by the published policy until the draft is published.",
            Live::Nothing | Live::Unknown => "Nothing is published yet: gateways deny everything.",
        };
        add(Tone::Warn, Icon::Pencil, title, consequence, "/draft".to_owned(), "Review the draft");
    }
    for (id, name, n) in &home.unbound {
        let title = format!("{} on {name} not bound to a scope", many(*n, "tool"));
        add(Tone::Warn, Icon::Lock, title, "Every call of an unbound tool is denied.", format!("/servers/{id}"), "Bind");
    }
    if home.own_waiting > 0 {
        let title = format!("{} of yours waiting", many(home.own_waiting, "request"));
        add(Tone::Info, Icon::Clock, title, "Somebody else has to decide.", "/requests?show=mine".to_owned(), "Look");
    }
    todos
}

/// That something signed ends, and what follows.
fn ending(role: Role, end_s: i64, elsewhere: bool, now: &Instant) -> (String, String) {
    let name = match role {
        Role::Root => "The root",
        Role::Targets => "The list of policies",
        Role::Assignment => "The assignment of policies",
        Role::Revocations => "The revocation list",
        Role::Snapshot => "The snapshot of the repository",
        Role::Timestamp => "The timestamp of the repository",
    };
    let end = Instant::from_s(end_s);
    let title = format!("{name} {} {}", if end <= *now { "ended" } else { "ends" }, relative(now, &end));
    let why = match (elsewhere, role) {
        (true, Role::Root) => "Its keys lie elsewhere: whoever holds them has to sign it again.",
        (true, _) => "The policy key lies elsewhere: whoever holds it has to sign it again.",
        (false, _) => "It should have been renewed by itself: look at the log of the control plane.",
    };
    (title, format!("{why} From its end on gateways take nothing new, and allow less and less."))
}

/// Steps of setting up, in the order that works. Who may not enrol a gateway sees where they will be.
fn steps(setup: Setup, may_enrol: bool) -> Vec<view::Setup> {
    let enrol = if may_enrol { "/fleet/enrol" } else { "/fleet" };
    let all = [
        ("Connect your identity provider", "/idp", setup.idp),
        ("Import your role file", "/roles/import", setup.roles),
        ("Map a group to a role", "/assignments", setup.groups),
        ("Register an MCP server and bind its tools", "/servers/new", setup.server),
        ("Register a client", "/clients/new", setup.client),
        ("Publish the draft", "/draft", setup.published),
        ("Enrol a gateway", enrol, setup.gateway),
    ];
    all.into_iter().map(|(title, path, done)| view::Setup { title: title.to_owned(), path: path.to_owned(), done }).collect()
}

fn figures(home: &Home, everybody: bool) -> Vec<view::Figure> {
    let figure = |name: &str, value: String, note: &str| view::Figure { name: name.to_owned(), value, note: note.to_owned() };
    let mut figures = vec![figure(
        if everybody { "Grants in force" } else { "Your grants in force" },
        home.grants.to_string(),
        "now; each ends by itself",
    )];
    if let Some((mine, others)) = home.waiting {
        figures.push(figure("Requests waiting", (mine + others).to_string(), "for anybody's decision"));
    }
    if let Some((all, current)) = home.converged {
        figures.push(figure("Gateways current", format!("{current} of {all}"), "by what they activated"));
    }
    if let Some(people) = home.people {
        figures.push(figure("People", people.to_string(), "signed in at least once"));
    }
    figures
}

fn event(event: EventView) -> view::Event {
    view::Event {
        at: Instant::from_ms(event.at_ms),
        actor: sentences::actor(&event),
        what: sentences::sentence(&event),
        outcome: if event.outcome == "ok" { Outcome::Allowed } else { Outcome::Denied },
        id: event.id,
    }
}
