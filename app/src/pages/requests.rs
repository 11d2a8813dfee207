//! Access requests: the inbox, and asking.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/requests` | `show` = one of [`Tab`]'s values, `cursor` |
//! | GET | `/requests/new` | `server` (id; without it the page asks which server) |
//! | POST | `/requests` | `csrf`, `server`, `scope` (repeated), `client` (id), `agent` (id or empty), `duration_s`, `reason` |
//!
//! After POST: redirect to `/requests/{id}`; with errors the `new` page again, status 422.

use crate::{
    components::*,
    instant::{Instant, duration, relative},
    page::encode,
    words::{RequestState, Risk},
};
use leptos::prelude::*;

/// Which requests the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Pending ones that this person may decide.
    ToDecide,
    /// Asked by this person.
    Mine,
    /// Pending ones that wait for somebody else.
    Waiting,
    /// Decided or ended ones.
    Decided,
}

impl Tab {
    /// All tabs: the value of `show`, and the label.
    pub const ALL: &[(Self, &'static str, &'static str)] = &[
        (Self::ToDecide, "to_decide", "To decide"),
        (Self::Mine, "mine", "Mine"),
        (Self::Waiting, "waiting", "Waiting on others"),
        (Self::Decided, "decided", "Decided"),
    ];

    /// Reads the value of `show`.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.iter().find(|t| t.1 == value).map(|t| t.0)
    }
}

/// One request in the list.
pub struct Row {
    /// `req_…`.
    pub id: String,
    /// Who asks.
    pub person: String,
    /// What for.
    pub scopes: Vec<String>,
    /// The server's name.
    pub server: String,
    /// Highest risk among the scopes.
    pub risk: Risk,
    /// Client and agent it works through.
    pub through: Actor,
    /// How long, in seconds.
    pub duration_s: i64,
    /// Where it stands.
    pub state: RequestState,
    /// When it was asked.
    pub asked: Instant,
    /// Until when it can be decided.
    pub expires: Instant,
}

/// The list.
pub struct Model {
    /// The tab shown.
    pub tab: Tab,
    /// Counts, in the order of [`Tab::ALL`]; none where counting is not worth it.
    pub counts: [Option<u64>; 4],
    /// The requests, most urgent first.
    pub rows: Vec<Row>,
    /// When the list was read.
    pub now: Instant,
    /// Said when there is nothing to decide, for example `Last decided 2 h ago.`
    pub last: Option<String>,
    /// Links to more.
    pub pager: Pager,
}

/// The list of requests.
pub fn view(m: Model) -> impl IntoView {
    let tabs = Tab::ALL
        .iter()
        .zip(m.counts)
        .map(|((tab, value, label), count)| {
            view! { <li><a href=crate::page::url(&format!("/requests?show={value}")) aria-current=(*tab == m.tab).then_some("page")>{*label}{count.map(|c| view! { <span class="count">{c}</span> })}</a></li> }
        })
        .collect_view();
    let cols = [col("Who asks"), col("For what"), col("Risk"), col("Through"), col("State"), col("Time")];
    let body = if m.rows.is_empty() {
        let text = match m.tab {
            Tab::ToDecide => format!("No request waits for you. {}", m.last.unwrap_or_default()),
            Tab::Mine => "You have not asked for anything.".to_owned(),
            Tab::Waiting => "No request waits for somebody else.".to_owned(),
            Tab::Decided => "No request has been decided yet.".to_owned(),
        };
        view! { <div class="card">{empty(Empty::Done(text))}</div> }.into_any()
    } else {
        let now = m.now;
        let rows = m.rows.into_iter().map(|r| row(&now, r)).collect();
        table("Requests, the most urgent first", &cols, rows)
    };
    view! { {head(&[], "Requests", primary_link("/requests/new", "Ask for access"))}<nav class="tabs" aria-label="Which requests"><ul>{tabs}</ul></nav>{body}{pager(&m.pager)} }.into_any()
}

fn row(now: &Instant, r: Row) -> Vec<AnyView> {
    let when = if r.state == RequestState::Pending {
        view! { <span title=r.expires.text.clone()>"expires "{relative(now, &r.expires)}</span> }.into_any()
    } else {
        time(&r.asked)
    };
    vec![
        link(&format!("/requests/{}", encode(&r.id)), untrusted(r.person, 80)),
        view! { {codes(r.scopes, "")}" on "<em>{r.server}</em>" for "{duration(r.duration_s)} }.into_any(),
        risk_pill(r.risk),
        actor(&r.through),
        pill(r.state.label()),
        when,
    ]
}

/// A scope that can be asked for.
pub struct ScopeChoice {
    /// As in tokens.
    pub name: String,
    /// What it lets one do.
    pub sentence: String,
    /// How much harm it can do.
    pub risk: Risk,
    /// Longest time a grant may last, in seconds.
    pub max_s: i64,
    /// The person's roles hold it already.
    pub held: bool,
}

/// The server that was chosen, with what can be asked for there.
pub struct Chosen {
    /// `srv_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<ScopeChoice>,
}

/// What stands in the form.
#[derive(Default)]
pub struct Values {
    /// Ticked scopes.
    pub scopes: Vec<String>,
    /// Chosen client's id.
    pub client: String,
    /// Chosen agent's id, or empty.
    pub agent: String,
    /// Seconds, as text.
    pub duration_s: String,
    /// The person's words.
    pub reason: String,
}

/// Asking for access.
pub struct New {
    /// Every server with its id and name, while none is chosen.
    pub servers: Vec<(String, String)>,
    /// The chosen server.
    pub chosen: Option<Chosen>,
    /// Clients to work through.
    pub clients: Vec<Choice>,
    /// Agents that may act for this person.
    pub agents: Vec<Choice>,
    /// Times to choose from, in seconds, each with the scopes that cannot be had for so long.
    pub durations: Vec<(i64, Vec<String>)>,
    /// What stands in the form.
    pub values: Values,
    /// What was wrong with it.
    pub errors: FormErrors,
}

/// The form for a new request.
pub fn new(m: New) -> impl IntoView {
    let Some(chosen) = m.chosen else {
        let list = m
            .servers
            .iter()
            .map(|(id, name)| view! { <li>{link(&format!("/requests/new?server={}", encode(id)), untrusted(name, 80))}</li> })
            .collect_view();
        let body = if m.servers.is_empty() {
            view! { <div class="card">{empty(Empty::Done("No MCP server is registered yet, so there is nothing to ask for.".to_owned()))}</div> }.into_any()
        } else {
            card("MCP servers", (), view! { <ul class="links">{list}</ul> })
        };
        return view! { {head(&[("/requests", "Requests")], "Where do you need access?", ())}{body} }.into_any();
    };
    let title = view! { "Ask for access to "<em>{chosen.name.clone()}</em> };
    let another = link_button("/requests/new", "Another server");
    if chosen.scopes.iter().all(|s| s.held) {
        let why = if chosen.scopes.is_empty() {
            "No tool of this server is bound to a scope yet, so there is nothing to ask for."
        } else {
            "Your role gives you everything on this server already. There is nothing to ask for."
        };
        let held = chosen.scopes.into_iter().map(|s| view! { <li>{s.sentence}" "<code>{s.name}</code></li> }).collect_view();
        return view! {
            {head(&[("/requests", "Requests")], title, another)}
            <div class="card">{empty(Empty::Done(why.to_owned()))}</div>
            <ul class="bullets">{held}</ul>
        }
        .into_any();
    }
    let v = m.values;
    let scopes = chosen
        .scopes
        .into_iter()
        .map(|s| {
            let note = format!("{}, at most {}", s.name, duration(s.max_s));
            let title = view! { {s.sentence.clone()}" "{risk_pill(s.risk)} };
            if s.held {
                view! { <p class="muted">{s.sentence}" (your role has it already)"</p> }.into_any()
            } else {
                checkbox("request", "scope", &s.name, title, note, v.scopes.contains(&s.name))
            }
        })
        .collect_view();
    let durations: Vec<Choice> = m
        .durations
        .iter()
        .map(|(d, without)| {
            let note = if without.is_empty() { String::new() } else { format!(" (too long for {})", without.join(", ")) };
            Choice::new(d.to_string(), duration(*d) + &note)
        })
        .collect();
    let mut agents = vec![Choice::new("", "no agent, only me")];
    agents.extend(m.agents);
    let scope_error = m.errors.of("scope").map(|e| view! { <p class="error" id="request-scope">{e}</p> });
    view! {
        {head(&[("/requests", "Requests")], title, another)}
        {error_summary("request", &m.errors)}
        <section class="card pad form-card">
            {post_form("/requests", view! {
                {hidden("server", chosen.id)}
                <fieldset class="stack-s"><legend>"What you want to do"</legend>{scope_error}{scopes}</fieldset>
                {select(Field::new("request", "client", "Through which client").hint("The grant works through this client only.").value(v.client).errors(&m.errors), &m.clients)}
                {select(Field::new("request", "agent", "Through which agent").hint("With an agent chosen, the grant works for that agent only.").value(v.agent).errors(&m.errors), &agents)}
                {select(Field::new("request", "duration_s", "For how long").hint("It ends by itself. Shorter is approved faster.").value(v.duration_s).errors(&m.errors), &durations)}
                {area(Field::new("request", "reason", "Why").hint("The approver reads this. Name the ticket or the incident.").value(v.reason).required().errors(&m.errors))}
                {buttons(view! { {submit("Send request")}{link_button("/requests", "Back without asking")} })}
            })}
        </section>
    }
    .into_any()
}
