//! Revocations: the list, and for each the receipt that says which gateways confirmed it. No forms.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/revocations` | `cursor` |
//! | GET | `/revocations/{seq}` | |
//! | GET | `/revocations/{seq}/receipt.json` | answers [`ReceiptSnapshot`] as JSON, same authorization as the page |

use crate::{components::*, instant::Instant, page::encode, words::Tone};
pub use islands::{ReceiptRow, ReceiptSnapshot};
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
    /// For blocks that still stand: the query of the form that lifts them.
    pub lift: Option<String>,
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
                let lift = r.lift.filter(|_| can_block).map(|query| link_button(&format!("/block/lift?{query}"), "Lift…"));
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
    view! { {head_with(&[], "Revocations", "Rolling policy back never brings back what was taken away.", m.can_block.then(|| view! { {link_button("/take-back", "Take something back…")}{link_button("/block", "Block something…")} }))}{body}{pager(&m.pager)} }.into_any()
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
    /// The reader may open the list of all; others come from their own grant.
    pub can_list: bool,
    /// What each gateway says, refreshed in the browser.
    pub snapshot: ReceiptSnapshot,
}

/// One revocation's receipt.
pub fn detail(m: Detail) -> impl IntoView {
    let path = format!("/revocations/{}", m.seq);
    let event = m.event_id.map(|id| view! { " · "{link(&format!("/audit/{}", encode(&id)), "audit event")} });
    let under = view! { "by "<bdi>{m.by}</bdi>" at "{time(&m.at)}" · reason: “"{untrusted(m.reason, 300)}"”"{event} };
    let story = (!m.story.is_empty()).then(|| {
        let told =
            m.story.into_iter().map(|(at, what, good)| (at, if good { StepState::Holds } else { StepState::Broken }, untrusted(what, 200)));
        card("The story", (), timeline(told.collect()))
    });
    let from = if m.can_list { ("/revocations", "Revocations") } else { ("/grants", "Grants") };
    let (page, url) = (crate::page::url(&path), crate::page::url(&format!("{path}/receipt.json")));
    view! {
        {head_with(&[from], view! { "Revocation "{m.seq}": "<em>{untrusted(m.what, 120)}</em> }, under, ())}
        <div class="cols">
            <islands::ReceiptStatus url=url page=page snapshot=m.snapshot/>
            <div class="stack">
                {card("What it took back", (), kv(m.took.into_iter().map(|(k, v)| (k, untrusted(v, 200))).collect()))}
                {story}
            </div>
        </div>
    }
    .into_any()
}
