//! Revocations: the list, and for each the receipt that says which gateways confirmed it. No forms.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/revocations` | `cursor` |
//! | GET | `/revocations/{seq}` | |

use crate::{components::*, instant::Instant, page::encode, words::Tone};
use leptos::prelude::*;

/// A revocation in the list.
pub struct Row {
    /// Its sequence.
    pub seq: u64,
    /// What it takes: `grant grt_…`, `everything of Dev Moreau`, `client Old IDE`.
    pub what: String,
    /// It stays until lifted (a block), or leaves when what it blocks has expired.
    pub block: bool,
    /// A block that was lifted: when.
    pub lifted: Option<Instant>,
    /// By whom.
    pub by: String,
    /// Their reason.
    pub reason: String,
    /// When.
    pub at: Instant,
    /// Gateways that confirmed, and in all.
    pub confirmed: (u64, u64),
    /// For blocks that still stand: kind and subject for the form that lifts them.
    pub lift: Option<(String, String)>,
}

/// The list.
pub struct Model {
    /// The revocations, newest first.
    pub rows: Vec<Row>,
    /// The reader may block and lift.
    pub can_block: bool,
    /// Links to more.
    pub pager: Pager,
}

fn confirmed((n, of): (u64, u64)) -> AnyView {
    match (n, of) {
        (_, 0) => pill_text(Tone::Warn, Icon::Warning, "no gateway enrolled"),
        (n, of) if n >= of => pill_text(Tone::Ok, Icon::Check, format!("all {of} confirmed")),
        (n, of) => pill_text(Tone::Warn, Icon::Clock, format!("{n} of {of} confirmed")),
    }
}

/// The list of revocations.
pub fn view(m: Model) -> impl IntoView {
    let can_block = m.can_block;
    let body = if m.rows.is_empty() {
        view! { <div class="card">{empty(Empty::Done("Nothing was ever taken back.".to_owned()))}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                let state = match (r.block, &r.lifted) {
                    (true, None) => pill_text(Tone::Danger, Icon::Lock, "Blocked until lifted"),
                    (true, Some(at)) => view! { {pill_text(Tone::Neutral, Icon::Minus, "Lifted")}" "{time(at)} }.into_any(),
                    (false, _) => ().into_any(),
                };
                let lift = r.lift.filter(|_| can_block).map(|(kind, subject)| {
                    link_button(&format!("/block/lift?kind={}&subject={}", encode(&kind), encode(&subject)), "Lift…")
                });
                vec![
                    link(&format!("/revocations/{}", r.seq), view! { {r.seq}": "{untrusted(r.what, 120)} }),
                    view! { {confirmed(r.confirmed)}" "{state} }.into_any(),
                    view! { <bdi>{r.by}</bdi><small class="block">{untrusted(r.reason, 160)}</small> }.into_any(),
                    time(&r.at),
                    lift.into_any(),
                ]
            })
            .collect();
        table("Revocations and blocks, newest first", &[col("What"), col("State"), col("By"), col("When"), col("")], rows)
    };
    view! { {head_with(&[], "Revocations", "Rolling policy back never brings back what was taken away.", m.can_block.then(|| link_button("/block", "Block something…")))}{body}{pager(&m.pager)} }.into_any()
}

/// What one gateway says.
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Policy it runs.
    pub policy: Option<u64>,
    /// Milliseconds from the revocation to its confirmation; none: unconfirmed.
    pub after_ms: Option<i64>,
    /// When it last reported; shown while unconfirmed.
    pub last_seen: Option<Instant>,
    /// What an unconfirmed one means: `silent for 6 min; its tokens end by 10:12`.
    pub note: String,
}

/// One revocation.
pub struct Detail {
    /// Its sequence.
    pub seq: u64,
    /// What it takes.
    pub what: String,
    /// By whom.
    pub by: String,
    /// Their reason.
    pub reason: String,
    /// When.
    pub at: Instant,
    /// The audit event.
    pub event_id: Option<String>,
    /// What it took back, as facts.
    pub took: Vec<(&'static str, String)>,
    /// What happened before, oldest first: when, what, good.
    pub story: Vec<(Instant, String, bool)>,
    /// What each gateway says, unconfirmed ones last.
    pub gateways: Vec<Gateway>,
    /// Until when an unconfirmed gateway may still allow it.
    pub exposed_until: Option<Instant>,
}

fn seconds(ms: i64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}

/// `7 of 8 gateways deny it, slowest 0.4 s; gw-eu-3 unconfirmed`.
pub fn summary(gateways: &[Gateway]) -> String {
    let total = gateways.len();
    let done: Vec<i64> = gateways.iter().filter_map(|g| g.after_ms).collect();
    let slowest = done.iter().max().map_or_else(String::new, |ms| format!(", slowest {}", seconds(*ms)));
    let open: Vec<&str> = gateways.iter().filter(|g| g.after_ms.is_none()).map(|g| g.name.as_str()).collect();
    let rest = if open.is_empty() { String::new() } else { format!("; {} unconfirmed", open.join(", ")) };
    format!("{} of {total} {} it{slowest}{rest}", done.len(), if total == 1 { "gateway denies" } else { "gateways deny" })
}

/// One revocation's receipt.
pub fn detail(m: Detail) -> impl IntoView {
    let open = m.gateways.iter().any(|g| g.after_ms.is_none());
    let line = summary(&m.gateways);
    let banner = if m.gateways.is_empty() {
        flag_text(Tone::Warn, "No gateway is enrolled.", "There is nobody to confirm it, and nobody who would let the calls through.")
    } else if open {
        let until = m
            .exposed_until
            .as_ref()
            .map(|at| view! { " An unconfirmed gateway may allow it until "{time(at)}", when its last tokens end." });
        flag(Tone::Danger, view! { <strong>"Not everywhere yet."</strong>" "{line}"."{until} })
    } else {
        flag(Tone::Ok, view! { <strong>"Everywhere."</strong>" "{line}"." })
    };
    let event = m.event_id.map(|id| view! { " · "{link(&format!("/audit/{}", encode(&id)), "audit event")} });
    let under = view! { "by "<bdi>{m.by}</bdi>" at "{time(&m.at)}" · reason: “"{untrusted(m.reason, 300)}"”"{event} };
    let rows = m
        .gateways
        .into_iter()
        .map(|g| {
            let state = if g.after_ms.is_some() {
                pill_text(Tone::Ok, Icon::Check, "Denies")
            } else {
                pill_text(Tone::Danger, Icon::Warning, "Unconfirmed")
            };
            vec![
                text(g.name),
                state,
                text(g.policy.map_or_else(|| "none".to_owned(), |p| p.to_string())),
                text(g.after_ms.map_or_else(|| "–".to_owned(), seconds)),
                match (&g.last_seen, g.after_ms) {
                    (Some(at), None) => view! { {text(g.note)}<small class="block">"last report "{time(at)}</small> }.into_any(),
                    _ => text(g.note),
                },
            ]
        })
        .collect();
    let story = m
        .story
        .into_iter()
        .map(|(at, what, good)| (at, if good { StepState::Holds } else { StepState::Broken }, untrusted(what, 200)))
        .collect();
    view! {
        {head_with(&[("/revocations", "Revocations")], view! { "Revocation "{m.seq}": "<em>{untrusted(m.what, 120)}</em> }, under, ())}
        {banner}
        <div class="cols">
            {table("Receipts, as each gateway reported what it activated", &[col("Gateway"), col("State"), num("Policy"), num("After"), col("Note")], rows)}
            <div class="stack">
                {card("What it took back", (), kv(m.took.into_iter().map(|(k, v)| (k, untrusted(v, 200))).collect()))}
                {card("The story", (), timeline(story))}
            </div>
        </div>
    }
    .into_any()
}
