//! Editing one role, and what happens when two people edit it at once.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/roles/new`, `/roles/{name}/edit` | |
//! | POST | `/roles` | `csrf`, `name`, `scope` (repeated), `more_scopes` (one a line) |
//! | POST | `/roles/{name}` | `csrf`, `version`, `scope` (repeated), `more_scopes` (one a line) |
//!
//! The role's scopes become the ticked ones and the lines of `more_scopes`, together. A `version` that is not the newest answers 409 with
//! [`conflict`]; its three forms post to the same path with the newest `version`.

use crate::{
    components::*,
    instant::Instant,
    page::encode,
    words::{Risk, Tone},
};
use leptos::prelude::*;

/// A scope that can be ticked.
pub struct Scope {
    /// As in tokens.
    pub name: String,
    /// What it lets one do.
    pub sentence: Option<String>,
    /// How much harm it can do.
    pub risk: Risk,
    /// It is ticked.
    pub ticked: bool,
}

/// The form.
pub struct Model {
    /// The role; none while it is being made.
    pub role: Option<String>,
    /// What stands in the name field of a new one.
    pub name: String,
    /// The version this form was made from.
    pub version: u64,
    /// Every known scope.
    pub scopes: Vec<Scope>,
    /// Lines typed beside them.
    pub more_scopes: String,
    /// How many people have the role.
    pub people: u64,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The form for a role's scopes.
pub fn view(m: Model) -> impl IntoView {
    let boxes = m
        .scopes
        .into_iter()
        .map(|s| {
            let note = s.sentence.unwrap_or_else(|| "Nobody has described this scope yet.".to_owned());
            checkbox("role", "scope", &s.name.clone(), view! { <code>{s.name}</code>" "{risk_pill(s.risk)} }, note, s.ticked)
        })
        .collect_view();
    let (title, action, back) = match &m.role {
        Some(role) => (
            view! { "Edit the role "<em>{role.clone()}</em> }.into_any(),
            format!("/roles/{}", encode(role)),
            format!("/roles/{}", encode(role)),
        ),
        None => ("New role".into_any(), "/roles".to_owned(), "/roles".to_owned()),
    };
    let name = match m.role {
        Some(_) => hidden("version", m.version.to_string()),
        None => input(
            Field::new("role", "name", "Name")
                .hint("Lower-case letters, digits, dots and hyphens; as your role file would say it.")
                .value(m.name)
                .required()
                .max(80)
                .mono()
                .errors(&m.errors),
        ),
    };
    let reach = (m.people > 0).then(|| {
        flag_text(
            Tone::Info,
            if m.people == 1 { "1 person has this role.".to_owned() } else { format!("{} people have this role.", m.people) },
            "What you tick here, each of them may do once it is published.",
        )
    });
    view! {
        {head(&[("/roles", "Roles")], title, ())}
        {error_summary("role", &m.errors)}
        {reach}
        <section class="card pad form-card">{post_form(&action, view! {
            {name}
            <fieldset class="stack-s"><legend>"Scopes"</legend>{boxes}</fieldset>
            {area(Field::new("role", "more_scopes", "More scopes, one a line").hint("A scope that does not exist yet is made, with a risk guessed from its name until somebody judges it.").value(m.more_scopes).mono().max(20_000).errors(&m.errors))}
            {buttons(view! { {submit("Save to draft")}{link_button(&back, "Back without saving")} })}
        })}</section>
    }
    .into_any()
}

/// Two people edited the same role.
pub struct Conflict {
    /// The role.
    pub role: String,
    /// The newest version, which the forms send.
    pub version: u64,
    /// Scopes that both started from.
    pub base: Vec<String>,
    /// Scopes as the other person left them.
    pub theirs: Vec<String>,
    /// Who that was.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Scopes as this person wants them.
    pub yours: Vec<String>,
}

/// The page that shows both edits and loses neither.
pub fn conflict(m: Conflict) -> impl IntoView {
    let path = format!("/roles/{}", encode(&m.role));
    let mut all: Vec<&String> = m.base.iter().chain(&m.theirs).chain(&m.yours).collect();
    all.sort_unstable();
    all.dedup();
    let cell = |there: bool, before: bool| {
        let (class, glyph, word) = match (there, before) {
            (true, true) => ("muted", Icon::Check, "has it"),
            (true, false) => ("added", Icon::Plus, "adds it"),
            (false, true) => ("removed", Icon::Minus, "removes it"),
            (false, false) => ("muted", Icon::Minus, "without"),
        };
        view! { <span class=format!("mark {class}")>{icon(glyph)}{word}</span> }.into_any()
    };
    let rows = all
        .into_iter()
        .map(|s| {
            let before = m.base.contains(s);
            vec![code(s.clone()), cell(before, before), cell(m.theirs.contains(s), before), cell(m.yours.contains(s), before)]
        })
        .collect();
    let merged: Vec<String> = {
        let mut set: Vec<String> = m.theirs.iter().filter(|s| m.yours.contains(s) || !m.base.contains(s)).cloned().collect();
        set.extend(m.yours.iter().filter(|s| !m.base.contains(s) && !m.theirs.contains(s)).cloned());
        set.sort_unstable();
        set
    };
    let way = |scopes: &[String], label: &'static str, note: &'static str, main: bool| {
        let list = codes(scopes.to_vec(), "no scope");
        let fields = scopes.iter().map(|s| hidden("scope", s.clone())).collect_view();
        let button = view! { <button type="submit" class=if main { "button primary" } else { "button" }>{label}</button> };
        view! { <section class="card pad stack-s"><h2>{label}</h2><p class="muted">{note}</p><p>{list}</p>{post_form(&path, view! { {hidden("version", m.version.to_string())}{fields}{button} })}</section> }.into_any()
    };
    view! {
        {head(&[("/roles", "Roles")], view! { "Somebody else edited "<em>{m.role.clone()}</em>" too" }, ())}
        {flag(Tone::Warn, view! { <strong>"Nothing of yours was saved, and nothing is lost."</strong>" "<bdi>{m.by.clone()}</bdi>" saved at "{time(&m.at)}", after you opened your form." })}
        {table("Both edits beside what they started from", &[col("Scope"), col("Before"), col("Theirs"), col("Yours")], rows)}
        <div class="thirds">
            {way(&merged, "Keep both edits", "Every addition and every removal of either.", true)}
            {way(&m.yours, "Keep only mine", "Undoes the other edit.", false)}
            <section class="card pad stack-s"><h2>"Keep only theirs"</h2><p class="muted">"Drops your edit."</p><p>{codes(m.theirs.clone(), "no scope")}</p>
                <div class="row">{link_button(&path, "Keep theirs")}{link_button(&format!("{path}/edit"), "Edit again")}</div></section>
        </div>
    }
    .into_any()
}
