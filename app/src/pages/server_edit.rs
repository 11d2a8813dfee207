//! Mending an MCP server's name and address, and removing it.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/servers/{id}/edit` | |
//! | POST | `/servers/{id}` | `csrf`, `version`, `name`, `upstream` |
//! | GET | `/servers/{id}/remove` | |
//! | POST | `/servers/{id}/remove` | `csrf`, `version` |
//!
//! A new upstream is called and its tools are read before anything is saved; where that fails, [`super::servers::failed`] with the form, 502.
//! Wrong input: the form again, 422; an edit that came second: the form with what the first one saved, 409. After POST: redirect to
//! `/servers/{id}` or `/servers`.

use crate::{components::*, instant::plural, page::encode, words::Tone};
use leptos::prelude::*;

/// The form.
#[derive(Default)]
pub struct Model {
    /// `srv_…`.
    pub id: String,
    /// The name that it has, for the page's title.
    pub title: String,
    /// The URI that clients use, which stays.
    pub resource: String,
    /// Tells the state that was shown from another.
    pub version: u64,
    /// What stands in the name field.
    pub name: String,
    /// What stands in the address field.
    pub upstream: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The page with the form.
pub fn view(m: Model) -> impl IntoView {
    let title = view! { "Edit the MCP server "<em>{m.title.clone()}</em> };
    let errors = error_summary("server", &m.errors);
    view! { {head(&[("/servers", "MCP servers")], title, ())}{errors}{form(m)} }.into_any()
}

pub(super) fn form(m: Model) -> AnyView {
    let path = format!("/servers/{}", encode(&m.id));
    let e = &m.errors;
    view! {
        <section class="card pad form-card">{post_form(&path, view! {
            {hidden("version", m.version.to_string())}
            {input(Field::new("server", "name", "Name").hint("People see it in requests and on the consent page, for example incident.").value(m.name).required().max(40).mono().errors(e))}
            {kv(vec![("Resource URI", view! { <span class="mono wrap-any">{untrusted(m.resource, 300)}</span> }.into_any())])}
            <p class="muted">"The resource URI stays: tokens, grants and clients name it. To have another one, register the server anew and remove this one."</p>
            {input(Field::new("server", "upstream", "Upstream URL").hint("Where the real server listens. A new address is called before it is saved, and its tools are read.").value(m.upstream).required().kind("url").max(500).mono().errors(e))}
            <p class="muted">"At a new address each tool stays bound by its name. One whose definition differs from the one that was reviewed is denied until somebody binds it again."</p>
            <p class="muted">"A server that checks the gateway's assertion has to expect the new address as its audience."</p>
            {buttons(view! { {submit("Save to draft")}{link_button(&path, "Back without saving")} })}
        })}</section>
    }
    .into_any()
}

/// Removing a server.
pub struct Remove {
    /// `srv_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The URI that clients use.
    pub resource: String,
    /// Tells the state that was shown from another.
    pub version: u64,
    /// Tools that it offers.
    pub tools: u64,
    /// Those that are bound, as `tool: scope`.
    pub bound: Vec<String>,
    /// People who can call one of them now.
    pub people: u64,
    /// Grants on it that are in force.
    pub grants: u64,
    /// Where these are listed, if the reader may see them.
    pub grants_path: Option<String>,
    /// Requests for it that wait for a decision.
    pub requests: u64,
    /// Its resource is blocked.
    pub blocked: bool,
    /// The live policy, if it has this server.
    pub live: Option<u64>,
}

/// The page that asks before a server is removed.
pub fn remove(m: Remove) -> impl IntoView {
    let path = format!("/servers/{}", encode(&m.id));
    let n = |count: u64, what: &str| plural(i64::try_from(count).unwrap_or(i64::MAX), what);
    let until = match m.live {
        Some(version) => flag_text(
            Tone::Info,
            format!("Policy {version}, which is live, stays in force."),
            "Gateways forward to the server until you publish the draft without it. To stop it at once, block it.",
        ),
        None => flag_text(Tone::Info, "The live policy does not have it.", "Gateways that run that policy do not forward to the server."),
    };
    let grants = match (m.grants, m.grants_path) {
        (0, _) => text("none in force"),
        (count, path) => {
            let said = format!("{} in force", n(count, "grant"));
            let said = path.map_or_else(|| text(said.clone()), |path| link(&path, said.clone()));
            view! { {said}" "<small class="block">"They give nothing without the server and end by themselves. Should a server be registered at this resource URI before that, they count again: revoke them if they should not."</small> }.into_any()
        }
    };
    let requests = match m.requests {
        0 => text("none waits"),
        count => view! { {n(count, "request")}" "<small class="block">"Waiting for a decision. They can no longer be approved."</small> }
            .into_any(),
    };
    let blocked = m.blocked.then(|| {
        flag_text(
            Tone::Warn,
            "Its resource URI is blocked.",
            "The block stays, also for a server that is registered there later, until somebody lifts it.",
        )
    });
    view! {
        {head(&[("/servers", "MCP servers")], view! { "Remove the MCP server "<em>{m.name.clone()}</em>"?" }, ())}
        {until}
        {blocked}
        {card("What stops, once published", (), kv(vec![
            ("Resource URI", view! { <span class="mono wrap-any">{untrusted(m.resource, 300)}</span> }.into_any()),
            ("Tools", text(n(m.tools, "tool"))),
            ("Bindings", codes(m.bound, "no tool is bound to a scope")),
            ("People who can call it", text(n(m.people, "person"))),
            ("Grants", grants),
            ("Requests", requests),
        ]))}
        <section class="card pad">{post_form(&format!("{path}/remove"), view! {
            {hidden("version", m.version.to_string())}
            <p>"What people reviewed and bound of its tools is forgotten, limits with it. The log keeps it."</p>
            {buttons(view! { {submit_danger("Remove server")}{link_button(&path, "Keep server")} })}
        })}</section>
    }
    .into_any()
}
