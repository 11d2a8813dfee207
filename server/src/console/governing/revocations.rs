//! What was taken back, and who confirmed it.

use super::words;
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::SignedIn;
use app::instant::{Instant, duration};
use app::page::Nav;
use app::pages::receipt as view;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::governance::{self, GatewayReceipt, Page, RevocationView};
use control::{Error, Permission};
use policy::Target;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    cursor: String,
}

/// All revocations, newest first.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let page = Page { before: words::cursor(&asked.cursor), limit: words::PAGE };
    let (found, next) = governance::revocations(control, cx, &page).await?;
    let mut rows = Vec::with_capacity(found.len());
    for revocation in found {
        let receipt = governance::receipt(control, cx, revocation.seq).await?;
        let confirmed = receipt.gateways.iter().filter(|gateway| gateway.after_ms.is_some()).count();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        rows.push(view::Row {
            seq: u64::try_from(revocation.seq).unwrap_or_default(),
            what: what(&revocation),
            block: revocation.is_block,
            lifted: revocation.lifted.map(|(_, at_ms)| Instant::from_ms(at_ms)),
            lift: kind(&revocation.target)
                .filter(|_| revocation.is_block && revocation.lifted.is_none())
                .map(|kind| (kind.to_owned(), subject(&revocation))),
            by: revocation.by.name,
            reason: revocation.reason,
            at: Instant::from_ms(revocation.created_ms),
            confirmed: (count(confirmed), count(receipt.gateways.len())),
        });
    }
    let pager = words::pager("/revocations", &[], rows.len(), next);
    let model = view::Model { rows, can_block: cx.actor.may(Permission::Revoke), pager };
    page::show(&app, &caller, StatusCode::OK, "Revocations", Nav::Revocations, None, || view::view(model)).await
}

/// What a revocation takes, in words.
fn what(revocation: &RevocationView) -> String {
    let name = &revocation.subject.name;
    match &revocation.target {
        Target::Token(_) => format!("one token {name}"),
        Target::Session(_) => format!("one session {name}"),
        Target::Lineage(_) => format!("everything that descends from one code {name}"),
        Target::Grant(_) => format!("grant {name}"),
        Target::Subject(_) => format!("everything issued to {name} before"),
        Target::User(_) => format!("person {name}"),
        Target::Client(_) => format!("client {name}"),
        Target::Agent(_) => format!("agent {name}"),
        Target::Server(_) => format!("MCP server {name}"),
        Target::RoleScope { role, scope } => format!("{scope} as given by the role {role}"),
        Target::Tenant => "everything".to_owned(),
    }
}

/// The block form's word for it, where there is one.
const fn kind(target: &Target) -> Option<&'static str> {
    match target {
        Target::User(_) => Some("user"),
        Target::Client(_) => Some("client"),
        Target::Agent(_) => Some("agent"),
        Target::Server(_) => Some("server"),
        Target::Tenant => Some("tenant"),
        _ => None,
    }
}

fn subject(revocation: &RevocationView) -> String {
    revocation.subject.id.clone()
}

/// Which gateways enforce it, and since when.
pub async fn receipt(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, seq)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let seq: i64 = seq.parse().map_err(|_| Error::NotFound)?;
    let found = governance::receipt(app.control(), &caller.cx, seq).await?;
    let revocation = found.revocation;
    let now_ms = caller.cx.now_ms;
    let mut gateways: Vec<view::Gateway> = found.gateways.into_iter().map(|gateway| gateway_row(gateway, now_ms)).collect();
    gateways.sort_by_key(|gateway| gateway.after_ms.is_none());
    let taken = what(&revocation);
    let model = view::Detail {
        seq: u64::try_from(found.seq).unwrap_or_default(),
        what: if found.lifts { format!("the block on {taken}, lifted") } else { taken.clone() },
        by: revocation.by.name,
        reason: revocation.reason,
        at: Instant::from_ms(found.at_ms),
        event_id: None,
        took: vec![
            ("What", taken),
            (
                "Stays",
                if revocation.is_block { "until somebody lifts it".to_owned() } else { "until what it takes back has expired".to_owned() },
            ),
        ],
        story: Vec::new(),
        gateways,
        exposed_until: found.exposed_until_s.map(Instant::from_s),
    };
    page::show(&app, &caller, StatusCode::OK, "Receipt", Nav::Revocations, None, || view::detail(model)).await
}

fn gateway_row(gateway: GatewayReceipt, now_ms: i64) -> view::Gateway {
    let note = match (gateway.after_ms, &gateway.error, gateway.seen_ms) {
        (Some(_), _, _) => "confirmed by its acknowledgement".to_owned(),
        (None, Some(error), _) => format!("refuses what it was sent: {error}"),
        (None, None, Some(seen)) => format!("has not confirmed; silent for {}", duration((now_ms - seen) / 1000)),
        (None, None, None) => "has never reported".to_owned(),
    };
    view::Gateway {
        name: gateway.name,
        policy: gateway.policy_version.and_then(|version| u64::try_from(version).ok()),
        after_ms: gateway.after_ms,
        last_seen: gateway.seen_ms.map(Instant::from_ms),
        note,
    }
}
