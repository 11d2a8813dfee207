//! One request: the approval card. One column, no script, at most 60 kB with its stylesheet.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/requests/{id}` | |
//! | POST | `/requests/{id}/decision` | `csrf`, `digest` (of what was shown), `decision` = `approve` or `deny`, `duration_s` (one of [`Deciding::Open::durations_s`]; only narrows), `reason` |
//! | POST | `/requests/{id}/withdraw` | `csrf` (requester only) |
//!
//! `decision` is the button that was pressed, so nothing is preselected and no choice can be forgotten. After a decision: redirect back here. When
//! the digest no longer fits: [`changed`] with status 409. When the reason is missing: this page again with [`Model::errors`], status 422.

use crate::{
    components::*,
    instant::{Instant, duration, relative},
    page::encode,
    words::{RequestState, Risk, Tone, Trust},
};
use leptos::prelude::*;

/// A scope that is asked for.
pub struct Scope {
    /// As in tokens.
    pub name: String,
    /// What it lets one do.
    pub sentence: String,
    /// How much harm it can do.
    pub risk: Risk,
    /// Tools it unlocks, each with the words its hints claim (`writes, reaches outside`).
    pub tools: Vec<(String, String)>,
}

/// A statement with its source.
pub struct Fact {
    /// The statement.
    pub text: String,
    /// Where it is known from (`Okta, 4 min ago`).
    pub source: String,
}

/// The client it works through.
pub struct Client {
    /// The name it gave itself.
    pub name: String,
    /// Verified host or identifier.
    pub identifier: String,
    /// What is known about it.
    pub trust: Trust,
}

/// Whether the reader may decide.
pub enum Deciding {
    /// Yes.
    Open {
        /// Digest of everything that the decision depends on.
        digest: String,
        /// Durations to choose from in seconds, the one asked for first.
        durations_s: Vec<i64>,
        /// What the vote does: `Yours decides it.`
        effect: String,
        /// An approval needs a reason too (a denial always does).
        reason_required: bool,
    },
    /// No, and why: `You asked for this; somebody else must decide.`
    Barred(String),
    /// It is decided already.
    Closed,
}

/// One event in the request's life.
pub struct Event {
    /// When.
    pub at: Instant,
    /// What, as a sentence.
    pub text: String,
    /// The person's words, if any.
    pub words: Option<String>,
    /// Good, or bad.
    pub good: bool,
}

/// Everything on the approval card.
pub struct Model {
    /// `req_…`.
    pub id: String,
    /// Where it stands.
    pub state: RequestState,
    /// The reader asked for it: what an approver weighs is left out.
    pub mine: bool,
    /// Who asks.
    pub person: String,
    /// What is known about them.
    pub person_facts: Vec<Fact>,
    /// The ask in words: `trigger incidents`.
    pub ask: String,
    /// The server's name.
    pub server: String,
    /// For how long, in seconds.
    pub duration_s: i64,
    /// When this page was read.
    pub now: Instant,
    /// Until when it can be decided.
    pub expires: Instant,
    /// Highest risk, with the catalogue's reason.
    pub risk: (Risk, String),
    /// What is unusual, each as a strong start and the rest.
    pub flags: Vec<(String, String)>,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// Scopes that the person's roles hold already.
    pub already: Vec<String>,
    /// The requester's words.
    pub reason: String,
    /// Through which client.
    pub client: Client,
    /// Through which agent: name and what is known about it.
    pub agent: Option<(String, String)>,
    /// Comparisons and past, each a sentence; unknown ones say so.
    pub context: Vec<Fact>,
    /// What happened so far, oldest first.
    pub history: Vec<Event>,
    /// May the reader decide?
    pub deciding: Deciding,
    /// The reader asked for it and may take it back.
    pub can_withdraw: bool,
    /// The grant, once there is one.
    pub grant: Option<String>,
    /// What was wrong with the decision form.
    pub errors: FormErrors,
    /// The reason typed before an error.
    pub typed_reason: String,
    /// The time chosen before an error, in seconds.
    pub typed_duration_s: Option<i64>,
}

/// The approval card.
pub fn view(m: Model) -> impl IntoView {
    let path = format!("/requests/{}", encode(&m.id));
    let pending = m.state == RequestState::Pending;
    let open = matches!(m.deciding, Deciding::Open { .. });
    let state = if pending && open { pill_text(Tone::Warn, Icon::Clock, "Waiting for you") } else { pill(m.state.label()) };
    let until = if pending {
        view! { <span class="muted">"expires "{relative(&m.now, &m.expires)}", at "<time datetime=m.expires.rfc3339()>{m.expires.clock().to_owned()}</time>" UTC"</span> }.into_any()
    } else {
        ().into_any()
    };
    let (risk, risk_reason) = m.risk;
    let tone = match risk {
        Risk::Low | Risk::Moderate => Tone::Info,
        Risk::High | Risk::Critical => Tone::Danger,
    };
    let outcome = m.grant.as_ref().map(|g| {
        flag(Tone::Ok, view! { <strong>"A grant came of it: "</strong>{link(&format!("/grants/{}", encode(g)), code(g.clone()))}"." })
    });
    let count = crate::instant::plural(i64::try_from(m.scopes.len()).unwrap_or(i64::MAX), "scope");
    let withdraw = m.can_withdraw.then(|| {
        post_form(&format!("{path}/withdraw"), buttons(view! { <button type="submit" class="button">"Withdraw this request"</button> }))
    });
    let lead = if m.mine { "You asked to ".into_any() } else { view! { {untrusted(&m.person, 80)}" wants to " }.into_any() };
    let head = view! {
        <div class="stack-s">
            <nav class="crumbs" aria-label="Breadcrumb"><ol><li>{link("/requests", "Requests")}</li></ol></nav>
            <p class="row">{state}{until}</p>
            <h1>{lead}<u>{m.ask}</u>" on "<em>{m.server}</em>" for "<u>{duration(m.duration_s)}</u></h1>
        </div>
    };
    let allowed = card("What it allows", count, allows(m.scopes, m.already));
    let words = if m.mine { "your words" } else { "the requester's words" };
    let why = card("Why", words, view! { <blockquote>{long_untrusted(m.reason, 1024)}</blockquote> });
    let history = card("History", (), timeline(m.history.into_iter().map(event).collect()));
    if m.mine {
        let waits = match m.deciding {
            Deciding::Barred(why) => flag_text(Tone::Info, why, "The answer will stand here."),
            Deciding::Open { .. } | Deciding::Closed => ().into_any(),
        };
        let through = card("Through what", (), kv(through(m.client, m.agent, "none; you act yourself")));
        return view! { <div class="approval stack">{head}{outcome}{waits}{allowed}{why}{through}{history}{withdraw}</div> }.into_any();
    }
    let facts =
        m.person_facts.into_iter().map(|f| view! { <span class="block">{f.text}" "<small>"("{f.source}")"</small></span> }).collect_view();
    let mut who = vec![("Person", view! { <strong>{untrusted(m.person, 80)}</strong>{facts} }.into_any())];
    who.extend(through(m.client, m.agent, "none; the person acts themselves"));
    view! {
        <div class="approval stack">
            {head}
            {error_summary("decision", &m.errors)}
            {outcome}
            {flag_text(tone, format!("{} risk.", risk.label().2), risk_reason)}
            {(!m.flags.is_empty()).then(|| flag(Tone::Warn, m.flags.into_iter().map(|(strong, rest)| view! { <p><strong>{strong}</strong>" "{rest}</p> }).collect_view()))}
            {allowed}
            {why}
            {card("Who and through what", (), kv(who))}
            {card("Context", (), view! { <ul class="bullets">{m.context.into_iter().map(fact).collect_view()}</ul> })}
            {history}
            {decision(&path, m.deciding, m.duration_s, m.typed_duration_s, &m.errors, m.typed_reason)}
            {withdraw}
        </div>
    }
    .into_any()
}

fn allows(scopes: Vec<Scope>, already: Vec<String>) -> AnyView {
    let list = scopes
        .into_iter()
        .map(|s| {
            let n = s.tools.len();
            let tools = s.tools.into_iter().map(|(name, hints)| view! { <li><code>{untrusted(name, 80)}</code>": "{hints}</li> }).collect_view();
            let what = if n == 0 { view! { <small class="tone-warn">"No tool is bound to this scope, so it unlocks nothing yet."</small> }.into_any() } else {
                view! { <details><summary>{crate::instant::plural(i64::try_from(n).unwrap_or(i64::MAX), "tool")}" this unlocks"</summary><ul class="bullets">{tools}</ul></details> }.into_any()
            };
            view! { <li class="scope"><div class="row spread"><p>{s.sentence}</p>{risk_pill(s.risk)}</div><small><code>{s.name}</code></small>{what}</li> }
        })
        .collect_view();
    view! { <ul class="scopes">{list}</ul><p class="muted">"Has already: "{codes(already, "no scope on this server")}</p> }.into_any()
}

fn fact(f: Fact) -> AnyView {
    let source = (!f.source.is_empty()).then(|| view! { " "<small>"("{f.source}")"</small> });
    view! { <li>{f.text}{source}</li> }.into_any()
}

fn through(client: Client, agent: Option<(String, String)>, no_agent: &'static str) -> Vec<(&'static str, AnyView)> {
    let agent = match agent {
        Some((name, note)) => view! { <span class="pill agent">{icon(Icon::Agent)}{untrusted(name, 60)}</span>" "{note} }.into_any(),
        None => view! { <span class="muted">{no_agent}</span> }.into_any(),
    };
    let trust = pill(client.trust.label());
    // A name that an administrator gave says more than the id; one that a client gave itself says less.
    let named = match client.trust {
        Trust::Registered => view! { <strong>{untrusted(client.name, 80)}</strong>" "{trust}<span class="id">{untrusted(client.identifier, 120)}</span> }.into_any(),
        Trust::Verified | Trust::SelfAsserted | Trust::Blocked => {
            view! { <strong>{untrusted(client.identifier, 120)}</strong>" "{trust}<small class="block">"calls itself “"{untrusted(client.name, 80)}"”"</small> }.into_any()
        }
    };
    vec![("Client", named), ("Agent", agent)]
}

fn event(e: Event) -> (Instant, StepState, AnyView) {
    let words = e.words.map(|w| view! { ": “"{untrusted(w, 300)}"”" });
    (e.at, if e.good { StepState::Holds } else { StepState::Broken }, view! { {e.text}{words} }.into_any())
}

fn decision(path: &str, deciding: Deciding, asked_s: i64, chosen_s: Option<i64>, errors: &FormErrors, typed: String) -> AnyView {
    match deciding {
        Deciding::Closed => ().into_any(),
        Deciding::Barred(why) => {
            view! { <section class="card pad" id="decision">{flag_text(Tone::Info, "You can't decide this.", why)}</section> }.into_any()
        }
        Deciding::Open { digest, durations_s, effect, reason_required } => {
            let durations: Vec<Choice> = durations_s
                .iter()
                .map(|d| Choice::new(d.to_string(), if *d == asked_s { format!("{}, as asked", duration(*d)) } else { duration(*d) }))
                .collect();
            let label = if reason_required { "Reason" } else { "Reason, required to deny" };
            let reason = Field::new("decision", "reason", label)
                .hint("The requester will read it, and it stays in the record.")
                .value(typed)
                .errors(errors)
                .rows(2);
            let reason = if reason_required { reason.required() } else { reason };
            let chosen = chosen_s.filter(|d| durations_s.contains(d)).unwrap_or(asked_s);
            // The buttons are the choice: nothing is preselected, and no key presses one of them from a field.
            let body = view! {
                {hidden("digest", digest)}
                <p>{effect}" "<strong>"Approve"</strong>": the grant starts now, works through this client and agent only, and ends by itself. "<strong>"Deny"</strong>": nothing changes."</p>
                {select(Field::new("decision", "duration_s", "If approved, for").hint("You can shorten it, not lengthen it.").value(chosen.to_string()).errors(errors), &durations)}
                {area(reason)}
                <div class="decide" id="decision-decision"><div>
                    <button type="submit" class="button big" name="decision" value="deny">"Deny"</button>
                    <button type="submit" class="button primary big" name="decision" value="approve">"Approve"</button>
                </div></div>
            };
            view! { <section class="card" id="decision"><header><h2>"Your decision"</h2></header><div class="body">{post_form(&format!("{path}/decision"), body)}</div></section> }.into_any()
        }
    }
}

/// What differs between the page that was decided on and now.
pub struct Changed {
    /// `req_…`.
    pub id: String,
    /// Each difference: what, before, now.
    pub changes: Vec<(String, String, String)>,
}

/// The 409 page: the decision was not taken.
pub fn changed(m: Changed) -> impl IntoView {
    let rows = m.changes.into_iter().map(|(what, before, now)| vec![text(what), untrusted(before, 300), untrusted(now, 300)]).collect();
    view! {
        {head(&[("/requests", "Requests")], "It changed since you opened it", ())}
        {flag_text(Tone::Warn, "Your decision was not taken.", "What it would have allowed is no longer what you saw. Votes given before the change no longer count.")}
        {table("What changed", &[col("What"), col("You saw"), col("Now")], rows)}
        {buttons(primary_link(&format!("/requests/{}", encode(&m.id)), "See it as it is now"))}
    }
    .into_any()
}
