//! Scopes: what each lets one do, how much harm that can be, how long it may be granted.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/scopes` | `q`, `risk` (empty: all) |
//! | GET | `/scopes/{name}` | the form |
//! | POST | `/scopes/{name}` | `csrf`, `version`, `sentence`, `risk`, `max_grant_s`, `token_life_s` |
//!
//! After POST: redirect to `/scopes`. An old `version`: this form again with the newest values and a summary, 409.

use crate::{
    components::*,
    instant::duration,
    page::encode,
    words::{Risk, Tone},
};
use leptos::prelude::*;

/// A scope in the list.
pub struct Row {
    /// As in tokens.
    pub name: String,
    /// What it lets one do; none when nobody described it.
    pub sentence: Option<String>,
    /// How much harm it can do.
    pub risk: Risk,
    /// Longest grant in seconds.
    pub max_grant_s: i64,
    /// Tools bound to it.
    pub tools: u64,
    /// Roles that hold it.
    pub roles: Vec<String>,
}

/// The list.
pub struct Model {
    /// The search text.
    pub q: String,
    /// Only this risk.
    pub risk: Option<Risk>,
    /// The scopes.
    pub rows: Vec<Row>,
    /// The reader may import a role file.
    pub can_edit: bool,
}

fn risks(first: Option<&str>) -> Vec<Choice> {
    let all = first.map(|f| Choice::new("", f));
    all.into_iter().chain(Risk::ALL.iter().map(|r| Choice::new(r.value(), r.label().2))).collect()
}

/// The list of scopes.
pub fn view(m: Model) -> impl IntoView {
    let filtered = !m.q.is_empty() || m.risk.is_some();
    let body = if m.rows.is_empty() {
        let kind = if filtered {
            Empty::NoMatch("/scopes")
        } else {
            Empty::First(
                "A scope is the right to call some tools. Scopes come into being with the role file, or when you write them into a role.",
                m.can_edit.then_some(("/roles/import", "Import a role file")),
            )
        };
        view! { <div class="card">{empty(kind)}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                vec![
                    link(&format!("/scopes/{}", encode(&r.name)), code(r.name.clone())),
                    r.sentence.map_or_else(
                        || view! { <span class="tone-warn">"Not described yet: approvers see only its name."</span> }.into_any(),
                        text,
                    ),
                    risk_pill(r.risk),
                    text(duration(r.max_grant_s)),
                    text(r.tools.to_string()),
                    codes(r.roles, "no role"),
                ]
            })
            .collect();
        table("Scopes", &[col("Scope"), col("In words"), col("Risk"), col("Longest grant"), num("Tools"), col("Roles")], rows)
    };
    view! {
        {head(&[], "Scopes", ())}
        {filter_form("/scopes", view! {
            {input(Field::new("filter", "q", "Find a scope").value(m.q).kind("search"))}
            {select(Field::new("filter", "risk", "Risk").value(m.risk.map_or("", Risk::value)), &risks(Some("any")))}
            <button type="submit" class="button">"Show"</button>
        })}
        {body}
    }
    .into_any()
}

/// The form for one scope.
pub struct Edit {
    /// As in tokens.
    pub name: String,
    /// The version this form was made from.
    pub version: u64,
    /// What stands in the form.
    pub sentence: String,
    /// The chosen risk.
    pub risk: Risk,
    /// Longest grant in seconds.
    pub max_grant_s: i64,
    /// Longest grants to choose from, in seconds.
    pub max_grants_s: Vec<i64>,
    /// Token life in seconds.
    pub token_life_s: i64,
    /// Token lives to choose from, in seconds.
    pub token_lives_s: Vec<i64>,
    /// Tools bound to it, as `server · tool`.
    pub tools: Vec<String>,
    /// Roles that hold it.
    pub roles: Vec<String>,
    /// People who hold it.
    pub people: u64,
    /// Somebody else saved in the meantime: who.
    pub changed_by: Option<String>,
    /// What was wrong.
    pub errors: FormErrors,
    /// The reader may save.
    pub can_edit: bool,
}

/// One scope's page.
pub fn edit(m: Edit) -> impl IntoView {
    let seconds = |all: &[i64]| all.iter().map(|s| Choice::new(s.to_string(), duration(*s))).collect::<Vec<_>>();
    let e = &m.errors;
    let changed = m.changed_by.map(|who| {
        flag_text(
            Tone::Warn,
            "Nothing was saved.",
            format!("{who} saved this scope after you opened it. These are the newest values; change them again."),
        )
    });
    let form = if m.can_edit {
        view! { <section class="card pad form-card">{post_form(&format!("/scopes/{}", encode(&m.name)), view! {
            {hidden("version", m.version.to_string())}
            {input(Field::new("scope", "sentence", "What it lets one do").hint("One plain sentence; approvers and people giving consent read it. Say what happens, not how it is called.").value(m.sentence).required().max(200).errors(e))}
            {select(Field::new("scope", "risk", "Risk").hint("Decides how loudly approvers are warned. Tools' own hints never lower it.").value(m.risk.value()).errors(e), &risks(None))}
            {select(Field::new("scope", "max_grant_s", "Longest grant").value(m.max_grant_s.to_string()).errors(e), &seconds(&m.max_grants_s))}
            {select(Field::new("scope", "token_life_s", "Token life").hint("A token with this scope lives no longer. Revocation is faster than any life.").value(m.token_life_s.to_string()).errors(e), &seconds(&m.token_lives_s))}
            {buttons(view! { {submit("Save to draft")}{link_button("/scopes", "Back without saving")} })}
        })}</section> }
        .into_any()
    } else {
        card(
            "Facts",
            (),
            kv(vec![
                ("In words", text(m.sentence)),
                ("Risk", risk_pill(m.risk)),
                ("Longest grant", text(duration(m.max_grant_s))),
                ("Token life", text(duration(m.token_life_s))),
            ]),
        )
    };
    view! {
        {head(&[("/scopes", "Scopes")], view! { "Scope "<code>{m.name.clone()}</code> }, ())}
        {changed}
        {error_summary("scope", &m.errors)}
        <div class="cols">{form}
            {card("What it reaches", (), kv(vec![
                ("Tools", codes(m.tools, "no tool is bound to it")),
                ("Roles", codes(m.roles, "no role holds it")),
                ("People", text(m.people.to_string())),
            ]))}
        </div>
    }
    .into_any()
}
