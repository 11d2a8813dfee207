//! Live fleet status: the server renders the rows; in the browser the island asks again every few seconds.

use crate::{
    Icon, icon,
    poll::poll,
    time::{ago, machine_time},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a gateway stands, judged by the server from what the gateway acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayState {
    /// Runs the assigned policy and the newest revocations.
    Current,
    /// Reports, but runs an older policy or an older revocation list.
    Behind,
    /// Has not reported for longer than the tenant's limit.
    Silent,
    /// Reported an error that keeps it from activating.
    Failing,
    /// Enrolled, has not acknowledged anything yet.
    New,
}

impl GatewayState {
    /// Tone, word and icon.
    pub const fn words(self) -> (&'static str, &'static str, Icon) {
        match self {
            Self::Current => ("ok", "Current", Icon::Check),
            Self::Behind => ("warn", "Behind", Icon::Clock),
            Self::Silent => ("danger", "Silent", Icon::Warning),
            Self::Failing => ("danger", "Error", Icon::Warning),
            Self::New => ("", "Not reported yet", Icon::Dot),
        }
    }
}

/// One gateway as the fleet page shows it. Times are unix milliseconds with their text beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayRow {
    /// `gw_…`.
    pub id: String,
    /// The name given at enrolment.
    pub name: String,
    /// The server's judgement.
    pub state: GatewayState,
    /// Policy version it activated.
    pub policy: Option<u64>,
    /// Policy version it is to run; none before the first publish.
    pub desired: Option<u64>,
    /// Its ring.
    pub ring: String,
    /// Whether it is pinned to that version, whatever its ring runs.
    pub pinned: bool,
    /// Revocation sequence it acknowledged.
    pub revocation_seq: Option<u64>,
    /// When it last reported: unix milliseconds.
    pub last_seen_ms: Option<i64>,
    /// The same as text, `2026-11-23 10:06:12 UTC`; empty when it never reported.
    pub last_seen: String,
    /// The error it reported, as it said it.
    pub error: Option<String>,
    /// The gateway's own version.
    pub version: String,
    /// Whether it is an OPA, which says itself what it is.
    #[serde(default)]
    pub is_opa: bool,
    /// The page that says more of it, from the root of the site.
    #[serde(default)]
    pub href: Option<String>,
    /// Where the reader takes it out of the fleet, from the root of the site: of one that is not heard of, if they may.
    #[serde(default)]
    pub remove: Option<String>,
}

/// The whole page's changing part: the body of `GET /t/{tenant}/fleet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSnapshot {
    /// The newest policy version that any gateway should run; none before the first publish.
    pub desired_policy: Option<u64>,
    /// The tenant's newest revocation sequence.
    pub revocation_seq: u64,
    /// When the server read this: unix milliseconds.
    pub as_of_ms: i64,
    /// The same as text.
    pub as_of: String,
    /// One row for each enrolled gateway.
    pub rows: Vec<GatewayRow>,
}

impl FleetSnapshot {
    /// The page's first sentence: how far the fleet has converged.
    pub fn summary(&self) -> String {
        let total = self.rows.len();
        let current = self.count(GatewayState::Current);
        let Some(policy) = self.desired_policy else {
            return format!("Nothing is published yet, so {} closed.", if total == 1 { "the gateway stays" } else { "gateways stay" });
        };
        if total == 0 {
            return format!("Policy {policy} is live, and no gateway is enrolled to enforce it.");
        }
        let what = if self.rows.iter().all(|row| row.desired == Some(policy)) {
            format!("policy {policy}")
        } else {
            "what they are to run".to_owned()
        };
        let mut text = format!("{current} of {total} run {what} and revocations up to {}.", self.revocation_seq);
        for (state, word) in [
            (GatewayState::Behind, "behind"),
            (GatewayState::Silent, "silent"),
            (GatewayState::Failing, "with an error"),
            (GatewayState::New, "not reported yet"),
        ] {
            let n = self.count(state);
            if n > 0 {
                text.push_str(&format!(" {n} {word}."));
            }
        }
        text
    }

    fn count(&self, state: GatewayState) -> usize {
        self.rows.iter().filter(|row| row.state == state).count()
    }

    fn converged(&self) -> bool {
        self.desired_policy.is_some() && !self.rows.is_empty() && self.count(GatewayState::Current) == self.rows.len()
    }
}

fn number(n: Option<u64>) -> String {
    n.map_or_else(|| "none".to_owned(), |n| n.to_string())
}

/// The version in force, and the one that it is to run where that is another.
fn policy(row: &GatewayRow) -> String {
    match row.desired {
        Some(desired) if row.policy != Some(desired) => format!("{}, to be {desired}", number(row.policy)),
        _ => number(row.policy),
    }
}

fn row(row: GatewayRow, as_of_ms: i64, base: &str) -> AnyView {
    let (tone, word, glyph) = row.state.words();
    let policy = policy(&row);
    let href = row.href.unwrap_or_else(|| format!("{base}/{}", row.id));
    let seen = match row.last_seen_ms {
        Some(ms) => view! { <time datetime=machine_time(&row.last_seen) title=row.last_seen.clone()>{ago(as_of_ms, ms)}</time> }.into_any(),
        None => view! { <span class="muted">"never"</span> }.into_any(),
    };
    let note = match (row.error, row.state) {
        (Some(error), _) => view! { <bdi class="tone-danger">{error}</bdi> }.into_any(),
        (None, GatewayState::Silent) => view! { <span>"keeps its last verified policy; may miss newer revocations"</span> }.into_any(),
        (None, _) if row.is_opa => {
            view! { <span class="muted">{if row.version.is_empty() { "OPA".to_owned() } else { row.version }}</span> }.into_any()
        }
        (None, _) => view! { <span class="muted">{format!("version {}", row.version)}</span> }.into_any(),
    };
    let remove = row.remove.map(|href| view! { " "<a href=href aria-label=format!("Remove {}…", row.name)>"Remove…"</a> });
    let ring = if row.pinned { format!("{}, pinned", row.ring) } else { row.ring };
    view! {
        <tr>
            <th scope="row"><a href=href>{row.name}</a><small class="id">{row.id}</small></th>
            <td data-label="State"><span class=format!("pill {tone}")>{icon(glyph)}<span>{word}</span></span></td>
            <td data-label="Ring">{ring}</td>
            <td class="num" data-label="Policy">{policy}</td>
            <td class="num" data-label="Revocations">{number(row.revocation_seq)}</td>
            <td data-label="Last report">{seen}</td>
            <td data-label="Note"><span>{note}{remove}</span></td>
        </tr>
    }
    .into_any()
}

/// The fleet's table. `url` is where the next [`FleetSnapshot`] comes from.
#[island]
pub fn FleetStatus(url: String, snapshot: FleetSnapshot) -> impl IntoView {
    let (now, set_now) = signal(snapshot);
    let (failed, set_failed) = signal(false);
    let base = url.trim_end_matches(".json").to_owned();
    poll(url, Duration::from_secs(3), set_now, set_failed, |_| false);
    view! {
        <div class="stack">
            <p class=move || if now.with(FleetSnapshot::converged) { "flag ok" } else { "flag" } role="status">
                <span>{move || now.with(FleetSnapshot::summary)}</span>
            </p>
            <div class="card scroll" tabindex="0" role="region" aria-label="Gateways">
                <table class="table cards">
                    <caption>"As each gateway reported what it activated, read " {move || now.with(|s| s.as_of.clone())}
                        <span class="tone-danger">{move || if failed.get() { " · cannot refresh, retrying" } else { "" }}</span></caption>
                    <thead><tr>
                        <th scope="col">"Gateway"</th><th scope="col">"State"</th><th scope="col">"Ring"</th><th scope="col" class="num">"Policy"</th>
                        <th scope="col" class="num">"Revocations"</th><th scope="col">"Last report"</th><th scope="col">"Note"</th>
                    </tr></thead>
                    <tbody>{move || now.with(|s| s.rows.iter().map(|r| row(r.clone(), s.as_of_ms, &base)).collect_view())}</tbody>
                </table>
            </div>
        </div>
    }
}
