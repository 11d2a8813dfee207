//! Limits: how often may be called, and with which arguments. Of one tool, and of all tools by one principal.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/servers/{id}/limits` | `tool` (name) |
//! | POST | `/servers/{id}/limits` | `csrf`, `tool`, `version`, `arguments` (`any`, `reviewed` or `own`), `schema` (for `own`), `per_minute` (empty: none) |
//! | GET | `/limits` |  |
//! | POST | `/limits` | `csrf`, `version`, `subject`, `client`, `agent` (calls a minute; empty: none) |
//!
//! Both POSTs redirect, to `/servers/{id}` and to `/limits`. What was wrong: the form again with what was typed, 422. An old `version`: the form
//! with the newest values, 409. Which limits hold is decided by what is published; each gateway counts for itself.

use crate::{components::*, page::encode, words::Tone};
use leptos::prelude::*;

/// What arguments of a tool have to satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing.
    Any,
    /// The reviewed definition's input schema.
    Reviewed,
    /// A schema of one's own.
    Own,
}

impl Arguments {
    /// The value in forms.
    pub const fn value(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Reviewed => "reviewed",
            Self::Own => "own",
        }
    }

    /// From a form.
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Any, Self::Reviewed, Self::Own].into_iter().find(|choice| choice.value() == value)
    }
}

/// The form for one tool.
pub struct Tool {
    /// `srv_…`.
    pub server_id: String,
    /// The server's name.
    pub server: String,
    /// The tool's name; the server's words.
    pub tool: String,
    /// The version this form was made from.
    pub version: u64,
    /// The choice.
    pub arguments: Arguments,
    /// The schema of one's own, as typed.
    pub schema: String,
    /// The reviewed definition's schema; none while there is none to hold arguments against.
    pub reviewed: Option<String>,
    /// Calls a minute, as typed.
    pub per_minute: String,
    /// Somebody else saved in the meantime.
    pub changed: bool,
    /// What was wrong.
    pub errors: FormErrors,
}

fn changed(changed: bool) -> Option<AnyView> {
    changed.then(|| {
        flag_text(
            Tone::Warn,
            "Nothing was saved.",
            "Somebody else saved after you opened this. These are the newest values; change them again.",
        )
    })
}

fn calls(name: &'static str, label: &'static str, hint: &'static str, value: String, errors: &FormErrors) -> AnyView {
    input(Field::new("limits", name, label).hint(hint).value(value).kind("number").max(7).errors(errors))
}

/// One tool's limits.
pub fn tool(m: Tool) -> impl IntoView {
    let path = format!("/servers/{}", encode(&m.server_id));
    let is = |choice| m.arguments == choice;
    let reviewed = m.reviewed.clone().map(|schema| {
        view! {
            {radio("limits", "arguments", "reviewed", "The reviewed input schema", "Arguments that the accepted definition does not allow are denied. Accepting another definition takes its schema along.", is(Arguments::Reviewed))}
            <details><summary>"That schema"</summary><pre class="wrap">{long_untrusted(schema, 8000)}</pre></details>
        }
    });
    let wrong_choice = m.errors.of("arguments").map(|error| view! { <p class="error" id="limits-arguments">{error}</p> });
    let title = view! { "Limits of "<em>{untrusted(&m.tool, 80)}</em> };
    view! {
        {head(&[("/servers", "MCP servers")], title, link_button(&path, format!("Back to {}", m.server)))}
        {changed(m.changed)}
        {error_summary("limits", &m.errors)}
        <section class="card pad form-card">{post_form(&format!("{path}/limits"), view! {
            {hidden("tool", m.tool)}{hidden("version", m.version.to_string())}
            {calls("per_minute", "Calls a minute", "Of one person through one client, at each gateway. A whole minute's calls may come at once. Empty: no limit of its own.", m.per_minute, &m.errors)}
            <fieldset class="stack-s"><legend>"What must arguments satisfy?"</legend>
                {wrong_choice}
                {radio("limits", "arguments", "any", "Nothing", "The server judges them alone.", is(Arguments::Any))}
                {reviewed}
                {radio("limits", "arguments", "own", "A schema of our own", "For what the server would accept and you do not want: fewer services, shorter texts, no wildcards.", is(Arguments::Own))}
            </fieldset>
            {area(Field::new("limits", "schema", "Our own schema").hint("JSON Schema 2020-12, at most 16 KiB. Gateways fetch nothing: references begin with #.").value(m.schema).max(16_384).rows(10).mono().errors(&m.errors))}
            {buttons(view! { {submit("Save to draft")}{link_button(&path, "Back without saving")} })}
        })}</section>
    }
    .into_any()
}

/// The form for everybody.
pub struct Everyone {
    /// Of what this form was made from.
    pub version: u64,
    /// Calls a minute of each subject, as typed.
    pub subject: String,
    /// Through each client.
    pub client: String,
    /// Of each acting agent.
    pub agent: String,
    /// Tools with a limit of their own: server id, server, tool, calls a minute.
    pub tools: Vec<(String, String, String, u64)>,
    /// Somebody else saved in the meantime.
    pub changed: bool,
    /// What was wrong.
    pub errors: FormErrors,
    /// The reader may save.
    pub can_edit: bool,
}

/// Everybody's limits.
pub fn everyone(m: Everyone) -> impl IntoView {
    let shown = |value: &str| if value.is_empty() { "no limit".to_owned() } else { format!("{value} calls a minute") };
    let form = if m.can_edit {
        view! { <section class="card pad form-card">{post_form("/limits", view! {
            {hidden("version", m.version.to_string())}
            {calls("subject", "Calls a minute of each person", "All tools together, through whatever client.", m.subject, &m.errors)}
            {calls("client", "Calls a minute through each client", "All people together.", m.client, &m.errors)}
            {calls("agent", "Calls a minute of each agent", "While it acts for somebody.", m.agent, &m.errors)}
            <p class="muted">"Each gateway counts for itself: two gateways let through twice as much. Empty: no limit."</p>
            {buttons(submit("Save to draft"))}
        })}</section> }
        .into_any()
    } else {
        let rows =
            vec![("Each person", text(shown(&m.subject))), ("Each client", text(shown(&m.client))), ("Each agent", text(shown(&m.agent)))];
        card("All tools together", (), kv(rows))
    };
    let tools = if m.tools.is_empty() {
        view! { <div class="card">{empty(Empty::Done("No tool has a limit of its own. Set one on a server's page.".to_owned()))}</div> }
            .into_any()
    } else {
        let rows = m.tools.into_iter().map(|(id, server, tool, limit)| {
            vec![
                link(&format!("/servers/{}", encode(&id)), server),
                view! { <span class="mono wrap-any">{untrusted(tool, 120)}</span> }.into_any(),
                text(limit.to_string()),
            ]
        });
        table("Tools with a limit of their own", &[col("Server"), col("Tool"), num("Calls a minute")], rows.collect())
    };
    view! {
        {head(&[("/servers", "MCP servers")], "Limits", ())}
        {changed(m.changed)}
        {error_summary("limits", &m.errors)}
        {form}{tools}
    }
    .into_any()
}
