//! One gateway: what it runs, its ring, and pinning it to a policy for a while.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/fleet/{gateway}` | |
//! | POST | `/fleet/{gateway}/pin` | `csrf`, `version`, `until` (a date, the last day), `reason` |
//! | POST | `/fleet/{gateway}/unpin` | `csrf` |
//!
//! Both POSTs redirect to `/fleet/{gateway}`. What was wrong: the page again with what was typed, 422.

use crate::{components::*, instant::Instant, page::encode, words::Tone};
use islands::GatewayState;
use leptos::prelude::*;

/// A pin.
pub struct Pin {
    /// The version.
    pub version: u64,
    /// When it ends.
    pub until: Instant,
    /// Its time is over.
    pub over: bool,
    /// Why.
    pub reason: String,
    /// Who pinned it.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// A gateway.
pub struct Model {
    /// `gw_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: GatewayState,
    /// What it runs.
    pub runs: Option<u64>,
    /// What it is to run.
    pub desired: Option<u64>,
    /// Its ring, who belongs to that, and what that runs.
    pub ring: (String, String, Option<u64>),
    /// The operator's labels.
    pub labels: Vec<(String, String)>,
    /// When it last reported.
    pub seen: Option<Instant>,
    /// When it enrolled.
    pub enrolled: Instant,
    /// Code and words of the error that it reports.
    pub error: Option<String>,
    /// Its own version.
    pub software: String,
    /// What it decided, newest policy first: version, allowed, denied.
    pub decided: Vec<(u64, u64, u64)>,
    /// How it is pinned.
    pub pin: Option<Pin>,
    /// Versions that it can be pinned to, newest first.
    pub versions: Vec<u64>,
    /// The reader may pin.
    pub can_pin: bool,
    /// The version chosen, the date and the reason typed before an error.
    pub typed: (String, String, String),
    /// What was wrong.
    pub errors: FormErrors,
}

/// The page.
pub fn view(m: Model) -> impl IntoView {
    let path = format!("/fleet/{}", encode(&m.id));
    let policy = |version: Option<u64>| version.map_or_else(|| "none".to_owned(), |version| format!("policy {version}"));
    let labels = if m.labels.is_empty() {
        view! { <span class="muted">"none"</span> }.into_any()
    } else {
        view! { <ul class="stack-xs">{m.labels.into_iter().map(|(name, value)| view! { <li class="mono wrap-any">{untrusted(format!("{name}={value}"), 140)}</li> }).collect_view()}</ul> }.into_any()
    };
    let (ring, who, ring_runs) = m.ring;
    let error = m.error.map(|error| flag(Tone::Danger, view! { <strong>"It reports an error. "</strong>{untrusted(error, 600)} }));
    let pinned = m.pin.as_ref().filter(|pin| !pin.over).map(|pin| {
        flag(Tone::Warn, view! { <strong>"Pinned to policy "{pin.version}" until "{time(&pin.until)}"."</strong>" “"{untrusted(&pin.reason, 500)}"” "<bdi>{pin.by.clone()}</bdi>", "{time(&pin.at)} })
    });
    let facts = vec![
        ("State", {
            let (tone, word, glyph) = m.state.words();
            view! { <span class=format!("pill {tone}")>{icon(glyph)}<span>{word}</span></span> }.into_any()
        }),
        ("Runs", text(policy(m.runs))),
        ("Is to run", text(policy(m.desired))),
        ("Ring", view! { {ring}" "<small class="muted">"("{who}", "{policy(ring_runs)}")"</small> }.into_any()),
        ("Labels", labels),
        ("Last report", time_or(m.seen.as_ref(), "never")),
        ("Enrolled", time(&m.enrolled)),
        ("Program", text(m.software)),
        ("Id", code(m.id)),
    ];
    let decided = (!m.decided.is_empty()).then(|| {
        let rows = m
            .decided
            .into_iter()
            .map(|(version, allowed, denied)| vec![text(format!("Policy {version}")), text(allowed.to_string()), text(denied.to_string())]);
        table("Calls that it decided, by the last policies that it ran", &[col("Policy"), num("Allowed"), num("Denied")], rows.collect())
    });
    let is_pinned = m.pin.is_some();
    let form = (m.can_pin && !m.versions.is_empty()).then(|| pin_form(&path, &m.versions, m.typed, &m.errors, is_pinned));
    view! {
        {head(&[("/fleet", "Fleet")], view! { "Gateway "<em>{m.name}</em> }, ())}
        {error}{pinned}
        {error_summary("pin", &m.errors)}
        <div class="cols">{card("About it", (), kv(facts))}{form}</div>
        {decided}
    }
    .into_any()
}

fn pin_form(
    path: &str,
    versions: &[u64],
    (version, until, reason): (String, String, String),
    errors: &FormErrors,
    pinned: bool,
) -> AnyView {
    let choices: Vec<Choice> = versions.iter().map(|version| Choice::new(version.to_string(), format!("Policy {version}"))).collect();
    let unpin = pinned.then(|| {
        post_form(
            &format!("{path}/unpin"),
            view! {
                <p>"Or have it run its ring's policy again now."</p>
                {buttons(view! { <button type="submit" class="button">"Unpin"</button> })}
            },
        )
    });
    card(
        if pinned { "Pin it otherwise" } else { "Pin it" },
        (),
        view! {
            <div class="stack">
                <p>"It runs this policy instead of its ring's, until the end of a day that you choose. Revocations reach it all the same."</p>
                {post_form(&format!("{path}/pin"), view! {
                    {select(Field::new("pin", "version", "Policy").value(version).errors(errors), &choices)}
                    {input(Field::new("pin", "until", "Until the end of").hint("In UTC, at most 90 days from now. After that it runs its ring's policy again.").kind("date").required().value(until).errors(errors))}
                    {input(Field::new("pin", "reason", "Why").hint("Stands on this page while it is pinned, and in the audit log.").max(500).required().value(reason).errors(errors))}
                    {buttons(submit("Pin"))}
                })}
                {unpin}
            </div>
        },
    )
}
