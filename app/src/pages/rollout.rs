//! One published policy: its way through the rings, and what it changes against another.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/bundles/{version}` | |
//! | GET | `/bundles/compare` | `from`, `to` |
//! | POST | `/bundles/{version}/promote` | `csrf`, `reached` (how many rings had it when it was shown) |
//! | POST | `/bundles/{version}/halt` | `csrf`, `reason` |
//! | POST | `/bundles/{version}/resume` | `csrf` |
//! | POST | `/bundles/{version}/revert` | `csrf`, `reason` |
//!
//! The POSTs redirect to `/bundles/{version}`. Refused: the page again with what is so now, 422; moved on meanwhile: 409.

use super::draft::{Change, change_list};
use crate::{
    components::*,
    instant::{Instant, plural},
    page::encode,
    words::Tone,
};
use leptos::prelude::*;

/// How a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On its way.
    Running,
    /// Stopped by a person.
    Halted,
    /// Taken back.
    Reverted,
    /// Every ring has it.
    Done,
    /// A newer policy took its place.
    Superseded,
}

impl State {
    /// As a pill.
    pub fn pill(self) -> AnyView {
        match self {
            Self::Running => pill_text(Tone::Info, Icon::Clock, "On its way"),
            Self::Halted => pill_text(Tone::Warn, Icon::Warning, "Halted"),
            Self::Reverted => pill_text(Tone::Danger, Icon::Cross, "Taken back"),
            Self::Done => pill_text(Tone::Ok, Icon::Check, "In every ring"),
            Self::Superseded => pill_text(Tone::Neutral, Icon::Dot, "Superseded on its way"),
        }
    }
}

/// A gateway that has not confirmed.
pub struct Late {
    /// `gw_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it runs.
    pub runs: Option<u64>,
    /// When it last reported.
    pub seen: Option<Instant>,
    /// The error that it reports.
    pub error: Option<String>,
}

/// A ring on the way.
pub struct RingProgress {
    /// Its name.
    pub name: String,
    /// Whether it has the policy.
    pub reached: bool,
    /// Since when it runs what it is to run.
    pub since: Option<Instant>,
    /// How many of its gateways run the policy.
    pub confirmed: u64,
    /// How many gateways are in it, without those that are pinned.
    pub total: u64,
    /// How many are pinned.
    pub pinned: u64,
    /// Who is to run it and does not.
    pub late: Vec<Late>,
}

/// A rollout.
pub struct Rollout {
    /// How it stands.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// Why, in words; may be empty.
    pub why: String,
    /// What everybody ran before.
    pub stable: u64,
    /// When it began.
    pub began: Instant,
    /// How many rings have it.
    pub reached: usize,
    /// The rings; empty once it has ended.
    pub rings: Vec<RingProgress>,
    /// What has to come first before it goes on by itself.
    pub waits: Vec<String>,
    /// Denied and all calls, under it and before, where gateways have it.
    pub decided: [(u64, u64); 2],
    /// The reader may promote, halt and revert.
    pub can_act: bool,
    /// What was typed before an error.
    pub reason: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// A published policy.
pub struct Model {
    /// Its number.
    pub version: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub digest: String,
    /// Who published it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// What they noted.
    pub note: String,
    /// It is the newest that any gateway is to run.
    pub live: bool,
    /// Its way through the rings; none where it went to everybody at once.
    pub rollout: Option<Rollout>,
    /// What it changes against the version before.
    pub changes: Vec<Change>,
    /// The version before.
    pub before: Option<u64>,
    /// All versions, newest first, to compare with.
    pub versions: Vec<u64>,
}

/// The page of a published policy.
pub fn view(m: Model) -> impl IntoView {
    let standing = match (&m.rollout, m.live) {
        (Some(rollout), _) => rollout.state.pill(),
        (None, true) => pill_text(Tone::Ok, Icon::Check, "Live"),
        (None, false) => pill_text(Tone::Neutral, Icon::Dot, "Superseded"),
    };
    let note = (!m.note.is_empty()).then(|| untrusted(&m.note, 300));
    let mut facts = vec![
        ("State", standing),
        ("Published", view! { <bdi>{m.by}</bdi>", "{time(&m.at)} }.into_any()),
        ("SHA-256", view! { <code class="wrap-any">{m.digest}</code> }.into_any()),
    ];
    if let Some(note) = note {
        facts.insert(2, ("Note", note));
    }
    let path = format!("/bundles/{}", m.version);
    let title = match m.before {
        Some(before) => format!("What it changes against policy {before}"),
        None => "What it begins with".to_owned(),
    };
    let other = m.before.or_else(|| m.versions.iter().find(|version| **version != m.version).copied());
    view! {
        {head(&[("/bundles", "Bundles")], view! { "Policy "{m.version} }, ())}
        {m.rollout.map(|rollout| panel(&path, rollout))}
        {card("About it", (), kv(facts))}
        {change_list(title, m.changes, "Nothing that decides about a call.")}
        {other.map(|other| card("Compare", (), compare_form(&m.versions, other, m.version)))}
    }
    .into_any()
}

fn panel(path: &str, m: Rollout) -> AnyView {
    let why = (!m.why.is_empty()).then(|| view! { <p>"“"{untrusted(&m.why, 500)}"”"</p> });
    let stable = m.stable;
    let sentence = match m.state {
        State::Running => view! { <p>"It began "{time(&m.began)}". Rings that it has not reached run what they ran; before it, everybody ran policy "{stable}"."</p> }.into_any(),
        State::Halted => view! { <p>"Halted "{time(&m.since)}". It moves neither on nor back until somebody says so."</p> }.into_any(),
        State::Reverted => view! { <p>"Taken back "{time(&m.since)}". Every ring runs policy "{stable}" again. What it changed is in the draft."</p> }.into_any(),
        State::Done => view! { <p>"Every ring has it since "{time(&m.since)}"."</p> }.into_any(),
        State::Superseded => view! { <p>"A newer policy took its place "{time(&m.since)}"."</p> }.into_any(),
    };
    let rings = (!m.rings.is_empty()).then(|| {
        let rows = m.rings.into_iter().map(ring).collect();
        table("Ring by ring", &[col("Ring"), col("Has it"), num("Confirmed"), col("Not confirmed")], rows)
    });
    let share = |(denied, calls): (u64, u64)| format!("{denied} of {}", plural(i64::try_from(calls).unwrap_or(i64::MAX), "call"));
    let [now, before] = m.decided;
    let under_way = matches!(m.state, State::Running | State::Halted);
    let decided = under_way.then(|| {
        view! { <p class="muted">"Denied where it is in force: "{share(now)}"; at the same gateways under policy "{stable}": "{share(before)}"."</p> }
    });
    let waits = (m.state == State::Running && !m.waits.is_empty()).then(|| {
        view! { <div class="stack-xs"><p>"Before it goes on by itself:"</p><ul class="bullets">{m.waits.into_iter().map(|wait| view! { <li class="wrap-any">{wait}</li> }).collect_view()}</ul></div> }
    });
    let acts = (m.can_act && under_way).then(|| acts(path, m.state, m.reached, m.reason, &m.errors));
    view! {
        {error_summary("rollout", &m.errors)}
        // What the summary of errors links to: the rollout itself, and the two fields for a reason.
        <div id="rollout-rollout">{card("Rollout", m.state.pill(), view! { <div class="stack-s">{sentence}{why}{waits}{decided}</div> })}</div>
        {rings}{acts}
    }
    .into_any()
}

fn ring(ring: RingProgress) -> Vec<AnyView> {
    let has = match (ring.reached, &ring.since) {
        (true, Some(since)) => view! { {pill_text(Tone::Ok, Icon::Check, "Since")}" "{time(since)} }.into_any(),
        (true, None) => pill_text(Tone::Ok, Icon::Check, "Yes"),
        (false, _) => pill_text(Tone::Neutral, Icon::Dot, "Not yet"),
    };
    let pinned = (ring.pinned > 0).then(|| format!(", {} pinned", ring.pinned));
    let none = match (ring.reached, ring.total) {
        (false, _) => "not due yet",
        (true, 0) => "nobody is in it",
        (true, _) => "nobody",
    };
    let late = if ring.late.is_empty() {
        view! { <span class="muted">{none}</span> }.into_any()
    } else {
        let since = ring.since.clone();
        let one = |late: Late| {
            let runs = late.runs.map_or_else(|| "runs nothing".to_owned(), |version| format!("runs {version}"));
            let seen = match &late.seen {
                Some(seen) => view! { ", heard "{time(seen)} }.into_any(),
                None => view! { ", never heard" }.into_any(),
            };
            view! { <li>{link(&format!("/fleet/{}", encode(&late.id)), late.name)}" "<small>{runs}{seen}{late.error.map(|error| view! { ", " <bdi class="tone-danger">{error}</bdi> })}</small></li> }
        };
        let since = since.map(|since| view! { <small class="block muted">"since "{time(&since)}</small> });
        view! { {since}<ul class="stack-xs">{ring.late.into_iter().map(one).collect_view()}</ul> }.into_any()
    };
    vec![
        view! { <strong>{ring.name}</strong> }.into_any(),
        has,
        view! { {format!("{} of {}", ring.confirmed, ring.total)}{pinned} }.into_any(),
        late,
    ]
}

fn acts(path: &str, state: State, reached: usize, reason: String, errors: &FormErrors) -> AnyView {
    let go_on = if state == State::Running {
        card(
            "Go on",
            (),
            post_form(
                &format!("{path}/promote"),
                view! {
                    {hidden("reached", reached.to_string())}
                    <p>"The next ring gets it now, whatever is still waited for. When the last ring has it, this ends the rollout."</p>
                    {buttons(submit("Promote"))}
                },
            ),
        )
    } else {
        card(
            "Go on",
            (),
            post_form(
                &format!("{path}/resume"),
                view! {
                    <p>"It goes on from where it was halted."</p>
                    {buttons(submit("Resume"))}
                },
            ),
        )
    };
    let field = |form: &'static str| {
        Field::new(form, "reason", "Why").hint("Stands beside it for ever.").max(500).value(reason.clone()).errors(errors)
    };
    let halt = (state == State::Running).then(|| {
        post_form(
            &format!("{path}/halt"),
            view! {
                <p>"Halting leaves every ring as it is."</p>
                {input(field("halt"))}
                {buttons(view! { <button type="submit" class="button">"Halt"</button> })}
            },
        )
    });
    let revert = post_form(
        &format!("{path}/revert"),
        view! {
            <p>"Taking back has every ring run again what all ran before. It needs no signature of the policy key."</p>
            {input(field("revert"))}
            {buttons(submit_danger("Take back"))}
        },
    );
    view! { <div class="cols" id="rollout-reason">{go_on}{card("Stop", (), view! { <div class="stack">{halt}{revert}</div> })}</div> }
        .into_any()
}

fn compare_form(versions: &[u64], from: u64, to: u64) -> AnyView {
    let choices: Vec<Choice> = versions.iter().map(|version| Choice::new(version.to_string(), format!("Policy {version}"))).collect();
    filter_form(
        "/bundles/compare",
        view! {
            {select(Field::new("compare", "from", "From").value(from.to_string()), &choices)}
            {select(Field::new("compare", "to", "To").value(to.to_string()), &choices)}
            <button type="submit" class="button">"Compare"</button>
        },
    )
}

/// Two published policies beside each other.
pub struct Compare {
    /// From this one.
    pub from: u64,
    /// To that one.
    pub to: u64,
    /// All versions, newest first.
    pub versions: Vec<u64>,
    /// What changes.
    pub changes: Vec<Change>,
}

/// What changes from one published policy to another.
pub fn compare(m: Compare) -> impl IntoView {
    let title = format!("From policy {} to policy {}", m.from, m.to);
    view! {
        {head(&[("/bundles", "Bundles")], "Compare policies", ())}
        {compare_form(&m.versions, m.from, m.to)}
        {change_list(title, m.changes, "They are the same but for their number.")}
    }
    .into_any()
}
