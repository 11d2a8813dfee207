//! Importing roles from YAML: paste, see what would change, apply.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/roles/import` | |
//! | POST | `/roles/import` | `csrf`, `yaml` |
//! | POST | `/roles/import/apply` | `csrf`, `yaml`, `digest` (of the state that the preview was made from) |
//!
//! POST `/roles/import` saves nothing: it answers [`preview`] (200) or [`view()`] again with the fault (422) and the text as it was sent.
//! Applying is all or nothing: redirect to `/roles`, or [`preview`] anew with status 409 when the digest no longer fits.

use crate::{components::*, words::Tone};
use leptos::prelude::*;

/// What is wrong with the file.
pub struct Fault {
    /// Line, counted from 1; none when it is about the whole.
    pub line: Option<usize>,
    /// The reason.
    pub message: String,
}

/// The import form.
#[derive(Default)]
pub struct Model {
    /// The text as it was sent.
    pub yaml: String,
    /// What was wrong with it.
    pub fault: Option<Fault>,
}

const EXAMPLE: &str = "roles:\n  developer: [logs.read, analytics.query]\n  sre: [logs.read, logs.debug.write, incidents.trigger]\n";

/// The import form.
pub fn view(m: Model) -> impl IntoView {
    let fault = m.fault.map(|f| {
        let line = f.line.and_then(|n| m.yaml.lines().nth(n.saturating_sub(1)).map(|l| (n, l.to_owned())));
        let place = f.line.map_or_else(String::new, |n| format!("Line {n}: "));
        let quoted = line.map(|(n, l)| view! { <pre class="wrap"><code>{format!("{n:>4}  ")}{untrusted(l, 200)}</code></pre> });
        view! { <div class="flag danger" role="alert"><div><strong>"Nothing was imported."</strong>" "{place}{untrusted(f.message, 400)}{quoted}</div></div> }
    });
    let error = fault.is_some();
    view! {
        {head(&[("/roles", "Roles")], "Import roles", ())}
        {fault}
        <section class="card pad form-card">{post_form("/roles/import", view! {
            {area(Field::new("import", "yaml", "Role file (YAML)").hint("Roles in the file replace roles of the same name; others stay. You see what changes before anything is saved.").value(m.yaml).rows(14).max(500_000).mono().required())}
            {buttons(view! { {submit("Show what would change")}{link_button("/roles", "Back")} })}
        })}</section>
        {(!error).then(|| card("The shape", (), view! { <pre class="wrap"><code>{EXAMPLE}</code></pre> }))}
    }
    .into_any()
}

/// What would happen to one role.
pub struct Change {
    /// The role.
    pub role: String,
    /// It does not exist yet.
    pub new: bool,
    /// Scopes it gains.
    pub gains: Vec<String>,
    /// Scopes it loses.
    pub loses: Vec<String>,
    /// People it concerns.
    pub people: u64,
}

/// What would change.
pub struct Preview {
    /// The text, carried on.
    pub yaml: String,
    /// Digest of the state it was compared with.
    pub digest: String,
    /// Roles that change.
    pub changes: Vec<Change>,
    /// Roles of the file that stay as they are.
    pub unchanged: u64,
    /// Scopes that would be made.
    pub new_scopes: Vec<String>,
}

/// The page between pasting and saving.
pub fn preview(m: Preview) -> impl IntoView {
    let nothing = m.changes.is_empty();
    let items = m
        .changes
        .into_iter()
        .map(|c| {
            let people = crate::instant::plural(i64::try_from(c.people).unwrap_or(i64::MAX), "person");
            let lead = if c.new { "New role " } else { "Role " };
            let gains = (!c.gains.is_empty()).then(|| view! { <span class="block"><span class="mark added">{icon(Icon::Plus)}"gains"</span>" "{codes(c.gains.clone(), "")}</span> });
            let loses = (!c.loses.is_empty()).then(|| view! { <span class="block"><span class="mark removed">{icon(Icon::Minus)}"loses"</span>" "{codes(c.loses.clone(), "")}</span> });
            view! { <li><div><strong>{lead}<em>{c.role}</em></strong>{gains}{loses}</div><span class="muted">{people}</span></li> }
        })
        .collect_view();
    let new_scopes = (!m.new_scopes.is_empty()).then(|| flag(Tone::Warn, view! { <strong>"New scopes:"</strong>" "{codes(m.new_scopes, "")}"Their risk is guessed from their names until somebody judges it, and they unlock nothing until a tool is bound." }));
    let body = if nothing {
        view! { <div class="card">{empty(Empty::Done("The file says what is already so. There is nothing to save.".to_owned()))}</div> }
            .into_any()
    } else {
        let unchanged = (m.unchanged > 0).then(|| {
            let n = crate::instant::plural(i64::try_from(m.unchanged).unwrap_or(i64::MAX), "role");
            view! { <span class="muted">{n}" of the file unchanged"</span> }
        });
        view! {
            <section class="card"><header><h2>"What would change"</h2>{unchanged}</header><ul class="diff">{items}</ul></section>
            {new_scopes}
            <section class="card pad">{post_form("/roles/import/apply", view! {
                {hidden("yaml", m.yaml)}{hidden("digest", m.digest)}
                <p>"This saves to the draft. Gateways obey it after publishing."</p>
                {buttons(view! { {submit("Save to draft")}{link_button("/roles/import", "Start over")} })}
            })}</section>
        }
        .into_any()
    };
    view! { {head(&[("/roles", "Roles"), ("/roles/import", "Import")], "Check the import", ())}{body} }.into_any()
}
