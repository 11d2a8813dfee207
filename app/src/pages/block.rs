//! Blocking: a person, client, agent, server or the whole tenant, at once and until somebody lifts it.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/block` | `kind`, `subject`: without them the page asks |
//! | POST | `/block` | `csrf`, `kind` = a [`Kind`] value, `subject` (id; the slug for `tenant`), `reason`, for `tenant` also `confirm` (the slug typed) |
//! | GET | `/block/lift` | `kind`, `subject` |
//! | POST | `/block/lift` | `csrf`, `kind`, `subject`, `reason` |
//!
//! After POST: redirect to `/revocations/{seq}`.

use crate::{components::*, instant::plural, page::encode, words::Tone};
use leptos::prelude::*;

/// What can be blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything of one person.
    User,
    /// Every call through one client.
    Client,
    /// Every call an agent takes part in.
    Agent,
    /// Every call to one server.
    Server,
    /// Every call of the tenant.
    Tenant,
}

impl Kind {
    /// Every kind: value, label, what blocking it means.
    pub const ALL: &[(Self, &'static str, &'static str, &'static str)] = &[
        (Self::User, "user", "A person", "Every call they make, through any client and any agent of theirs."),
        (Self::Client, "client", "A client", "Every call through it, whoever uses it."),
        (Self::Agent, "agent", "An agent", "Every call it takes part in. The people keep their own access."),
        (Self::Server, "server", "An MCP server", "Every call to it."),
        (Self::Tenant, "tenant", "Everything", "Every call of every person and agent in this tenant, on every gateway."),
    ];

    /// Reads a form value.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.iter().find(|k| k.1 == value).map(|k| k.0)
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, &'static str) {
        Self::ALL.iter().find(|k| k.0 == self).unwrap_or(&Self::ALL[0])
    }

    /// The form value.
    pub fn value(self) -> &'static str {
        self.row().1
    }
}

/// Choosing what to block.
pub struct Choose {
    /// For each kind but the tenant: id and name.
    pub subjects: Vec<(Kind, Vec<(String, String)>)>,
    /// The tenant's slug.
    pub tenant: String,
}

/// The page that asks what to block.
pub fn choose(m: Choose) -> impl IntoView {
    let cards = m
        .subjects
        .into_iter()
        .map(|(kind, list)| {
            let (_, value, label, means) = *kind.row();
            let body = if list.is_empty() {
                view! { <p class="muted">"There is none."</p> }.into_any()
            } else {
                let choices: Vec<Choice> = list.into_iter().map(|(id, name)| Choice::new(id, name)).collect();
                view! { <form class="stack-s" method="get" action=crate::page::url("/block")>{hidden("kind", value)}{select(Field::new(format!("block-{value}"), "subject", "Which"), &choices)}{buttons(view! { <button type="submit" class="button">"See what stops"</button> })}</form> }.into_any()
            };
            card(label, (), view! { <p class="muted">{means}</p>{body} })
        })
        .collect_view();
    let (_, value, label, means) = *Kind::Tenant.row();
    view! {
        {head_with(&[("/revocations", "Revocations")], "Block what?", "You see what stops before anything does.", ())}
        <div class="thirds">{cards}{card(label, (), view! { <p class="muted">{means}</p><p>{link_button(&format!("/block?kind={value}&subject={}", encode(&m.tenant)), "See what stops")}</p> })}</div>
    }
    .into_any()
}

/// What stops.
pub struct Model {
    /// What is blocked.
    pub kind: Kind,
    /// Its id; for a tenant its slug.
    pub subject: String,
    /// Its name.
    pub name: String,
    /// People concerned.
    pub people: u64,
    /// Grants in force that stop counting.
    pub live_grants: u64,
    /// Connections that can get no more tokens; none where the thing has no connections of its own.
    pub connections: Option<u64>,
    /// Gateways that will be told.
    pub gateways: u64,
    /// Told to a person who would block themselves or the way they are signed in.
    pub warning: Option<String>,
    /// The reason typed before an error.
    pub reason: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The page that says what stops.
pub fn view(m: Model) -> impl IntoView {
    let (_, value, label, means) = *m.kind.row();
    let whole = m.kind == Kind::Tenant;
    let title = if whole {
        view! { "Stop every call in "<em>{untrusted(&m.name, 80)}</em>"?" }.into_any()
    } else {
        view! { "Block "<em>{untrusted(&m.name, 80)}</em>"?" }.into_any()
    };
    let confirm = whole
        .then(|| input(Field::new("block", "confirm", format!("Type {} to go on", m.subject)).required().max(40).mono().errors(&m.errors)));
    let people = plural(i64::try_from(m.people).unwrap_or(i64::MAX), "person");
    let verb = if whole { "Stop every call" } else { "Block" };
    view! {
        {head(&[("/revocations", "Revocations"), ("/block", "Block")], title, ())}
        {m.warning.map(|w| flag_text(Tone::Danger, "This concerns you.", w))}
        {whole.then(|| flag_text(Tone::Danger, "Nobody and nothing gets through until somebody lifts it.", "The console stays open, so that you can."))}
        {error_summary("block", &m.errors)}
        {card("What stops", label, kv(vec![
            ("What", text(means)),
            ("People", text(people)),
            ("Live grants", text(m.live_grants.to_string())),
            ("Connections", text(m.connections.map_or_else(|| "none of its own".to_owned(), |n| plural(i64::try_from(n).unwrap_or(i64::MAX), "connection")))),
            ("When", text(format!("As soon as each of {} knows, usually within a second.", plural(i64::try_from(m.gateways).unwrap_or(i64::MAX), "gateway")))),
            ("Until", text("Somebody lifts it. No publish and no rollback does.")),
        ]))}
        <section class="card pad form-card">{post_form("/block", view! {
            {hidden("kind", value)}{hidden("subject", m.subject)}
            {input(Field::new("block", "reason", "Reason").hint("Auditors read it.").value(m.reason).required().max(300).errors(&m.errors))}
            {confirm}
            {buttons(view! { {submit_danger(verb)}{link_button("/revocations", "Leave as it is")} })}
        })}</section>
    }
    .into_any()
}

/// Lifting a block.
pub struct Lift {
    /// What is blocked.
    pub kind: Kind,
    /// Its id.
    pub subject: String,
    /// Its name.
    pub name: String,
    /// Who blocked it, and why.
    pub blocked_by: (String, String),
    /// The reason typed before an error.
    pub reason: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The page that asks before a block is lifted.
pub fn lift(m: Lift) -> impl IntoView {
    view! {
        {head(&[("/revocations", "Revocations")], view! { "Lift the block on "<em>{untrusted(&m.name, 80)}</em>"?" }, ())}
        {flag(Tone::Warn, view! { <strong>"Calls can go through again."</strong>" Blocked by "<bdi>{m.blocked_by.0}</bdi>": “"{untrusted(m.blocked_by.1, 300)}"”" })}
        {error_summary("lift", &m.errors)}
        <section class="card pad form-card">{post_form("/block/lift", view! {
            {hidden("kind", m.kind.value())}{hidden("subject", m.subject)}
            {input(Field::new("lift", "reason", "Reason").hint("Auditors read it.").value(m.reason).required().max(300).errors(&m.errors))}
            {buttons(view! { {submit("Lift block")}{link_button("/revocations", "Keep blocked")} })}
        })}</section>
    }
    .into_any()
}
