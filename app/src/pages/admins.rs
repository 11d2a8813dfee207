//! Writ's own admin roles: who may do what in this console.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/admin-roles` | |
//! | POST | `/admin-roles` | `csrf`, `person` (id), `role` |
//! | GET | `/admin-roles/remove` | `person`, `role` |
//! | POST | `/admin-roles/remove` | `csrf`, `person`, `role` |
//!
//! After POST: redirect to `/admin-roles`. The last owner can't be removed: 422 with [`Model::errors`].

use crate::{components::*, instant::Instant, page::encode, words::AdminRole};
use leptos::prelude::*;

const fn may(role: AdminRole) -> &'static str {
    match role {
        AdminRole::Owner => "Everything, admin roles included",
        AdminRole::IamAdmin => "Roles, scopes, servers, clients, agents, the IdP, publishing, revoking",
        AdminRole::Approver => "Decides requests, never their own",
        AdminRole::Operator => "Enrols gateways, blocks and revokes",
        AdminRole::Auditor => "Reads everything and exports evidence, changes nothing",
    }
}

/// One binding.
pub struct Row {
    /// The person's id.
    pub person_id: String,
    /// Their name and address.
    pub person: String,
    /// The role.
    pub role: AdminRole,
    /// Who gave it; `the host's shell` for the first.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// The bindings.
pub struct Model {
    /// All of them.
    pub rows: Vec<Row>,
    /// People to choose from.
    pub people: Vec<Choice>,
    /// The chosen person.
    pub person: String,
    /// The chosen role's value.
    pub role: String,
    /// What was wrong.
    pub errors: FormErrors,
    /// The reader is an owner.
    pub can_edit: bool,
}

/// The admin roles page.
pub fn view(m: Model) -> impl IntoView {
    let can_edit = m.can_edit;
    let rows = m
        .rows
        .into_iter()
        .map(|r| {
            let remove = can_edit
                .then(|| link_button(&format!("/admin-roles/remove?person={}&role={}", encode(&r.person_id), r.role.value()), "Remove…"));
            vec![
                untrusted(r.person, 120),
                view! { {pill(r.role.label())}<small class="block">{may(r.role)}</small> }.into_any(),
                view! { <bdi>{r.by}</bdi>" "{time(&r.at)} }.into_any(),
                remove.into_any(),
            ]
        })
        .collect();
    let form = can_edit.then(|| {
        let roles: Vec<Choice> = AdminRole::ALL.iter().map(|r| Choice::new(r.value(), r.label().2)).collect();
        card("Give somebody an admin role", (), view! {
            {error_summary("admin", &m.errors)}
            {post_form("/admin-roles", view! {
                {select_prompt(Field::new("admin", "person", "Person").hint("Only people who have signed in once.").value(m.person).errors(&m.errors), "Choose a person or a group", &m.people)}
                {select_prompt(Field::new("admin", "role", "Role").value(m.role).errors(&m.errors), "Choose a role", &roles)}
                {buttons(submit("Give role"))}
            })}
        })
    });
    view! {
        {head_with(&[], "Admin roles", "These rule this console. They give nobody any scope on an MCP server.", ())}
        <div class="cols">{table("Who may do what here", &[col("Person"), col("Role"), col("Given by"), col("")], rows)}{form}</div>
    }
    .into_any()
}

/// Removing one.
pub struct Remove {
    /// The person's id.
    pub person_id: String,
    /// Their name.
    pub person: String,
    /// The role.
    pub role: AdminRole,
    /// It is the reader's own.
    pub own: bool,
}

/// The page that asks before a role is taken.
pub fn remove(m: Remove) -> impl IntoView {
    let own = m.own.then(|| flag_text(crate::words::Tone::Warn, "This is your own role.", "You lose it with the next page."));
    view! {
        {head(&[("/admin-roles", "Admin roles")], view! { "Take the role "<em>{m.role.label().2}</em>" from "<em>{untrusted(m.person, 80)}</em>"?" }, ())}
        {own}
        {card("They can no longer", (), view! { <p>{may(m.role)}</p><p class="muted">"What they decided before stays as it is."</p> })}
        <section class="card pad">{post_form("/admin-roles/remove", view! {
            {hidden("person", m.person_id)}{hidden("role", m.role.value())}
            {buttons(view! { {submit_danger("Take role")}{link_button("/admin-roles", "Keep role")} })}
        })}</section>
    }
    .into_any()
}
