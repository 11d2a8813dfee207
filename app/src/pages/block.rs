//! Blocking: a person, client, agent, server, a scope as one role gives it, or the whole tenant, at once and until somebody lifts it. What
//! ends only what exists is in [`super::take_back`].
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/block` | `kind`, `subject`, for `role_scope` also `scope`: without them the page asks |
//! | POST | `/block` | `csrf`, `kind` = a [`Kind`] value, `subject` (id; the slug for `tenant`; the role for `role_scope`), `scope`, `reason`, for `tenant` also `confirm` (the slug typed) |
//! | GET | `/block/lift` | `kind`, `subject`, `scope` |
//! | POST | `/block/lift` | `csrf`, `kind`, `subject`, `scope`, `reason` |
//!
//! After POST: redirect to `/revocations/{seq}`.

use crate::{components::*, page::encode, pages::take_back, words::Tone};
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
    /// One scope as one role gives it.
    RoleScope,
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
        (
            Self::RoleScope,
            "role_scope",
            "A role's scope",
            "Every call that only this role gives the scope for. Whoever has the scope by another role or by a grant keeps it.",
        ),
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

/// The query that names one thing; `scope` goes with a role only.
pub fn query(kind: Kind, subject: &str, scope: Option<&str>) -> String {
    let scope = scope.map(|scope| format!("&scope={}", encode(scope))).unwrap_or_default();
    format!("kind={}&subject={}{scope}", kind.value(), encode(subject))
}

/// Choosing what to block.
pub struct Choose {
    /// For each kind but the tenant: id and name.
    pub subjects: Vec<(Kind, Vec<(String, String)>)>,
    /// The scopes that roles may give.
    pub scopes: Vec<String>,
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
                let (which, scope) = match kind {
                    Kind::RoleScope => {
                        let scopes: Vec<Choice> = m.scopes.iter().map(|scope| Choice::new(scope, scope)).collect();
                        ("Role", select(Field::new(format!("block-{value}"), "scope", "Scope"), &scopes))
                    }
                    _ => ("Which", ().into_any()),
                };
                view! { <form class="stack-s" method="get" action=crate::page::url("/block")>{hidden("kind", value)}{select(Field::new(format!("block-{value}"), "subject", which), &choices)}{scope}{buttons(view! { <button type="submit" class="button">"See what stops"</button> })}</form> }.into_any()
            };
            card(label, (), view! { <div class="stack-s"><p class="muted">{means}</p>{body}</div> })
        })
        .collect_view();
    let (_, value, label, means) = *Kind::Tenant.row();
    view! {
        {head_with(&[("/revocations", "Revocations")], "Block what?", "You see what stops before anything does.", link_button("/take-back", "Take back instead…"))}
        {flag_text(Tone::Info, "Blocking keeps out until somebody lifts it.", "Signing in again does not help, and no publish ends it. To end only what exists now, take it back instead.")}
        <div class="thirds">{cards}{card(label, (), view! { <div class="stack-s"><p class="muted">{means}</p><p>{link_button(&format!("/block?kind={value}&subject={}", encode(&m.tenant)), "See what stops")}</p></div> })}</div>
    }
    .into_any()
}

/// What stops.
pub struct Model {
    /// What is blocked.
    pub kind: Kind,
    /// Its id; for a tenant its slug; for a role's scope the role.
    pub subject: String,
    /// The scope, for a role's.
    pub scope: Option<String>,
    /// Its name.
    pub name: String,
    /// What stops.
    pub stops: Stops,
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
    let only_end = match m.kind {
        Kind::User => view! { " Only to end what they have now, "{link(&take_back::path(take_back::Kind::Subject, &m.subject), "sign them out everywhere")}"." }.into_any(),
        _ => ().into_any(),
    };
    let until = view! { "Somebody lifts it: signing in again does not help, and no publish and no rollback ends it."{only_end} }.into_any();
    let verb = if whole { "Stop every call" } else { "Block" };
    view! {
        {head(&[("/revocations", "Revocations"), ("/block", "Block")], title, ())}
        {m.warning.map(|w| flag_text(Tone::Danger, "This concerns you.", w))}
        {whole.then(|| flag_text(Tone::Danger, "Nobody and nothing gets through until somebody lifts it.", "The console stays open, so that you can."))}
        {error_summary("block", &m.errors)}
        {card("What stops", label, m.stops.facts(vec![("What", text(means))], vec![("Until", until)]))}
        <section class="card pad form-card">{post_form("/block", view! {
            {hidden("kind", value)}{hidden("subject", m.subject)}{m.scope.map(|scope| hidden("scope", scope))}
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
    /// The scope, for a role's.
    pub scope: Option<String>,
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
        {flag(Tone::Warn, view! { <strong>"Calls can go through again."</strong>" So can tokens from before the block that have not ended. Blocked by "<bdi>{m.blocked_by.0}</bdi>": “"{untrusted(m.blocked_by.1, 300)}"”" })}
        {error_summary("lift", &m.errors)}
        <section class="card pad form-card">{post_form("/block/lift", view! {
            {hidden("kind", m.kind.value())}{hidden("subject", m.subject)}{m.scope.map(|scope| hidden("scope", scope))}
            {input(Field::new("lift", "reason", "Reason").hint("Auditors read it.").value(m.reason).required().max(300).errors(&m.errors))}
            {buttons(view! { {submit("Lift block")}{link_button("/revocations", "Keep blocked")} })}
        })}</section>
    }
    .into_any()
}
