//! A revocation's receipt: the server renders what each gateway has confirmed; in the browser the island asks until all have.

use crate::{Icon, icon, poll::poll, time::machine_time};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one gateway says of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRow {
    /// Its name.
    pub name: String,
    /// Policy it runs.
    pub policy: Option<u64>,
    /// Milliseconds from the revocation to its confirmation; none: unconfirmed.
    pub after_ms: Option<i64>,
    /// What an unconfirmed one means: `silent for 6 min`.
    pub note: String,
    /// When it last reported, `2026-11-23 10:06:12 UTC`; empty when it never did.
    pub last_report: String,
}

/// The page's changing part: the body of `GET /t/{tenant}/revocations/{seq}/receipt.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSnapshot {
    /// It is of lifting a block rather than of taking something back.
    pub lifts: bool,
    /// Every enrolled gateway, unconfirmed ones last.
    pub rows: Vec<ReceiptRow>,
    /// Until when an unconfirmed gateway may still allow it, as text; empty where it allows nothing more.
    pub exposed_until: String,
}

impl ReceiptSnapshot {
    /// Every gateway has confirmed, or there is none.
    pub fn is_final(&self) -> bool {
        self.rows.iter().all(|row| row.after_ms.is_some())
    }

    /// `7 of 8 gateways deny it, slowest 0.40 s; gw-eu-3 unconfirmed`.
    pub fn summary(&self) -> String {
        let total = self.rows.len();
        let done: Vec<i64> = self.rows.iter().filter_map(|row| row.after_ms).collect();
        let slowest = done.iter().max().map_or_else(String::new, |ms| format!(", slowest {}", seconds(*ms)));
        let open: Vec<&str> = self.rows.iter().filter(|row| row.after_ms.is_none()).map(|row| row.name.as_str()).collect();
        let rest = if open.is_empty() { String::new() } else { format!("; {} unconfirmed", open.join(", ")) };
        let does = match (self.lifts, total) {
            (false, 1) => "gateway denies it",
            (false, _) => "gateways deny it",
            (true, 1) => "gateway allows it again",
            (true, _) => "gateways allow it again",
        };
        format!("{} of {total} {does}{slowest}{rest}", done.len())
    }

    /// Tone, icon and first sentence.
    fn headline(&self) -> (&'static str, Icon, &'static str) {
        match (self.rows.is_empty(), self.is_final()) {
            (true, _) => ("warn", Icon::Warning, "No gateway is enrolled."),
            (false, true) => ("ok", Icon::Check, "Everywhere."),
            (false, false) => ("danger", Icon::Warning, "Not everywhere yet."),
        }
    }

    fn rest(&self) -> String {
        match (self.rows.is_empty(), self.is_final(), self.exposed_until.as_str()) {
            (true, _, _) => "There is nobody to confirm it, and nobody who would let the calls through.".to_owned(),
            (_, true, _) | (_, _, "") => format!("{}.", self.summary()),
            (_, _, until) => {
                format!("{}. An unconfirmed gateway may allow it until {until}, when its last tokens end.", self.summary())
            }
        }
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}

fn row(row: ReceiptRow, lifts: bool) -> impl IntoView {
    let (tone, glyph, word) = match (row.after_ms, lifts) {
        (Some(_), false) => ("ok", Icon::Check, "Denies"),
        (Some(_), true) => ("ok", Icon::Check, "Allows again"),
        (None, _) => ("danger", Icon::Warning, "Unconfirmed"),
    };
    let report = (row.after_ms.is_none() && !row.last_report.is_empty()).then(|| {
        view! { <small class="block">"last report "<time datetime=machine_time(&row.last_report)>{row.last_report.clone()}</time></small> }
    });
    view! {
        <tr>
            <th scope="row">{row.name}</th>
            <td data-label="State"><div><span class=format!("pill {tone}")>{icon(glyph)}<span>{word}</span></span></div></td>
            <td class="num" data-label="Policy"><div>{row.policy.map_or_else(|| "none".to_owned(), |p| p.to_string())}</div></td>
            <td class="num" data-label="After"><div>{row.after_ms.map_or_else(|| "–".to_owned(), seconds)}</div></td>
            <td data-label="Note"><div>{row.note}{report}</div></td>
        </tr>
    }
}

/// What the gateways say of one revocation. `url` is where the next [`ReceiptSnapshot`] comes from, `page` the page that shows it.
#[island]
pub fn ReceiptStatus(url: String, page: String, snapshot: ReceiptSnapshot) -> impl IntoView {
    let open = !snapshot.is_final();
    let (now, set_now) = signal(snapshot);
    let (failed, set_failed) = signal(false);
    let (live, set_live) = signal(false);
    if open {
        poll(url, Duration::from_secs(1), set_now, set_failed, ReceiptSnapshot::is_final);
    }
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| set_live.set(true));
    #[cfg(not(feature = "hydrate"))]
    let _ = set_live;
    let headline = move || now.with(ReceiptSnapshot::headline);
    view! {
        <div class="stack">
            <div class=move || format!("flag {}", headline().0) role="status">
                {move || icon(headline().1)}
                <div><strong>{move || headline().2}</strong>" "{move || now.with(ReceiptSnapshot::rest)}
                    {move || if failed.get() { " The page cannot ask again; retrying." } else { "" }}
                    <p hidden=move || live.get() || now.with(ReceiptSnapshot::is_final)><a href=page>"Look again"</a></p></div>
            </div>
            <div class="card scroll" tabindex="0" role="region" aria-label="Receipts">
                <table class="table cards">
                    <caption>"Receipts, as each gateway reported what it activated"</caption>
                    <thead><tr>
                        <th scope="col">"Gateway"</th><th scope="col">"State"</th><th scope="col" class="num">"Policy"</th>
                        <th scope="col" class="num">"After"</th><th scope="col">"Note"</th>
                    </tr></thead>
                    <tbody>{move || now.with(|s| s.rows.iter().map(|r| row(r.clone(), s.lifts)).collect_view())}</tbody>
                </table>
            </div>
        </div>
    }
}
