//! Grants: who holds what for how long, and taking one back.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/grants` | `q`, `state` (empty: all), `cursor` |
//! | GET | `/grants/{id}` | |
//! | GET | `/grants/{id}/revoke` | |
//! | POST | `/grants/{id}/revoke` | `csrf`, `reason` |
//!
//! After POST: redirect to `/revocations/{seq}` ([`super::receipt`]). Revoking needs no digest: it is easier than granting.

use crate::{
    components::*,
    instant::{Instant, relative},
    page::encode,
    words::{GrantState, Risk, Tone},
};
use leptos::prelude::*;

/// A grant in the list.
pub struct Row {
    /// `grt_…`.
    pub id: String,
    /// Who holds it.
    pub person: String,
    /// Client and agent it works through.
    pub through: Actor,
    /// What it gives.
    pub scopes: Vec<String>,
    /// The server's name.
    pub server: String,
    /// Highest risk.
    pub risk: Risk,
    /// Where it stands.
    pub state: GrantState,
    /// When it ends or ended.
    pub ends: Instant,
    /// Last use.
    pub used: Option<Instant>,
}

/// The list.
pub struct Model {
    /// The search text.
    pub q: String,
    /// Only this state.
    pub state: Option<GrantState>,
    /// The grants.
    pub rows: Vec<Row>,
    /// When the list was read.
    pub now: Instant,
    /// Links to more.
    pub pager: Pager,
}

/// The list of grants.
pub fn view(m: Model) -> impl IntoView {
    let filtered = !m.q.is_empty() || m.state.is_some();
    let states: Vec<Choice> =
        std::iter::once(Choice::new("", "any")).chain(GrantState::ALL.iter().map(|s| Choice::new(s.value(), s.label().2))).collect();
    let body = if m.rows.is_empty() {
        let kind = if filtered {
            Empty::NoMatch("/grants")
        } else {
            Empty::First(
                "A grant gives one person a scope for a while, through one client. It comes from an approved request and ends by itself.",
                None,
            )
        };
        view! { <div class="card">{empty(kind)}</div> }.into_any()
    } else {
        let now = m.now;
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                let ends = if r.state == GrantState::Active {
                    view! { <span title=r.ends.text.clone()>{relative(&now, &r.ends)}</span> }.into_any()
                } else {
                    time(&r.ends)
                };
                vec![
                    link(&format!("/grants/{}", encode(&r.id)), untrusted(r.person, 80)),
                    view! { {codes(r.scopes, "")}" on "<em>{r.server}</em> }.into_any(),
                    risk_pill(r.risk),
                    actor(&r.through),
                    pill(r.state.label()),
                    ends,
                    time_or(r.used.as_ref(), "never used"),
                ]
            })
            .collect();
        table("Grants", &[col("Person"), col("May"), col("Risk"), col("Through"), col("State"), col("Ends"), col("Last used")], rows)
    };
    view! {
        {head(&[], "Grants", ())}
        {filter_form("/grants", view! {
            {input(Field::new("filter", "q", "Person, scope or id").value(m.q).kind("search"))}
            {select(Field::new("filter", "state", "State").value(m.state.map_or("", GrantState::value)), &states)}
            <button type="submit" class="button">"Show"</button>
        })}
        {body}{pager(&m.pager)}
    }
    .into_any()
}

/// One event in a grant's life.
pub struct Event {
    /// When.
    pub at: Instant,
    /// What, as a sentence.
    pub text: String,
    /// Good, or an end.
    pub good: bool,
    /// `evt_…`, where the reader may open it.
    pub event_id: Option<String>,
}

/// One grant.
pub struct Detail {
    /// `grt_…`.
    pub id: String,
    /// Who holds it.
    pub person: String,
    /// Client and agent it works through.
    pub through: Actor,
    /// What it gives: scope, its sentence, its risk.
    pub scopes: Vec<(String, String, Risk)>,
    /// The server's name and resource.
    pub server: (String, String),
    /// Where it stands.
    pub state: GrantState,
    /// When it began.
    pub starts: Instant,
    /// When it ends or ended.
    pub ends: Instant,
    /// When this page was read.
    pub now: Instant,
    /// The request it came from.
    pub request: Option<String>,
    /// Who approved it.
    pub approvers: Vec<String>,
    /// The revocation's sequence, once revoked.
    pub revocation: Option<u64>,
    /// What happened, oldest first.
    pub history: Vec<Event>,
    /// The reader may revoke it.
    pub can_revoke: bool,
}

/// One grant's page.
pub fn detail(m: Detail) -> impl IntoView {
    let path = format!("/grants/{}", encode(&m.id));
    let active = m.state == GrantState::Active;
    let revoke = (active && m.can_revoke).then(|| link_button(&format!("{path}/revoke"), "Revoke…"));
    let under = if active {
        view! { "Ends "{relative(&m.now, &m.ends)}", at "{time(&m.ends)} }.into_any()
    } else {
        view! { "Ended at "{time(&m.ends)} }.into_any()
    };
    let receipt = m.revocation.map(|seq| {
        flag(Tone::Danger, view! { <strong>"Revoked."</strong>" "{link(&format!("/revocations/{seq}"), "Which gateways confirmed it")}"." })
    });
    let scopes = m.scopes.into_iter().map(|(name, sentence, risk)| view! { <li class="scope"><div class="row spread"><p>{sentence}</p>{risk_pill(risk)}</div><small><code>{name}</code></small></li> }).collect_view();
    let history = m
        .history
        .into_iter()
        .map(|e| {
            let title = match e.event_id {
                Some(id) => link(&format!("/audit/{}", encode(&id)), untrusted(e.text, 300)),
                None => untrusted(e.text, 300),
            };
            (e.at, if e.good { StepState::Holds } else { StepState::Broken }, title)
        })
        .collect();
    let request = m.request.map_or_else(
        || view! { <span class="muted">"none"</span> }.into_any(),
        |id| link(&format!("/requests/{}", encode(&id)), code(id.clone())),
    );
    view! {
        {head_with(&[("/grants", "Grants")], view! { "Grant for "<em>{untrusted(&m.person, 80)}</em> }, under, revoke)}
        {receipt}
        <div class="cols">
            <div class="stack">
                {card("What it gives", pill(m.state.label()), view! { <ul class="scopes">{scopes}</ul> })}
                {card("Facts", (), kv(vec![
                    ("Identifier", code(m.id)),
                    ("Server", view! { <em>{m.server.0}</em>" "<small class="mono">{untrusted(m.server.1, 200)}</small> }.into_any()),
                    ("Works through", view! { {actor(&m.through)}" "<small>"and nothing else"</small> }.into_any()),
                    ("Began", time(&m.starts)),
                    ("Ends", time(&m.ends)),
                    ("Request", request),
                    ("Approved by", untrusted(if m.approvers.is_empty() { "nobody on record".to_owned() } else { m.approvers.join(", ") }, 300)),
                ]))}
            </div>
            {card("The story", (), timeline(history))}
        </div>
    }
    .into_any()
}

/// Taking a grant back.
pub struct Revoke {
    /// `grt_…`.
    pub id: String,
    /// Who holds it.
    pub person: String,
    /// What stops working.
    pub scopes: Vec<String>,
    /// The server's name.
    pub server: String,
    /// Client and agent concerned.
    pub through: Actor,
    /// What stops, counted.
    pub stops: Stops,
    /// What was wrong.
    pub errors: FormErrors,
    /// The reason typed before an error.
    pub reason: String,
}

/// The page that says what stops.
pub fn revoke(m: Revoke) -> impl IntoView {
    let path = format!("/grants/{}", encode(&m.id));
    view! {
        {head(&[("/grants", "Grants")], view! { "Revoke "<em>{m.scopes.join(", ")}</em>" for "<em>{untrusted(&m.person, 80)}</em>"?" }, ())}
        {error_summary("revoke", &m.errors)}
        {card("What stops", (), m.stops.facts(vec![
            ("What", view! { {codes(m.scopes.clone(), "")}" on "<em>{m.server}</em> }.into_any()),
            ("For", view! { {untrusted(m.person.clone(), 80)}" "{actor(&m.through)} }.into_any()),
        ], vec![
            ("Keeps working", text("Every other scope of the same tokens. Nobody has to sign in again.")),
            ("Afterwards", text("They may ask for it again.")),
        ]))}
        <section class="card pad form-card">{post_form(&format!("{path}/revoke"), view! {
            {input(Field::new("revoke", "reason", "Reason").hint("The holder and auditors read it.").value(m.reason).required().max(300).errors(&m.errors))}
            {buttons(view! { {submit_danger("Revoke grant")}{link_button(&path, "Keep grant")} })}
        })}</section>
    }
    .into_any()
}
