//! Roles: the list, one role, deleting one. Editing is in [`super::role_edit`], importing in [`super::role_import`].
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/roles` | `q` |
//! | GET | `/roles/{name}` | |
//! | GET | `/roles/{name}/delete` | |
//! | POST | `/roles/{name}/delete` | `csrf`, `version` |
//!
//! Blocking one scope as the role gives it starts at `/block?kind=role_scope&subject={role}&scope={scope}` ([`super::block`]).
//!
//! After POST: redirect to `/roles`. Every change lands in the draft; gateways obey after publishing.

use crate::{
    components::*,
    instant::{Instant, plural},
    page::encode,
    pages::block,
    words::{Risk, Tone},
};
use leptos::prelude::*;

/// A role in the list.
pub struct Row {
    /// Its name.
    pub name: String,
    /// How many scopes it holds.
    pub scopes: u64,
    /// The highest risk among them; none for an empty role.
    pub risk: Option<Risk>,
    /// Groups that map to it.
    pub groups: Vec<String>,
    /// People who have it, as of their last sign-in.
    pub people: u64,
    /// Differs from the live policy.
    pub in_draft: bool,
}

/// The list.
pub struct Model {
    /// The search text.
    pub q: String,
    /// The roles.
    pub rows: Vec<Row>,
    /// The reader may make and import roles.
    pub can_edit: bool,
}

/// The list of roles.
pub fn view(m: Model) -> impl IntoView {
    let body = match (m.rows.is_empty(), m.q.is_empty()) {
        (true, true) => view! { <div class="card">{empty(Empty::First("A role is a named set of scopes. Groups from your IdP map to roles, so people get exactly the scopes of their groups.", m.can_edit.then_some(("/roles/import", "Import a role file"))))}</div> }.into_any(),
        (true, false) => view! { <div class="card">{empty(Empty::NoMatch("/roles"))}</div> }.into_any(),
        _ => {
            let rows = m
                .rows
                .into_iter()
                .map(|r| {
                    let draft = r.in_draft.then(|| view! { " "{pill_text(Tone::Warn, Icon::Pencil, "in draft")} });
                    vec![
                        view! { {link(&format!("/roles/{}", encode(&r.name)), r.name)}{draft} }.into_any(),
                        text(r.scopes.to_string()),
                        r.risk.map_or_else(|| view! { <span class="muted">"none"</span> }.into_any(), risk_pill),
                        codes(r.groups, "no group maps to it"),
                        text(r.people.to_string()),
                    ]
                })
                .collect();
            table("Roles and who gets them", &[col("Role"), num("Scopes"), col("Highest risk"), col("Groups"), num("People")], rows)
        }
    };
    let actions = m.can_edit.then(|| view! { {link_button("/roles/import", "Import")}{primary_link("/roles/new", "New role")} });
    view! {
        {head_with(&[], "Roles", "Changes wait in the draft until somebody publishes.", actions)}
        {filter_form("/roles", view! { {input(Field::new("filter", "q", "Find a role").value(m.q).kind("search"))}<button type="submit" class="button">"Find"</button> })}
        {body}
    }
    .into_any()
}

/// One scope of a role.
pub struct Scope {
    /// As in tokens.
    pub name: String,
    /// What it lets one do; none when nobody described it.
    pub sentence: Option<String>,
    /// How much harm it can do.
    pub risk: Risk,
    /// Tools bound to it, as `server · tool`.
    pub tools: Vec<String>,
    /// It is blocked as this role gives it, until somebody lifts that.
    pub blocked: bool,
}

/// One role.
pub struct Detail {
    /// Its name.
    pub name: String,
    /// Version that a form must send back.
    pub version: u64,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// Groups that map to it.
    pub groups: Vec<String>,
    /// People who have it.
    pub people: Vec<(String, String)>,
    /// How many have it in all.
    pub people_total: u64,
    /// Differs from the live policy.
    pub in_draft: bool,
    /// Who changed it last, and when.
    pub changed: Option<(String, Instant)>,
    /// The reader may edit.
    pub can_edit: bool,
    /// The reader may block and lift.
    pub can_block: bool,
}

/// One role's page.
pub fn detail(m: Detail) -> impl IntoView {
    let path = format!("/roles/{}", encode(&m.name));
    let rows: Vec<Vec<AnyView>> = m
        .scopes
        .into_iter()
        .map(|s| {
            let query = block::query(block::Kind::RoleScope, &m.name, Some(&s.name));
            let (state, way) = match s.blocked {
                true => {
                    (pill_text(Tone::Danger, Icon::Lock, "Blocked until lifted"), link_button(&format!("/block/lift?{query}"), "Lift…"))
                }
                false => (().into_any(), link_button(&format!("/block?{query}"), "Block…")),
            };
            vec![
                view! { {link(&format!("/scopes/{}", encode(&s.name)), code(s.name.clone()))}" "{state} }.into_any(),
                s.sentence.map_or_else(|| view! { <span class="tone-warn">"Nobody has described this scope yet."</span> }.into_any(), text),
                risk_pill(s.risk),
                codes(s.tools, "no tool is bound to it"),
                m.can_block.then_some(way).into_any(),
            ]
        })
        .collect();
    let scopes = if rows.is_empty() {
        view! { <div class="card">{empty(Empty::Done("This role holds no scope: it gives nothing.".to_owned()))}</div> }.into_any()
    } else {
        table("What the role lets people do", &[col("Scope"), col("In words"), col("Risk"), col("Tools it unlocks"), col("")], rows)
    };
    let shown = m.people.len();
    let people = m
        .people
        .into_iter()
        .map(|(id, name)| view! { <li>{link(&format!("/people/{}", encode(&id)), untrusted(name, 80))}</li> })
        .collect_view();
    let more =
        (m.people_total > shown as u64).then(|| view! { <p class="muted">{format!("and {} more", m.people_total - shown as u64)}</p> });
    let changed = match m.changed {
        Some((who, at)) => view! { "Last changed by "<bdi>{who}</bdi>" at "{time(&at)} }.into_any(),
        None => ().into_any(),
    };
    let edit = m.can_edit.then(|| primary_link(&format!("{path}/edit"), "Edit scopes"));
    let delete = m.can_edit.then(|| danger_zone(view! { <p>"Deleting the role takes its scopes from everybody who has them only through it, once published."</p><p>{link_button(&format!("{path}/delete"), "Delete this role…")}</p> }));
    view! {
        {head_with(&[("/roles", "Roles")], view! { "Role "<em>{m.name.clone()}</em> }, changed, edit)}
        {m.in_draft.then(|| flag(Tone::Warn, view! { <strong>"This differs from the live policy."</strong>" Gateways obey it after you "{link("/draft", "publish the draft")}"." }))}
        {scopes}
        <div class="cols">
            {card("Groups that map to it", link("/assignments", "Assignments"), codes(m.groups, "No group maps to it, so nobody has it."))}
            {card("People", plural(i64::try_from(m.people_total).unwrap_or(i64::MAX), "person"), view! { <ul class="links">{people}</ul>{more} })}
        </div>
        {delete}
    }
    .into_any()
}

/// Deleting a role.
pub struct Delete {
    /// Its name.
    pub name: String,
    /// Version that was shown.
    pub version: u64,
    /// Groups that map to it.
    pub groups: Vec<String>,
    /// People who lose scopes, and which.
    pub people_total: u64,
    /// Scopes that somebody loses.
    pub lost: Vec<String>,
}

/// The page that asks before a role is deleted.
pub fn delete(m: Delete) -> impl IntoView {
    let path = format!("/roles/{}", encode(&m.name));
    view! {
        {head(&[("/roles", "Roles")], view! { "Delete the role "<em>{m.name.clone()}</em>"?" }, ())}
        {card("What stops, once published", (), kv(vec![
            ("People", text(plural(i64::try_from(m.people_total).unwrap_or(i64::MAX), "person"))),
            ("They lose", codes(m.lost, "nothing: other roles give the same scopes")),
            ("Groups", codes(m.groups, "no group maps to it")),
        ]))}
        <section class="card pad">{post_form(&format!("{path}/delete"), view! {
            {hidden("version", m.version.to_string())}
            {buttons(view! { {submit_danger("Delete role")}{link_button(&path, "Keep role")} })}
        })}</section>
    }
    .into_any()
}
