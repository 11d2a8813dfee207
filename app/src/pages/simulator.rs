//! The simulator: "can they?", answered by the same function that gateways run.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/simulator` | `person` (id), `client` (id), `agent` (id or empty), `server` (id), `tool` (name), `policy` = `live` or `draft` |
//!
//! A question lives in its URL, so it can be sent to a colleague. Nothing is changed by asking. Tools can be chosen once the server is: the form is
//! sent without a tool first.

use crate::{components::*, instant::Instant, words::Tone};
use leptos::prelude::*;

/// The question, as the form holds it.
#[derive(Default)]
#[expect(missing_docs, reason = "the fields of the form, as the module documents them")]
pub struct Question {
    pub person: String,
    pub client: String,
    pub agent: String,
    pub server: String,
    pub tool: String,
    pub policy: String,
}

/// One link of the chain.
pub struct Link {
    /// Holds, fails, not reached.
    pub state: StepState,
    /// `Group engineering maps to role developer`.
    pub title: String,
    /// Until when, where that is known beforehand.
    pub until: Option<Instant>,
    /// Where that is known from.
    pub detail: String,
}

/// Something that would change the answer.
pub struct Remedy {
    /// The verb: `Ask for it for Dev, up to 4 hours`.
    pub label: String,
    /// Where that starts, inside the tenant.
    pub path: String,
    /// Whom else it would concern: `Adding it to the role gives it to 214 people.`
    pub reach: Option<String>,
}

/// What the draft would change, in words.
pub struct DraftLine {
    /// It adds access.
    pub adds: bool,
    /// `role sre gains logs.debug.write`.
    pub text: String,
    /// People it concerns; none where it concerns nobody in particular.
    pub people: Option<u64>,
}

/// The answer.
pub struct Answer {
    /// Allowed or denied.
    pub allowed: bool,
    /// The sentence: `the role developer does not include logs.debug.write`.
    pub sentence: String,
    /// Stable reason code, when denied.
    pub reason: Option<String>,
    /// The rule that allows, when allowed: `role sre`, `grant grt_…`.
    pub rule: Option<String>,
    /// What the gateway must still see to.
    pub obligations: Vec<String>,
    /// The chain as evaluated.
    pub chain: Vec<Link>,
    /// What would change it.
    pub remedies: Vec<Remedy>,
    /// Policy it was evaluated under: `128 (live)`.
    pub policy: String,
    /// For when.
    pub at: Instant,
}

/// The simulator.
pub struct Model {
    /// The question.
    pub question: Question,
    /// People to choose from.
    pub people: Vec<Choice>,
    /// Clients to choose from.
    pub clients: Vec<Choice>,
    /// Agents to choose from.
    pub agents: Vec<Choice>,
    /// Servers to choose from.
    pub servers: Vec<Choice>,
    /// Tools of the chosen server; none while no server is chosen.
    pub tools: Option<Vec<Choice>>,
    /// The answer; none before a question.
    pub answer: Option<Answer>,
    /// What can't be answered and why: `No such tool`.
    pub problem: Option<String>,
    /// The draft's changes, if any.
    pub draft: Vec<DraftLine>,
}

/// The simulator page.
pub fn view(m: Model) -> impl IntoView {
    let q = m.question;
    let none = |label: &str, all: Vec<Choice>| std::iter::once(Choice::new("", label)).chain(all).collect::<Vec<_>>();
    let policies = [Choice::new("live", "live policy"), Choice::new("draft", "the draft")];
    let field = |name: &'static str, label: &str, value: String| Field::new("ask", name, label).value(value);
    let (tool, verb) = match &m.tools {
        Some(tools) => (select_prompt(field("tool", "call", q.tool), "Choose a tool", tools), "Ask"),
        None => (select(field("tool", "call", String::new()), &[Choice::new("", "Choose the server first")]), "Show its tools"),
    };
    let ask = question_form(
        "/simulator",
        view! {
            {select_prompt(field("person", "Can", q.person), "Choose a person", &m.people)}
            {select_prompt(field("client", "through", q.client), "Choose a client", &m.clients)}
            {select(field("agent", "with", q.agent), &none("no agent", m.agents))}
            {select_prompt(field("server", "on", q.server), "Choose a server", &m.servers)}
            {tool}
            {select(field("policy", "under", q.policy), &policies)}
            <div><button type="submit" class="button primary">{verb}</button></div>
        },
    );
    let problem = m.problem.map(|p| flag_text(Tone::Warn, "That can't be answered.", p));
    let answer = m.answer.map_or_else(|| ().into_any(), |a| answered(a, m.draft));
    view! { {head_with(&[], "Can they?", "Answered by the same function that gateways run.", ())}<section class="card pad">{ask}</section>{problem}{answer} }.into_any()
}

fn answered(a: Answer, draft: Vec<DraftLine>) -> AnyView {
    let (tone, word) = if a.allowed { (Tone::Ok, "Yes.") } else { (Tone::Danger, "No.") };
    let reason = a.reason.map(|r| view! { " "<code>{r}</code> });
    let rule = a.rule.map(|r| view! { " By "<code>{r}</code>"." });
    let chain_view = chain(
        a.chain
            .into_iter()
            .map(|l| Step {
                state: l.state,
                title: view! { {l.title}{l.until.map(|at| view! { " until "{time(&at)} })} }.into_any(),
                detail: text(l.detail),
            })
            .collect(),
    );
    let obligations = (!a.obligations.is_empty()).then(|| {
        card(
            "The gateway also sees to",
            (),
            view! { <ul class="bullets">{a.obligations.into_iter().map(|o| view! { <li>{o}</li> }).collect_view()}</ul> },
        )
    });
    let remedies = (!a.remedies.is_empty()).then(|| {
        let list = a
            .remedies
            .into_iter()
            .map(|r| view! { <li class="stack-xs">{link_button(&r.path, r.label)}{r.reach.map(|t| view! { <small>{t}</small> })}</li> })
            .collect_view();
        card("What would change it", (), view! { <ul class="links">{list}</ul> })
    });
    let draft = (!draft.is_empty()).then(|| {
        let lines = draft
            .into_iter()
            .map(|d| {
                let (class, glyph, word) = if d.adds { ("added", Icon::Plus, "adds access: ") } else { ("removed", Icon::Minus, "takes access: ") };
                view! { <li><span><span class=format!("mark {class}")>{icon(glyph)}<span class="sr">{word}</span></span>" "{d.text}</span><span class="muted">{d.people.map(|n| crate::instant::plural(i64::try_from(n).unwrap_or(i64::MAX), "person"))}</span></li> }
            })
            .collect_view();
        view! { <section class="card"><header><h2>"The draft, if published"</h2>{link("/draft", "All changes")}</header><ul class="diff">{lines}</ul></section> }
    });
    view! {
        {flag(tone, view! { <strong>{word}</strong>" "{a.sentence}"."{rule}{reason} })}
        <div class="cols">
            {card("The chain, as every gateway evaluates it", view! { "policy "{a.policy}", "{time(&a.at)} }, chain_view)}
            <div class="stack">{remedies}{obligations}{draft}</div>
        </div>
    }
    .into_any()
}
