//! The audit log: finding, reading and exporting events.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/audit` | `from`, `to` (`2026-11-23T10:00`, UTC), `actor`, `client`, `agent`, `action`, `object`, `outcome`, `q`, `cursor`; empty ones don't filter |
//! | GET | `/audit/{event id}` | |
//! | GET | `/audit/export` | the same filters: a file to download |

use crate::{
    components::*,
    instant::Instant,
    page::encode,
    words::{Outcome, Tone},
};
use leptos::prelude::*;

/// What is asked for; empty strings ask nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the form, as the module documents them")]
pub struct Filter {
    pub from: String,
    pub to: String,
    pub actor: String,
    pub client: String,
    pub agent: String,
    pub action: String,
    pub object: String,
    pub outcome: String,
    pub q: String,
}

impl Filter {
    fn pairs(&self) -> [(&'static str, &String); 9] {
        [
            ("from", &self.from),
            ("to", &self.to),
            ("actor", &self.actor),
            ("client", &self.client),
            ("agent", &self.agent),
            ("action", &self.action),
            ("object", &self.object),
            ("outcome", &self.outcome),
            ("q", &self.q),
        ]
    }

    fn active(&self) -> Vec<(&'static str, &String)> {
        self.pairs().into_iter().filter(|(_, v)| !v.is_empty()).collect()
    }
}

/// One event as a sentence.
pub struct Row {
    /// `evt_…`.
    pub id: String,
    /// When.
    pub at: Instant,
    /// Person, client and agent apart.
    pub actor: Actor,
    /// Stable name, for example `grant.revoked`.
    pub action: String,
    /// The sentence without its actor.
    pub what: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for denials: the stable reason code.
    pub reason: Option<String>,
}

/// Why there are no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The log has no event at all.
    Never,
    /// The filter excludes every event.
    NoMatch,
    /// The time range lies outside of the log.
    OutsideRange,
}

/// The log.
pub struct Model {
    /// What was asked.
    pub filter: Filter,
    /// Kinds of events to choose from: how their actions begin, and what they are called.
    pub actions: Vec<Choice>,
    /// The events, newest first.
    pub rows: Vec<Row>,
    /// Why there are none, when there are none.
    pub nothing: Nothing,
    /// Until which event the log is proven, and when that was: index and time of the newest checkpoint.
    pub checkpoint: Option<(u64, Instant)>,
    /// The key that the log is signed with, as `writ audit verify --key` takes it.
    pub log_key: Option<String>,
    /// The reader may export.
    pub can_export: bool,
    /// Links to more.
    pub pager: Pager,
}

/// What a field of the filter is called, beside the field and on the chip that takes it away.
fn label(name: &str) -> &'static str {
    match name {
        "from" => "From (UTC)",
        "to" => "Until (UTC)",
        "actor" => "Person",
        "client" => "Client",
        "agent" => "Agent",
        "action" => "What about",
        "object" => "Object id",
        "outcome" => "Outcome",
        _ => "Text",
    }
}

/// The audit log.
pub fn view(m: Model) -> impl IntoView {
    let f = &m.filter;
    let actions: Vec<Choice> = std::iter::once(Choice::new("", "any")).chain(m.actions).collect();
    let outcomes: Vec<Choice> =
        std::iter::once(Choice::new("", "any")).chain(Outcome::ALL.iter().map(|o| Choice::new(o.value(), o.label().2))).collect();
    let search =
        |name: &'static str, value: &String| input(Field::new("filter", name, label(name)).value(value.clone()).kind("search").max(200));
    let more = [&f.from, &f.to, &f.client, &f.agent, &f.object].iter().any(|v| !v.is_empty());
    let filters = filter_form(
        "/audit",
        view! {
            {search("q", &f.q)}
            {search("actor", &f.actor)}
            {select(Field::new("filter", "action", label("action")).value(f.action.clone()), &actions)}
            {select(Field::new("filter", "outcome", label("outcome")).value(f.outcome.clone()), &outcomes)}
            <button type="submit" class="button primary">"Show"</button>
            <details class="more" open=more><summary>"Time, client, agent, object"</summary><div class="filters">
                {input(Field::new("filter", "from", label("from")).kind("datetime-local").value(f.from.clone()))}
                {input(Field::new("filter", "to", label("to")).kind("datetime-local").value(f.to.clone()))}
                {search("client", &f.client)}
                {search("agent", &f.agent)}
                {search("object", &f.object)}
            </div></details>
        },
    );
    let active = f.active();
    let chips = (!active.is_empty()).then(|| {
        let chips = active
            .iter()
            .map(|(name, value)| {
                let rest: Vec<String> = active.iter().filter(|(n, _)| n != name).map(|(n, v)| format!("{n}={}", encode(v))).collect();
                let path = if rest.is_empty() { "/audit".to_owned() } else { format!("/audit?{}", rest.join("&")) };
                // A kind of event is shown by its name; the exact action, which links may carry, as it stands.
                let named = actions.iter().find(|a| *name == "action" && a.value == **value).map(|a| a.label.clone());
                let shown = named.unwrap_or_else(|| (*value).clone());
                view! { <li><a class="chip" href=crate::page::url(&path)>{label(name)}": "{untrusted(shown, 60)}{icon(Icon::Cross)}<span class="sr">" remove this filter"</span></a></li> }
            })
            .collect_view();
        view! { <div class="row"><ul class="chips">{chips}</ul>{link("/audit", "Clear all")}</div> }
    });
    let export = m.can_export.then(|| {
        let carried = f.active().into_iter().map(|(n, v)| hidden(n, v.clone())).collect_view();
        view! { <form method="get" action=crate::page::url("/audit/export")>{carried}<button type="submit" class="button">"Export these"</button></form> }
    });
    let body = if m.rows.is_empty() {
        let kind = match m.nothing {
            Nothing::Never => Empty::Done("Nothing has happened yet. Every change and every decision will stand here.".to_owned()),
            Nothing::NoMatch => Empty::NoMatch("/audit"),
            Nothing::OutsideRange => Empty::Done("No event lies in this time. The log holds events before or after it.".to_owned()),
        };
        view! { <div class="card">{empty(kind)}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                let reason = r.reason.map(|c| view! { " "<code>{c}</code> });
                vec![
                    view! { <a class="plain" href=crate::page::url(&format!("/audit/{}", encode(&r.id)))>{time(&r.at)}</a> }.into_any(),
                    actor(&r.actor),
                    view! { {untrusted(r.what, 200)}<span class="id">{r.action}</span> }.into_any(),
                    view! { {pill(r.outcome.label())}{reason} }.into_any(),
                ]
            })
            .collect();
        table("Events, newest first", &[col("When"), col("Who"), col("What"), col("Outcome")], rows)
    };
    let proven = match m.checkpoint {
        Some((index, at)) => view! { "Proven up to event "{index}" by the checkpoint of "{time(&at)} }.into_any(),
        None => "No checkpoint has been signed yet.".into_any(),
    };
    let key = m.log_key.map(|key| {
        card("The log's key", view! { <CopyButton value=key.clone() what="key".to_owned()/> }, view! {
            <pre class="wrap"><code>{key.clone()}</code></pre>
            <p class="muted">"Keep it apart from exports: "<code>"writ audit verify --key"</code>" tells by it that an export is of this log."</p>
        })
    });
    view! { {head_with(&[], "Audit log", proven, export)}{filters}{chips}{body}{pager(&m.pager)}{key} }.into_any()
}

/// How far an event is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// In the log, under a signed checkpoint.
    Proven {
        /// Its index.
        index: u64,
        /// Size of the log that the checkpoint covers.
        tree_size: u64,
    },
    /// Written, not yet given its place.
    Waiting,
    /// What is stored does not fit its place in the log.
    Broken {
        /// Its index.
        index: u64,
    },
}

/// One event.
pub struct Detail {
    /// `evt_…`.
    pub id: String,
    /// The sentence without its actor.
    pub what: String,
    /// When.
    pub at: Instant,
    /// Person, client and agent apart.
    pub actor: Actor,
    /// Stable name.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for denials.
    pub reason: Option<String>,
    /// What it was done to: label and, where there is a page, its path inside the tenant.
    pub objects: Vec<(String, Option<String>)>,
    /// Facts, as name and value.
    pub facts: Vec<(String, String)>,
    /// The record as stored, indented JSON.
    pub raw: String,
    /// How far it is proven.
    pub proof: Proof,
    /// What of it can be taken back, for a reader who may: a button's text, and its path inside the tenant.
    pub take_back: Vec<(&'static str, String)>,
}

/// One event's page.
pub fn detail(m: Detail) -> impl IntoView {
    let proof = match m.proof {
        Proof::Proven { index, tree_size } => view! { {pill_text(Tone::Ok, Icon::Check, "Proven")}" event "{index}" of "{tree_size}", under a signed checkpoint" }.into_any(),
        Proof::Waiting => view! { {pill_text(Tone::Warn, Icon::Clock, "Not yet sequenced")}" it gets its place within seconds" }.into_any(),
        Proof::Broken { index } => view! { {pill_text(Tone::Danger, Icon::Warning, "Does not fit")}" what is stored for event "{index}" was changed after it was written" }.into_any(),
    };
    let objects = m
        .objects
        .into_iter()
        .map(|(label, path)| match path {
            Some(path) => view! { <span class="block">{link(&path, untrusted(label, 160))}</span> }.into_any(),
            None => view! { <span class="block">{untrusted(label, 160)}</span> }.into_any(),
        })
        .collect_view();
    let facts = (!m.facts.is_empty()).then(|| {
        let rows = m.facts.into_iter().map(|(k, v)| view! { <dt>{k}</dt><dd>{untrusted(v, 400)}</dd> }).collect_view();
        card("Facts", (), view! { <dl class="kv">{rows}</dl> })
    });
    let take_back = (!m.take_back.is_empty()).then(|| {
        let links = m.take_back.iter().map(|(label, path)| link_button(path, *label)).collect_view();
        danger_zone(view! { <p>"What this event is about can be taken back. Whoever it is of may sign in again; to keep them out, block them."</p><div class="row">{links}</div> })
    });
    let broken = matches!(m.proof, Proof::Broken { .. });
    view! {
        {head_with(&[("/audit", "Audit log")], untrusted(m.what, 300), time(&m.at), ())}
        {broken.then(|| flag_text(Tone::Danger, "This record was altered.", "Export the log and verify it on another machine: writ audit verify FILE"))}
        {card("Event", pill(m.outcome.label()), kv(vec![
            ("Who", actor(&m.actor)),
            ("Did", code(m.action)),
            ("To", objects.into_any()),
            ("Reason", m.reason.map_or_else(|| view! { <span class="muted">"none needed"</span> }.into_any(), code)),
            ("Proof", proof),
            ("Identifier", code(m.id)),
        ]))}
        {facts}
        {take_back}
        {card("As stored", "JSON", view! { <pre class="wrap">{long_untrusted(m.raw, 20_000)}</pre> })}
    }
    .into_any()
}
