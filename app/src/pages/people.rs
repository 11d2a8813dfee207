//! People: who signed in, what their groups gave them. No forms of its own.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/people` | `q`, `cursor` |
//! | GET | `/people/{id}` | |
//!
//! Signing a person out everywhere starts at `/take-back?kind=subject&subject={id}` ([`super::take_back`]), blocking one at
//! `/block?kind=user&subject={id}` ([`super::block`]).

use crate::{
    components::*,
    instant::Instant,
    page::encode,
    pages::take_back,
    words::{AdminRole, Risk},
};
use leptos::prelude::*;

/// A person in the list.
pub struct Row {
    /// `usr_…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address as the IdP gives it.
    pub email: String,
    /// The IdP verified the address.
    pub email_verified: bool,
    /// Groups at the last sign-in.
    pub groups: Vec<String>,
    /// MCP roles that follow from them.
    pub roles: Vec<String>,
    /// Writ's own admin roles.
    pub admin_roles: Vec<AdminRole>,
    /// Last sign-in.
    pub signed_in: Option<Instant>,
}

/// The list.
pub struct Model {
    /// The search text.
    pub q: String,
    /// The people.
    pub rows: Vec<Row>,
    /// Links to more.
    pub pager: Pager,
}

fn address(email: String, verified: bool) -> AnyView {
    let note = (!verified).then(|| view! { " "<span class="tone-warn">"(not verified)"</span> });
    view! { {untrusted(email, 200)}{note} }.into_any()
}

/// What they are in this console, which is no MCP role.
fn admin_roles(roles: &[AdminRole]) -> AnyView {
    match roles {
        [] => view! { <span class="muted">"none"</span> }.into_any(),
        roles => text(roles.iter().map(|role| role.label().2).collect::<Vec<_>>().join(", ")),
    }
}

/// The list of people.
pub fn view(m: Model) -> impl IntoView {
    let body = match (m.rows.is_empty(), m.q.is_empty()) {
        (true, true) => view! { <div class="card">{empty(Empty::First("People appear here when they first sign in through your IdP. There is nobody to create by hand.", None))}</div> }.into_any(),
        (true, false) => view! { <div class="card">{empty(Empty::NoMatch("/people"))}</div> }.into_any(),
        _ => {
            let rows = m
                .rows
                .into_iter()
                .map(|r| {
                    vec![
                        view! { {link(&format!("/people/{}", encode(&r.id)), untrusted(r.name, 80))}<span class="id">{address(r.email, r.email_verified)}</span> }.into_any(),
                        codes(r.groups, "none"),
                        codes(r.roles, "none, so no scope by role"),
                        admin_roles(&r.admin_roles),
                        time_or(r.signed_in.as_ref(), "never"),
                    ]
                })
                .collect();
            table("People, as their IdP last described them", &[col("Person"), col("Groups"), col("MCP roles"), col("Admin roles"), col("Last sign-in")], rows)
        }
    };
    view! {
        {head(&[], "People", ())}
        {filter_form("/people", view! { {input(Field::new("filter", "q", "Name or address").value(m.q).kind("search"))}<button type="submit" class="button">"Find"</button> })}
        {body}{pager(&m.pager)}
    }
    .into_any()
}

/// One person.
pub struct Detail {
    /// `usr_…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// The IdP verified the address.
    pub email_verified: bool,
    /// The IdP, by name, and its subject.
    pub idp: (String, String),
    /// Groups at the last sign-in.
    pub groups: Vec<String>,
    /// MCP roles that follow from them.
    pub roles: Vec<String>,
    /// Writ's own admin roles.
    pub admin_roles: Vec<AdminRole>,
    /// What they may do: scope, its sentence, risk, and where it comes from (`role developer`, `grant grt_…`).
    pub scopes: Vec<(String, String, Risk, String)>,
    /// Agents they own.
    pub agents: Vec<(String, String)>,
    /// Last sign-in.
    pub signed_in: Option<Instant>,
    /// The reader may block.
    pub can_block: bool,
}

/// One person's page.
pub fn detail(m: Detail) -> impl IntoView {
    let rows: Vec<Vec<AnyView>> =
        m.scopes.into_iter().map(|(name, sentence, risk, from)| vec![code(name), text(sentence), risk_pill(risk), text(from)]).collect();
    let scopes = if rows.is_empty() {
        view! { <div class="card">{empty(Empty::Done("This person may call no tool: no group of theirs gives an MCP role, and they hold no grant.".to_owned()))}</div> }.into_any()
    } else {
        table("What they may do", &[col("Scope"), col("In words"), col("Risk"), col("From")], rows)
    };
    let agents = m
        .agents
        .into_iter()
        .map(|(id, name)| view! { <span class="block">{link(&format!("/agents/{}", encode(&id)), untrusted(name, 80))}</span> })
        .collect_view();
    let actions = view! { {link_button(&format!("/audit?actor={}", encode(&m.id)), "What they did")}{link_button(&format!("/simulator?person={}", encode(&m.id)), "Can they?")} };
    let block = m.can_block.then(|| danger_zone(view! { <p>"Signing out everywhere ends every token, connection and session that this person has now. They may sign in again."</p><p>{link_button(&take_back::path(take_back::Kind::Subject, &m.id), "Sign out everywhere…")}</p><p>"Blocking denies every call of this person, through any client and any agent of theirs, on every gateway, until somebody lifts it."</p><p>{link_button(&format!("/block?kind=user&subject={}", encode(&m.id)), "Block this person…")}</p> }));
    view! {
        {head(&[("/people", "People")], untrusted(m.name, 80), actions)}
        <div class="cols">
            <div class="stack">{scopes}{block}</div>
            {card("Facts", (), kv(vec![
                ("Address", address(m.email, m.email_verified)),
                ("From", view! { {untrusted(m.idp.0, 60)}<small class="block mono">{untrusted(m.idp.1, 160)}</small> }.into_any()),
                ("Groups", codes(m.groups, "none")),
                ("MCP roles", codes(m.roles, "none")),
                ("Admin roles", admin_roles(&m.admin_roles)),
                ("Agents", agents.into_any()),
                ("Last sign-in", time_or(m.signed_in.as_ref(), "never")),
                ("Identifier", code(m.id)),
            ]))}
        </div>
    }
    .into_any()
}
