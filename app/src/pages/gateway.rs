//! One gateway: what it runs, its ring, pinning it to a policy for a while, taking it out of the fleet.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/fleet/{gateway}` | |
//! | POST | `/fleet/{gateway}/pin` | `csrf`, `version`, `until` (a date, the last day), `reason` |
//! | POST | `/fleet/{gateway}/unpin` | `csrf` |
//! | GET | `/fleet/{gateway}/remove` | |
//! | POST | `/fleet/{gateway}/remove` | `csrf` |
//!
//! Pinning and unpinning redirect to `/fleet/{gateway}`. What was wrong: the page again with what was typed, 422. Removing redirects to `/fleet`.
//! It is for gateways of our own: OPAs are removed at [`super::opa`]'s address.

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
    /// Where the reader removes it, if they may.
    pub remove: Option<String>,
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
    let remove = m.remove.map(|path| {
        danger_zone(view! {
            <p>"For one that is gone for good, or whose key was stolen. Nobody waits for it any more, and its key counts no more."</p>
            {buttons(link_button(&path, "Remove…"))}
        })
    });
    let form = (m.can_pin && !m.versions.is_empty()).then(|| pin_form(&path, &m.versions, m.typed, &m.errors, is_pinned));
    view! {
        {head(&[("/fleet", "Fleet")], view! { "Gateway "<em>{m.name}</em> }, ())}
        {error}{pinned}
        {error_summary("pin", &m.errors)}
        <div class="cols">{card("About it", (), kv(facts))}{form}</div>
        {decided}
        {remove}
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

/// Taking one out of the fleet.
pub struct Remove {
    /// `gw_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: GatewayState,
    /// When it last reported.
    pub seen: Option<Instant>,
    /// The newest revocations that it confirmed.
    pub confirmed: Option<u64>,
    /// The newest revocations.
    pub newest_seq: u64,
    /// The policy on its way that waits for it.
    pub holds_up: Option<u64>,
    /// The policy that it is pinned to, and until when.
    pub pin: Option<(u64, Instant)>,
}

/// Asks before a gateway is removed.
pub fn remove(m: Remove) -> impl IntoView {
    let path = format!("/fleet/{}", encode(&m.id));
    let reports = match m.state {
        GatewayState::Current | GatewayState::Behind | GatewayState::Failing => flag_text(
            Tone::Danger,
            "It is running.",
            "It reported less than a minute ago. Removed, it hears of no revocation any more and goes on by what it has, stricter and stricter, for a day. Stop it first, unless its key was stolen.",
        ),
        GatewayState::Silent | GatewayState::New => flag_text(
            Tone::Warn,
            "Make sure that it does not run.",
            "From here that cannot be seen. One that is only cut off goes on by what it has, stricter and stricter, for a day.",
        ),
    };
    let newest = m.newest_seq;
    let revocations = match m.confirmed {
        Some(confirmed) if confirmed >= newest => text(format!("all confirmed, up to {confirmed}")),
        Some(confirmed) => text(format!("confirmed up to {confirmed} of {newest}")),
        None => text(format!("none confirmed, of {newest}")),
    };
    let under = |said: AnyView, more: &'static str| view! { {said}" "<small class="block">{more}</small> }.into_any();
    let rollout = match m.holds_up {
        Some(version) => under(
            link(&format!("/bundles/{version}"), format!("policy {version} waits for it")),
            "It goes on without the gateway, as soon as nothing else is waited for.",
        ),
        None => text("none waits for it"),
    };
    let pin = match m.pin {
        Some((version, until)) => under(view! { "to policy "{version}" until "{time(&until)} }.into_any(), "The pin ends with it."),
        None => text("none"),
    };
    view! {
        {head(&[("/fleet", "Fleet")], view! { "Remove the gateway "<em>{m.name.clone()}</em>"?" }, ())}
        {reports}
        <div class="cols">
            {card("What ends", (), kv(vec![
                ("Last report", time_or(m.seen.as_ref(), "never")),
                ("Its key", under(text("counts no more, from its next request on"), "MCP servers that were given a copy of its public key believe it until somebody takes the copy out.")),
                ("Revocations", under(revocations, "Receipts list the gateway no more, whether it confirmed or not. The audit log keeps what it confirmed.")),
                ("Rollout", rollout),
                ("Pin", pin),
                ("Decisions", under(text("what it sent stays"), "What still lies unsent on its disk is not taken any more.")),
            ]))}
            {card("On its machine", (), view! { <div class="stack-s">
                <p>"Before you remove it, stop it with SIGTERM if it runs: then it still sends its last decisions."</p>
                <p>"Afterwards delete its data folder, since its private key lies there, and lead its clients to another gateway."</p>
                <p class="muted">"If another machine is to take its place and its name, replace it instead: "<code>"writ admin enrol-gateway --replace"</code>"."</p>
            </div> })}
        </div>
        <section class="card pad">{post_form(&format!("{path}/remove"), view! {
            {buttons(view! { {submit_danger("Remove gateway")}{link_button(&path, "Keep gateway")} })}
        })}</section>
    }
    .into_any()
}
