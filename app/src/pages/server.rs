//! One MCP server: its tools, what each is bound to, and what reading them again found.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/servers/{id}` |  |
//! | GET | `/servers/{id}/bind` | `tool` (name), `scope` (may be absent): the page with head-count |
//! | POST | `/servers/{id}/bind` | `csrf`, `tool`, `scope` (empty takes the binding away), `definition` (digest of the definition that was shown), `accept_unread` (`yes`; needed where part of the description was not kept) |
//! | POST | `/servers/{id}/refresh` | `csrf` |
//!
//! Binding reviews: it records the shown definition's digest, and a changed tool works again. Both POSTs redirect to `/servers/{id}`;
//! a `definition` that is not the newest answers 409 with the [`bind`] page anew. A failed refresh answers [`super::servers::failed`], 502.

use crate::{
    components::*,
    instant::{Instant, plural},
    page::encode,
    words::{Drift, Risk, Tone},
};
use leptos::prelude::*;

/// The part of a description that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// None.
    Nothing,
    /// So many characters of so many.
    Chars {
        /// In all.
        of: u64,
        /// Not kept.
        unread: u64,
    },
    /// It was read when nobody counted, and may have been cut.
    Unknown,
}

impl Unread {
    /// What is so, as two sentences; none where all of it is kept.
    fn said(self) -> Option<(String, String)> {
        match self {
            Self::Nothing => None,
            Self::Chars { of, unread } => Some((
                format!("{} of this description's {} characters were read by nobody here.", grouped(unread), grouped(of)),
                format!("Writ keeps and shows the first {}. Clients and their models get all of it.", grouped(of.saturating_sub(unread))),
            )),
            Self::Unknown => Some((
                "This description may be longer than what is shown.".to_owned(),
                "It was read when Writ did not count yet. Read the tools again to learn how long it is.".to_owned(),
            )),
        }
    }
}

/// A number with its thousands set apart.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A tool as the server describes it, which nobody should believe.
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The server's description, as much of it as is kept.
    pub description: String,
    /// What is not kept of it.
    pub unread: Unread,
    /// What its hints claim, in words.
    pub hints: Vec<String>,
    /// The scope it is bound to; none: denied.
    pub scope: Option<String>,
    /// Against the reviewed definition.
    pub drift: Drift,
    /// What differs, for changed tools: what, before, now.
    pub changes: Vec<(String, String, String)>,
    /// Gateways that see another definition than the reviewed one.
    pub seen_changed_by: Vec<String>,
    /// Its limits in words; empty: none.
    pub limits: Vec<String>,
}

/// One server.
pub struct Model {
    /// `srv_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The URI clients use.
    pub resource: String,
    /// Where the real one listens.
    pub upstream: String,
    /// When tools were last read.
    pub read: Option<Instant>,
    /// Its tools: changed and unbound ones first.
    pub tools: Vec<Tool>,
    /// Tools that were not kept since there were too many.
    pub dropped: u64,
    /// The reader may bind and refresh.
    pub can_edit: bool,
}

/// One server's page.
pub fn view(m: Model) -> impl IntoView {
    let path = format!("/servers/{}", encode(&m.id));
    let unbound = m.tools.iter().filter(|t| t.scope.is_none() && t.drift != Drift::Removed).count();
    let changed = m.tools.iter().filter(|t| t.drift == Drift::Changed).count();
    let refresh = m
        .can_edit
        .then(|| post_form(&format!("{path}/refresh"), view! { <button type="submit" class="button">"Read tools again"</button> }));
    let edit = m.can_edit.then(|| link_button(&format!("{path}/edit"), "Edit"));
    let remove = m.can_edit.then(|| danger_zone(view! { <p>"Without the server nothing of it can be called, once published."</p><p>{link_button(&format!("{path}/remove"), "Remove this server…")}</p> }));
    let total = m.tools.len();
    let can_edit = m.can_edit;
    let tools = m.tools.into_iter().map(|t| tool(&path, t, can_edit)).collect_view();
    let body = if total == 0 {
        empty(Empty::Done("The server offers no tools.".to_owned()))
    } else {
        view! { <ul class="tools">{tools}</ul> }.into_any()
    };
    view! {
        {head(&[("/servers", "MCP servers")], view! { "MCP server "<em>{m.name}</em> }, view! { {edit}{refresh} })}
        {(changed > 0).then(|| flag_text(Tone::Danger, format!("{} changed and {} denied until reviewed.", plural(i64::try_from(changed).unwrap_or(i64::MAX), "tool"), if changed == 1 { "is" } else { "are" }), "Read the difference, then bind again."))}
        {(unbound > 0).then(|| flag_text(Tone::Warn, format!("{} not bound to a scope, so every call is denied.", plural(i64::try_from(unbound).unwrap_or(i64::MAX), "tool")), "Bind a tool to let holders of that scope call it."))}
        {(m.dropped > 0).then(|| flag_text(Tone::Warn, "Too many tools.", format!("{} more were offered and not kept. They are denied.", m.dropped)))}
        {card("Address", (), kv(vec![
            ("Clients call", view! { <span class="mono wrap-any">{untrusted(m.resource, 300)}</span> }.into_any()),
            ("Upstream", view! { <span class="mono wrap-any">{untrusted(m.upstream, 300)}</span> }.into_any()),
            ("Tools read", time_or(m.read.as_ref(), "never")),
            ("Identifier", code(m.id)),
        ]))}
        <section class="card"><header><h2>"Tools"</h2><span class="muted">"descriptions are the server's own words"</span></header>{body}</section>
        {remove}
    }
    .into_any()
}

/// How many characters of each side of a difference are shown: more than is kept of a description.
const DIFFERENCE: usize = 10_000;

fn tool(path: &str, t: Tool, can_edit: bool) -> AnyView {
    let removed = t.drift == Drift::Removed;
    let denied = t.drift == Drift::Changed || t.scope.is_none();
    let verb = match (t.drift, t.scope.is_some()) {
        (Drift::Changed, _) => "Review and bind",
        (_, true) => "Change",
        (_, false) => "Bind to a scope",
    };
    let seen = (!t.seen_changed_by.is_empty()).then(|| {
        let by = t.seen_changed_by.join(", ");
        let what = format!("Seen changed by {by}: every call is denied there. Read the tools again to see the difference.");
        view! { <small class="tone-danger">{untrusted(what, 400)}</small> }
    });
    let unread = t.unread.said().map(|(what, _)| view! { <small class="tone-warn">{what}</small> });
    let limits = (!t.limits.is_empty()).then(|| view! { <small>"Limits: "{t.limits.join(", ")}</small> });
    let limit = (can_edit && !removed).then(|| link_button(&format!("{path}/limits?tool={}", encode(&t.name)), "Limits"));
    let bound = match t.scope {
        Some(s) => view! { "Needs "<code>{s}</code> }.into_any(),
        None => ().into_any(),
    };
    let changes = (!t.changes.is_empty()).then(|| view! {
        <details open><summary>"What changed"</summary>
            <dl class="kv">{t.changes.into_iter().map(|(what, before, now)| view! {
                <dt>{what}</dt><dd><span class="block"><span class="mark removed">{icon(Icon::Minus)}"was"</span>" "{long_untrusted(before, DIFFERENCE)}</span><span class="block"><span class="mark added">{icon(Icon::Plus)}"now"</span>" "{long_untrusted(now, DIFFERENCE)}</span></dd>
            }).collect_view()}</dl></details>
    });
    let action = (can_edit && !removed).then(|| link_button(&format!("{path}/bind?tool={}", encode(&t.name)), verb));
    view! {
        <li class="tool">
            <div class="stack-xs">
                <p class="row"><strong class="mono wrap-any">{untrusted(&t.name, 120)}</strong>{pill(t.drift.label())}{(denied && !removed).then(|| pill_text(Tone::Danger, Icon::Lock, "Denied"))}<span>{bound}</span></p>
                <p class="muted">{untrusted(t.description, 280)}</p>
                {unread}
                <small>"Claims: "{if t.hints.is_empty() { "nothing, so the worst is assumed".to_owned() } else { t.hints.join(", ") }}</small>
                {limits}
                {seen}
                {changes}
            </div>
            <div class="row">{action}{limit}</div>
        </li>
    }
    .into_any()
}

/// A scope to bind to, and whom that concerns.
pub struct ScopeChoice {
    /// As in tokens.
    pub name: String,
    /// What it lets one do.
    pub sentence: String,
    /// How much harm it can do.
    pub risk: Risk,
    /// People who hold it and could call the tool from then on.
    pub people: u64,
}

/// Binding one tool.
pub struct Bind {
    /// `srv_…`.
    pub server_id: String,
    /// The server's name.
    pub server: String,
    /// The tool.
    pub tool: Tool,
    /// Digest of the definition shown.
    pub definition: String,
    /// The definition's input schema as text.
    pub schema: String,
    /// Scopes to choose from.
    pub scopes: Vec<ScopeChoice>,
    /// The scope that was chosen before an error; none on the first visit.
    pub chosen: Option<String>,
    /// What was wrong.
    pub errors: FormErrors,
}

/// A description that is longer than this is shown in a part of its own, which one can close.
const LONG: usize = 1_200;

/// The page that binds a tool to a scope.
pub fn bind(m: Bind) -> impl IntoView {
    let path = format!("/servers/{}", encode(&m.server_id));
    let current = m.tool.scope.clone();
    let marked = match m.chosen {
        Some(chosen) => Some(chosen).filter(|scope| !scope.is_empty()),
        None => current.clone(),
    };
    let choices = m
        .scopes
        .into_iter()
        .map(|s| {
            let widens = if current.as_deref() == Some(&s.name) {
                format!("{} can call it now", plural(i64::try_from(s.people).unwrap_or(i64::MAX), "person"))
            } else {
                format!("widens what {} can do", plural(i64::try_from(s.people).unwrap_or(i64::MAX), "person"))
            };
            let ticked = marked.as_deref() == Some(&s.name);
            radio(
                "bind",
                "scope",
                &s.name.clone(),
                view! { <code>{s.name}</code>" "{risk_pill(s.risk)} },
                format!("{} · {widens}", s.sentence),
                ticked,
            )
        })
        .collect_view();
    let length = m.tool.description.chars().count();
    // All that is kept is shown: nobody may be asked to accept what the page leaves out.
    let description = long_untrusted(m.tool.description.clone(), usize::MAX);
    let description = match length > LONG {
        true => view! { <details open><summary>{format!("Description, {} characters", grouped(length as u64))}</summary>{description}</details> }.into_any(),
        false => description,
    };
    let unread = m.tool.unread.said();
    let accept = unread.is_some().then(|| {
        let note = "Needed to bind this tool to a scope. The log says that you did. Better: have the server's owner shorten it.";
        let field = checkbox("bind", "accept_unread", "yes", "I accept what nobody here can read", note, false);
        let wrong = m.errors.of("accept_unread").map(|wrong| view! { <p class="tone-danger">{wrong}</p> });
        view! { <fieldset class="stack-s" id="bind-accept_unread"><legend>"Part of the description is not shown"</legend>{field}{wrong}</fieldset> }
    });
    let as_shown = match unread {
        Some(_) => {
            "You accept the whole definition, also the part of the description that is not shown: what is reviewed is the SHA-256 of all of it. When the server changes any of it, the tool is denied until somebody reviews it again."
        }
        None => "You accept the definition as shown. When the server changes it, the tool is denied until somebody reviews it again.",
    };
    let title = view! { "Bind "<em>{untrusted(&m.tool.name, 80)}</em> };
    view! {
        {head(&[("/servers", "MCP servers")], title, link_button(&path, format!("Back to {}", m.server)))}
        {error_summary("bind", &m.errors)}
        {unread.map(|(what, rest)| flag_text(Tone::Danger, what, rest))}
        {card("What the server says it does", pill(m.tool.drift.label()), view! {
            {description}
            <p class="muted">"Claims: "{if m.tool.hints.is_empty() { "nothing, so the worst is assumed".to_owned() } else { m.tool.hints.join(", ") }}". Writ believes none of it."</p>
            <details><summary>"Input schema"</summary><pre class="wrap">{long_untrusted(m.schema, usize::MAX)}</pre></details>
        })}
        <section class="card pad">{post_form(&format!("{path}/bind"), view! {
            {hidden("tool", m.tool.name)}{hidden("definition", m.definition)}
            <fieldset class="stack-s" id="bind-scope"><legend>"Which scope must a caller hold?"</legend>
                {choices}
                {radio("bind", "scope", "", "No scope", "Every call is denied.", marked.is_none())}
            </fieldset>
            {accept}
            <p class="muted">{as_shown}</p>
            {buttons(view! { {submit("Save to draft")}{link_button(&path, "Back without saving")} })}
        })}</section>
    }
    .into_any()
}
