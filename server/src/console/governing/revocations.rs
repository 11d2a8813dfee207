//! What was taken back, and who confirmed it.

use super::{grants, words};
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::instant::{Instant, duration};
use app::page::Nav;
use app::pages::block::{self, Kind};
use app::pages::receipt::{self as view, ReceiptRow, ReceiptSnapshot};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use control::evidence::{self, EventView};
use control::governance::{self, GatewayReceipt, Page, Receipt, RevocationView};
use control::{Ctx, Error, Permission};
use policy::Target;
use serde::Deserialize;
use std::time::Duration;

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
            lift: lift_query(&revocation, cx).filter(|_| revocation.lifted.is_none()),
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
        Target::Token(_) => format!("one access token {name}"),
        Target::Session(_) => format!("one sign-in {name}"),
        Target::Lineage(_) => format!("one connection {name}"),
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

/// What the form that lifts it is asked, for a block.
fn lift_query(revocation: &RevocationView, cx: &Ctx) -> Option<String> {
    let query = |kind, subject: &str| Some(block::query(kind, subject, None));
    match &revocation.target {
        Target::User(id) => query(Kind::User, id),
        Target::Client(id) => query(Kind::Client, id),
        Target::Agent(id) => query(Kind::Agent, id),
        Target::Server(resource) => query(Kind::Server, resource),
        Target::RoleScope { role, scope } => Some(block::query(Kind::RoleScope, role, Some(scope))),
        Target::Tenant => query(Kind::Tenant, cx.tenant.as_str()),
        Target::Token(_) | Target::Session(_) | Target::Lineage(_) | Target::Grant(_) | Target::Subject(_) => None,
    }
}

/// A page of something younger than this waits for the gateways before it is rendered, in milliseconds.
const YOUNG_MS: i64 = 5_000;
/// How long it waits at most: without script it is not rendered a second time by itself.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// A gateway that was not heard of for so long is not waited for, in milliseconds.
const SILENT_AFTER_MS: i64 = 30_000;

/// Which gateways enforce it, and since when. Right after the change it waits a moment for those that are about to confirm.
pub async fn receipt(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, seq)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let seq: i64 = seq.parse().map_err(|_| Error::NotFound)?;
    let found = settled(&app, &caller, seq).await?;
    let story = match found.revocation.target {
        Target::Grant(_) => evidence::story(control, cx, &found.story).await,
        _ => Ok(Vec::new()),
    };
    let story = match story {
        Ok(story) => story,
        // Who may not read it sees the receipt all the same.
        Err(Error::NotFound) => Vec::new(),
        Err(other) => return Err(other.into()),
    };
    let own = |event: &&EventView| event.details["seq"].as_i64() == Some(seq);
    let event_id = story.iter().rev().find(own).map(|event| event.id.clone()).filter(|_| cx.actor.may(Permission::ReadAudit));
    let story = story.into_iter().map(|event| grants::told(event, false)).map(|told| (told.at, told.text, told.good));
    let (revocation, snapshot) = (&found.revocation, snapshot(&found, cx.now_ms));
    let taken = what(revocation);
    let stays = if revocation.is_block { "until somebody lifts it" } else { "until what it takes back has expired" };
    let model = view::Detail {
        seq: u64::try_from(found.seq).unwrap_or_default(),
        what: if found.lifts { format!("the block on {taken}, lifted") } else { taken.clone() },
        by: revocation.by.name.clone(),
        reason: revocation.reason.clone(),
        at: Instant::from_ms(found.at_ms),
        event_id,
        took: vec![("What", taken), ("Stays", stays.to_owned())],
        story: story.collect(),
        can_list: cx.actor.may(Permission::ReadConsole),
        snapshot,
    };
    page::show(&app, &caller, StatusCode::OK, "Receipt", Nav::Revocations, None, || view::detail(model)).await
}

/// What the page's island asks for until every gateway has confirmed.
pub async fn json(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, seq)): Path<(String, String)>) -> Result<Response, Problem> {
    let seq: i64 = seq.parse().map_err(|_| Error::NotFound)?;
    let found = governance::receipt(app.control(), &caller.cx, seq).await?;
    Ok(Json(snapshot(&found, caller.cx.now_ms)).into_response())
}

/// The receipt, after a moment's wait where a gateway is about to confirm: woken by what arrives, not by the clock.
async fn settled(app: &App, caller: &Caller, seq: i64) -> Result<Receipt, Error> {
    let (control, cx) = (app.control(), &caller.cx);
    // Watched before it is read, so that no confirmation falls in between.
    let mut arrivals = control.signals().watch_receipts(&cx.tenant);
    let mut found = governance::receipt(control, cx, seq).await?;
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    while is_about_to_change(&found, cx.now_ms) {
        tokio::select! {
            _ = arrivals.changed() => found = governance::receipt(control, cx, seq).await?,
            () = &mut patience => break,
            () = app.ending().cancelled() => break,
        }
    }
    Ok(found)
}

/// Whether it is worth waiting: the change is young, and a gateway that is heard of has not confirmed it.
fn is_about_to_change(found: &Receipt, now_ms: i64) -> bool {
    let is_heard_of = |gateway: &GatewayReceipt| gateway.seen_ms.is_some_and(|seen| now_ms - seen < SILENT_AFTER_MS);
    now_ms - found.at_ms < YOUNG_MS && found.gateways.iter().any(|gateway| gateway.after_ms.is_none() && is_heard_of(gateway))
}

fn snapshot(found: &Receipt, now_ms: i64) -> ReceiptSnapshot {
    let mut rows: Vec<ReceiptRow> = found.gateways.iter().map(|gateway| row(gateway, now_ms)).collect();
    rows.sort_by_key(|row| row.after_ms.is_none());
    let exposed_until = found.exposed_until_s.map(|at| Instant::from_s(at).text).unwrap_or_default();
    ReceiptSnapshot { lifts: found.lifts, rows, exposed_until }
}

fn row(gateway: &GatewayReceipt, now_ms: i64) -> ReceiptRow {
    let note = match (gateway.after_ms, &gateway.error, gateway.seen_ms) {
        (Some(_), _, _) => "confirmed by its acknowledgement".to_owned(),
        (None, Some(error), _) => format!("refuses what it was sent: {error}"),
        (None, None, Some(seen)) if now_ms - seen < SILENT_AFTER_MS => "has not confirmed yet".to_owned(),
        (None, None, Some(seen)) => format!("has not confirmed; silent for {}", duration((now_ms - seen) / 1000)),
        (None, None, None) => "has never reported".to_owned(),
    };
    ReceiptRow {
        name: gateway.name.clone(),
        policy: gateway.policy_version.and_then(|version| u64::try_from(version).ok()),
        after_ms: gateway.after_ms,
        note,
        last_report: gateway.seen_ms.map(|ms| Instant::from_ms(ms).text).unwrap_or_default(),
    }
}
