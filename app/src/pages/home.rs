//! Home: what needs a person, in order; numbers second. No forms.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/home` | |

use crate::{
    components::*,
    instant::Instant,
    words::{Outcome, Tone},
};
use leptos::prelude::*;

/// One thing that needs a person.
pub struct Todo {
    /// How bad it is; `Danger` sorts first.
    pub tone: Tone,
    /// What kind of thing.
    pub icon: Icon,
    /// What is so.
    pub title: String,
    /// What follows from it, until when.
    pub consequence: String,
    /// Path inside the tenant, and the verb.
    pub action: (String, String),
}

/// A number with its name.
pub struct Figure {
    /// What is counted.
    pub name: String,
    /// How much; `unknown` when it can't be told.
    pub value: String,
    /// Over which time, or since when.
    pub note: String,
}

/// One of the latest events.
pub struct Event {
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// What, as a sentence without the actor.
    pub what: String,
    /// How it ended.
    pub outcome: Outcome,
    /// `evt_…`.
    pub id: String,
}

/// A step of setting up.
pub struct Setup {
    /// What to do.
    pub title: String,
    /// Where, inside the tenant.
    pub path: String,
    /// It is done.
    pub done: bool,
}

/// The home page.
pub struct Model {
    /// What needs a person, most urgent first.
    pub todos: Vec<Todo>,
    /// The steps of setting up; empty once all are done.
    pub setup: Vec<Setup>,
    /// Four numbers at most.
    pub figures: Vec<Figure>,
    /// The latest events, newest first.
    pub events: Vec<Event>,
    /// What is published.
    pub live: Live,
    /// The reader asks for access rather than sets it up.
    pub asks: bool,
}

/// What is published, as far as the reader may know.
pub enum Live {
    /// Not for this reader.
    Unknown,
    /// Nothing.
    Nothing,
    /// This version, since then.
    Version(u64, Instant),
    /// This version is on its way; everybody ran that one before.
    OnItsWay(u64, u64),
}

/// Home.
pub fn view(m: Model) -> impl IntoView {
    let under = match m.live {
        Live::Version(version, since) => view! { "Policy "{version}" is live since "{time(&since)} }.into_any(),
        Live::OnItsWay(version, stable) => {
            view! { "Policy "{version}" is on its way; where it has not come, policy "{stable}" or a newer one is live" }.into_any()
        }
        Live::Nothing => "Nothing is published yet: gateways deny everything.".into_any(),
        Live::Unknown => ().into_any(),
    };
    let todos = if m.todos.is_empty() && !m.setup.is_empty() {
        // Setting up is what is left to do.
        ().into_any()
    } else if m.todos.is_empty() {
        view! { <section class="card">{empty(Empty::Done("Nothing needs you now.".to_owned()))}</section> }.into_any()
    } else {
        let items = m
            .todos
            .into_iter()
            .map(|t| {
                view! {
                    <li><span class=format!("tone-{}", t.tone.class())>{icon(t.icon)}</span>
                        <div><strong>{t.title}</strong><p class="why">{t.consequence}</p></div>
                        {link_button(&t.action.0, t.action.1)}</li>
                }
            })
            .collect_view();
        view! { <section class="card"><ol class="todo">{items}</ol></section> }.into_any()
    };
    let ask = m.asks.then(|| primary_link("/requests/new", "Ask for access"));
    let setup = (!m.setup.is_empty()).then(|| {
        let done = m.setup.iter().filter(|s| s.done).count();
        let total = m.setup.len();
        let steps = m
            .setup
            .into_iter()
            .map(|s| Step {
                state: if s.done { StepState::Holds } else { StepState::Waiting },
                title: link(&s.path, s.title),
                detail: if s.done { "done".into_any() } else { "to do".into_any() },
            })
            .collect();
        card("Setting up", format!("{done} of {total} done"), chain(steps))
    });
    let figures = m.figures.into_iter().map(|f| stat(f.name, f.value, f.note)).collect_view();
    let events = if m.events.is_empty() {
        ().into_any()
    } else {
        let rows = m
            .events
            .into_iter()
            .map(|e| {
                vec![
                    time(&e.at),
                    actor(&e.actor),
                    link(&format!("/audit/{}", crate::page::encode(&e.id)), untrusted(e.what, 160)),
                    pill(e.outcome.label()),
                ]
            })
            .collect();
        view! { <section class="stack-s"><div class="row spread"><h2>"Latest"</h2>{link("/audit", "Audit log")}</div>{table("Newest first", &[col("When"), col("Who"), col("What"), col("Outcome")], rows)}</section> }.into_any()
    };
    view! { {head_with(&[], "What needs you", under, ask)}{todos}{setup}<section class="figures">{figures}</section>{events} }.into_any()
}
