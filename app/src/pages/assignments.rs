//! Assignments: which group of the IdP gets which role.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/assignments` | |
//! | POST | `/assignments` | `csrf`, `group`, `role` |
//! | GET | `/assignments/remove` | `group`, `role` |
//! | POST | `/assignments/remove` | `csrf`, `group`, `role` |
//!
//! After POST: redirect to `/assignments`. Removing one cuts off the tokens of those who lose the role.

use crate::{
    components::*,
    instant::{Instant, plural},
    page::encode,
    words::Tone,
};
use leptos::prelude::*;

/// One assignment.
pub struct Row {
    /// The group, as the IdP names it.
    pub group: String,
    /// The role.
    pub role: String,
    /// People seen with the group.
    pub people: u64,
    /// When somebody with the group last signed in.
    pub seen: Option<Instant>,
}

/// The list with its form.
pub struct Model {
    /// The assignments.
    pub rows: Vec<Row>,
    /// Groups that sign-ins brought, for the hint.
    pub seen_groups: Vec<String>,
    /// Groups that were typed here and that no sign-in has brought.
    pub unseen_groups: Vec<String>,
    /// Roles to choose from.
    pub roles: Vec<String>,
    /// What stands in the group field.
    pub group: String,
    /// The chosen role.
    pub role: String,
    /// What was wrong.
    pub errors: FormErrors,
    /// The reader may change assignments.
    pub can_edit: bool,
}

/// The assignments page.
pub fn view(m: Model) -> impl IntoView {
    let can_edit = m.can_edit;
    let list = if m.rows.is_empty() {
        view! { <div class="card">{empty(Empty::First("An assignment gives everybody in a group of your IdP a role. Without one, people can sign in and may do nothing.", None))}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                let remove = can_edit
                    .then(|| link_button(&format!("/assignments/remove?group={}&role={}", encode(&r.group), encode(&r.role)), "Remove…"));
                vec![
                    untrusted(&r.group, 120),
                    link(&format!("/roles/{}", encode(&r.role)), r.role.clone()),
                    text(r.people.to_string()),
                    time_or(r.seen.as_ref(), "nobody yet"),
                    remove.into_any(),
                ]
            })
            .collect();
        table("Groups and the roles they give", &[col("Group"), col("Role"), num("People seen"), col("Last sign-in"), col("")], rows)
    };
    let form = m.can_edit.then(|| {
        let roles: Vec<Choice> = m.roles.iter().map(|r| Choice::new(r.clone(), r.clone())).collect();
        let mut hint = match m.seen_groups.as_slice() {
            [] => "Exactly as the IdP sends it. No sign-in has brought a group yet.".to_owned(),
            seen => format!("Exactly as the IdP sends it. Sign-ins have brought: {}.", seen.join(", ")),
        };
        if !m.unseen_groups.is_empty() {
            hint.push_str(&format!(" Typed here, in no sign-in yet: {}.", m.unseen_groups.join(", ")));
        }
        card(
            "Give a group a role",
            (),
            view! {
                {error_summary("assignment", &m.errors)}
                {post_form("/assignments", view! {
                    {input(Field::new("assignment", "group", "Group").hint(hint).value(m.group).required().max(200).errors(&m.errors))}
                    {select(Field::new("assignment", "role", "Role").value(m.role).errors(&m.errors), &roles)}
                    {buttons(submit("Save assignment"))}
                })}
            },
        )
    });
    view! { {head_with(&[], "Assignments", "Roles follow the groups of your IdP at sign-in and at every refresh. What you change here takes effect at once, without a publish.", ())}<div class="cols">{list}{form}</div> }.into_any()
}

/// Removing one.
pub struct Remove {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// People who lose it.
    pub people: u64,
    /// Scopes that they lose with it.
    pub lost: Vec<String>,
}

/// The page that asks before an assignment is removed.
pub fn remove(m: Remove) -> impl IntoView {
    view! {
        {head(&[("/assignments", "Assignments")], view! { "Take the role "<em>{m.role.clone()}</em>" from the group "<em>{untrusted(&m.group, 120)}</em>"?" }, ())}
        {flag_text(Tone::Warn, format!("Lost at once by {}.", plural(i64::try_from(m.people).unwrap_or(i64::MAX), "person")), "Their tokens stop carrying it, and gateways refuse the ones they hold.")}
        {card("They lose", (), codes(m.lost, "nothing: another group gives the same scopes"))}
        <section class="card pad">{post_form("/assignments/remove", view! {
            {hidden("group", m.group)}{hidden("role", m.role)}
            {buttons(view! { {submit_danger("Remove assignment")}{link_button("/assignments", "Keep assignment")} })}
        })}</section>
    }
    .into_any()
}
