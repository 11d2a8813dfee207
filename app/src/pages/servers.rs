//! MCP servers: the list, and registering one.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/servers` | |
//! | GET | `/servers/new` | |
//! | POST | `/servers` | `csrf`, `name` (`[a-z0-9-]{1,40}`), `resource` (the URI clients use), `upstream` (URL of the real server) |
//!
//! After POST: redirect to `/servers/{id}`. Wrong input: the form again, 422. When the server could not be read: [`failed`] with the form, 502, and
//! nothing is registered.

use crate::{components::*, instant::Instant, page::encode, words::Tone};
use leptos::prelude::*;

/// A server in the list.
pub struct Row {
    /// `srv_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The URI clients use.
    pub resource: String,
    /// Tools in all.
    pub tools: u64,
    /// Tools without a scope: denied.
    pub unbound: u64,
    /// Tools that differ from what was reviewed: denied.
    pub drifted: u64,
    /// When its tools were last read.
    pub read: Option<Instant>,
}

/// The list.
pub struct Model {
    /// The servers.
    pub rows: Vec<Row>,
    /// The reader may register servers.
    pub can_edit: bool,
}

/// The list of servers.
pub fn view(m: Model) -> impl IntoView {
    let body = if m.rows.is_empty() {
        view! { <div class="card">{empty(Empty::First("An MCP server offers tools. Register it by its URL: Writ reads its tools, you bind each to a scope, and what you don't bind is denied.", m.can_edit.then_some(("/servers/new", "Register a server"))))}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                let state = match (r.drifted, r.unbound) {
                    (0, 0) => pill_text(Tone::Ok, Icon::Check, "All bound"),
                    (0, n) => pill_text(Tone::Warn, Icon::Lock, format!("{n} not bound, denied")),
                    (n, _) => pill_text(Tone::Danger, Icon::Warning, format!("{n} changed, denied")),
                };
                vec![
                    link(&format!("/servers/{}", encode(&r.id)), r.name),
                    view! { <span class="mono wrap-any">{untrusted(r.resource, 200)}</span> }.into_any(),
                    text(r.tools.to_string()),
                    state,
                    time_or(r.read.as_ref(), "never"),
                ]
            })
            .collect();
        table("Registered MCP servers", &[col("Server"), col("Resource"), num("Tools"), col("State"), col("Tools read")], rows)
    };
    let register = m.can_edit.then(|| primary_link("/servers/new", "Register a server"));
    view! { {head(&[], "MCP servers", view! { {link_button("/limits", "Limits")}{register} })}{body} }.into_any()
}

/// The registration form.
#[derive(Default)]
pub struct New {
    /// What stands in the form.
    pub name: String,
    /// The resource URI.
    pub resource: String,
    /// The upstream URL.
    pub upstream: String,
    /// Start of resource URIs at the gateway, for the hint: `http://127.0.0.1:7500/mcp/`.
    pub resource_prefix: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The form that registers a server.
pub fn new(m: New) -> impl IntoView {
    let errors = error_summary("server", &m.errors);
    view! { {head(&[("/servers", "MCP servers")], "Register a server", ())}{errors}{form(m)} }.into_any()
}

fn form(m: New) -> AnyView {
    let e = &m.errors;
    view! {
        <section class="card pad form-card">{post_form("/servers", view! {
            {input(Field::new("server", "name", "Name").hint("People see it in requests and on the consent page, for example incident.").value(m.name).required().max(40).mono().errors(e))}
            {input(Field::new("server", "resource", "Resource URI, as clients call it").hint(format!("The address at the gateway, for example {}incident. Tokens are valid for this address alone.", m.resource_prefix)).value(m.resource).required().kind("url").max(500).mono().errors(e))}
            {input(Field::new("server", "upstream", "Upstream URL").hint("Where the real server listens. Only gateways should be able to reach it.").value(m.upstream).required().kind("url").max(500).mono().errors(e))}
            {buttons(view! { {submit("Connect and read tools")}{link_button("/servers", "Back")} })}
        })}</section>
    }
    .into_any()
}

/// A server that could not be read.
pub struct Failed {
    /// The URL that was tried.
    pub upstream: String,
    /// What happened, in a sentence.
    pub title: String,
    /// Detail, possibly in the server's own words.
    pub detail: String,
    /// What to check, one a line.
    pub remedy: Vec<String>,
    /// Stable code.
    pub code: String,
    /// What it was read for.
    pub attempt: Attempt,
}

/// What tools were read for.
pub enum Attempt {
    /// To register the server: the form with what was typed.
    Register(New),
    /// To have the server at another address: the form with what was typed.
    Edit(super::server_edit::Model),
    /// To read them again, of the server with this id.
    Refresh(String),
}

/// The page after a failed import.
pub fn failed(m: Failed) -> impl IntoView {
    let (kept, next) = match m.attempt {
        Attempt::Register(typed) => ("Nothing was registered. What you typed stands below.", form(typed)),
        Attempt::Edit(typed) => {
            ("Nothing was saved: the server stays where it was. What you typed stands below.", super::server_edit::form(typed))
        }
        Attempt::Refresh(id) => {
            ("The tools stay as they were before.", buttons(link_button(&format!("/servers/{}", encode(&id)), "Back to the server")))
        }
    };
    view! {
        {head(&[("/servers", "MCP servers")], m.title, ())}
        {flag_text(Tone::Danger, "No tool was imported.", kept)}
        {card("What happened", (), kv(vec![
            ("Tried", view! { <span class="mono wrap-any">{untrusted(m.upstream, 300)}</span> }.into_any()),
            ("Answer", long_untrusted(m.detail, 600)),
            ("Code", code(m.code)),
        ]))}
        {card("What to check", (), view! { <ol class="numbers">{m.remedy.into_iter().map(|r| view! { <li>{r}</li> }).collect_view()}</ol> })}
        {next}
    }
    .into_any()
}
