//! Agents: programs that act for a person, or for themselves. Each has owners.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/agents`, `/agents/new`, `/agents/{id}` | |
//! | POST | `/agents` | `csrf`, `name`, `owner` (a person's id), `class`, `ceiling` (scopes, one a line), `jwks` (public keys as JSON) |
//! | POST | `/agents/{id}` | `csrf`, `version`, the same fields |
//!
//! After POST: redirect to `/agents/{id}`. Blocking one starts at `/block?kind=agent&subject={id}` ([`super::block`]).

use crate::{components::*, instant::Instant, page::encode, words::Tone};
use leptos::prelude::*;

/// An agent in the list.
pub struct Row {
    /// `agt_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// People who answer for it.
    pub owners: Vec<String>,
    /// Its class.
    pub class: String,
    /// It may act: has an owner and a key, and is not blocked.
    pub active: bool,
    /// Last use.
    pub seen: Option<Instant>,
}

/// The list.
pub struct Model {
    /// The agents.
    pub rows: Vec<Row>,
    /// The reader may register agents.
    pub can_edit: bool,
}

fn state(active: bool) -> AnyView {
    if active { pill_text(Tone::Ok, Icon::Check, "Active") } else { pill_text(Tone::Danger, Icon::Lock, "May not act") }
}

fn agent_name(name: &str) -> AnyView {
    view! { <span class="pill agent">{icon(Icon::Agent)}{untrusted(name, 80)}</span> }.into_any()
}

/// The list of agents.
pub fn view(m: Model) -> impl IntoView {
    let body = if m.rows.is_empty() {
        view! { <div class="card">{empty(Empty::First("An agent acts for a person and never gets more than that person has. Registered, it shows apart from the person in every record.", m.can_edit.then_some(("/agents/new", "Register an agent"))))}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                let owners = if r.owners.is_empty() {
                    view! { <span class="tone-danger">"nobody answers for it"</span> }.into_any()
                } else {
                    untrusted(r.owners.join(", "), 160)
                };
                vec![
                    link(&format!("/agents/{}", encode(&r.id)), agent_name(&r.name)),
                    owners,
                    text(r.class),
                    state(r.active),
                    time_or(r.seen.as_ref(), "never used"),
                ]
            })
            .collect();
        table("Agents", &[col("Agent"), col("Owners"), col("Class"), col("State"), col("Last used")], rows)
    };
    let action = m.can_edit.then(|| primary_link("/agents/new", "Register an agent"));
    view! { {head(&[], "Agents", action)}{body} }.into_any()
}

/// The form, for a new agent or an existing one.
#[derive(Default)]
pub struct Form {
    /// What stands in the form: the name.
    pub name: String,
    /// The chosen owner's id.
    pub owner: String,
    /// People to choose from.
    pub people: Vec<Choice>,
    /// The chosen class.
    pub class: String,
    /// Classes to choose from.
    pub classes: Vec<Choice>,
    /// One a line.
    pub ceiling: String,
    /// Public keys as JSON.
    pub jwks: String,
    /// What was wrong.
    pub errors: FormErrors,
}

fn fields(f: Form) -> AnyView {
    let e = &f.errors;
    view! {
        {input(Field::new("agent", "name", "Name").hint("Approvers and auditors read it.").value(f.name).required().max(80).errors(e))}
        {select(Field::new("agent", "owner", "Owner").hint("The person who answers for it. Owners can't approve what their agents ask for.").value(f.owner).errors(e), &f.people)}
        {select(Field::new("agent", "class", "Class").value(f.class).errors(e), &f.classes)}
        {area(Field::new("agent", "ceiling", "Scope ceiling, one a line").hint("Never more than this, whoever it acts for. Empty: as the class says.").value(f.ceiling).mono().max(4000).errors(e))}
        {area(Field::new("agent", "jwks", "Public keys (JWKS)").hint("The agent proves itself with the private half, which never leaves it.").value(f.jwks).mono().rows(5).max(16_000).errors(e))}
    }
    .into_any()
}

/// The form that registers an agent.
pub fn new(f: Form) -> impl IntoView {
    view! {
        {head(&[("/agents", "Agents")], "Register an agent", ())}
        {error_summary("agent", &f.errors)}
        <section class="card pad form-card">{post_form("/agents", view! { {fields(f)}{buttons(view! { {submit("Register agent")}{link_button("/agents", "Back")} })} })}</section>
    }
    .into_any()
}

/// One agent.
pub struct Detail {
    /// `agt_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Version of the form.
    pub version: u64,
    /// People who answer for it.
    pub owners: Vec<String>,
    /// It may act.
    pub active: bool,
    /// Why it may not, when it may not.
    pub why_not: Option<String>,
    /// Scope ceiling in force.
    pub ceiling: Vec<String>,
    /// Thumbprints of its keys.
    pub keys: Vec<String>,
    /// When it was registered.
    pub created: Instant,
    /// Last use.
    pub seen: Option<Instant>,
    /// The form; none when the reader may not edit.
    pub form: Option<Form>,
}

/// One agent's page.
pub fn detail(m: Detail) -> impl IntoView {
    let path = format!("/agents/{}", encode(&m.id));
    let errors = m.form.as_ref().map(|f| error_summary("agent", &f.errors));
    let block = m.form.is_some().then(|| danger_zone(view! { <p>"Blocking denies every call in which this agent takes part, until somebody lifts it. The person keeps their own access."</p><p>{link_button(&format!("/block?kind=agent&subject={}", encode(&m.id)), "Block this agent…")}</p> }));
    let version = m.version.to_string();
    let form = m.form.map(|f| view! { <section class="card"><header><h2>"Registration"</h2></header><div class="body">{post_form(&path, view! { {hidden("version", version)}{fields(f)}{buttons(submit("Save agent"))} })}</div></section> });
    view! {
        {head(&[("/agents", "Agents")], view! { "Agent "{agent_name(&m.name)} }, ())}
        {m.why_not.map(|w| flag_text(Tone::Warn, "It may not act.", w))}
        {errors}
        <div class="cols">
            <div class="stack">{form}{block}</div>
            {card("Facts", state(m.active), kv(vec![
                ("Identifier", code(m.id)),
                ("Owners", untrusted(m.owners.join(", "), 300)),
                ("Ceiling", codes(m.ceiling, "as its class says")),
                ("Keys", codes(m.keys, "none, so it can't prove itself")),
                ("Registered", time(&m.created)),
                ("Last used", time_or(m.seen.as_ref(), "never")),
            ]))}
        </div>
    }
    .into_any()
}
