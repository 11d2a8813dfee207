//! One gateway: pinning it, taking it out of the fleet.

use super::flash::{Flashed, Nothing, done};
use super::{bundle, fleet, rings, words};
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::{Flash, Nav};
use app::pages::gateway as view;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config;
use control::delivery::rollout::{PinGateway, UnpinGateway};
use control::delivery::{self, GatewayDetail, RemoveGateway};
use control::{Error, Permission};
use serde::Deserialize;
use std::collections::BTreeMap;

const DAY_S: i64 = 24 * 3600;
/// Offered for how long to pin, days.
const OFFERED_DAYS: i64 = 7;

/// What the page shows beside what is so.
#[derive(Default)]
struct Typed {
    flash: Option<Flash>,
    sent: Option<Sent>,
    errors: FormErrors,
}

/// The gateway.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    show(&app, &caller, &id, Typed { flash, ..Typed::default() }, StatusCode::OK).await
}

async fn show(app: &App, caller: &Caller, id: &str, typed: Typed, status: StatusCode) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let GatewayDetail { view: gateway, labels, members, ring_version, pin, decided, runnable, as_of_ms } =
        delivery::gateway(control, cx, id).await?;
    let people: BTreeMap<String, String> = config::reach(control, cx).await?.people.into_iter().map(|user| (user.id, user.name)).collect();
    let offered = || Sent {
        version: pin.as_ref().map_or_else(|| ring_version.to_string(), |pin| pin.version.to_string()),
        until: Instant::from_ms(as_of_ms + OFFERED_DAYS * DAY_S * 1000).date().to_owned(),
        reason: String::new(),
    };
    let sent = typed.sent.unwrap_or_else(offered);
    let row = fleet::row(cx, gateway.clone());
    let model = view::Model {
        id: gateway.id,
        name: gateway.name,
        state: row.state,
        runs: row.policy,
        desired: row.desired,
        ring: (gateway.ring, rings::who(&members), Some(ring_version).filter(|version| *version > 0)),
        labels: labels.into_iter().collect(),
        seen: gateway.seen_ms.map(Instant::from_ms),
        enrolled: Instant::from_ms(gateway.enrolled_ms),
        error: row.error,
        software: gateway.software,
        decided: decided.into_iter().rev().map(|(version, tally)| (version, tally.allowed, tally.denied)).collect(),
        pin: pin.as_ref().map(|pin| view::Pin {
            version: words::number(pin.version),
            until: Instant::from_s(pin.until_s),
            over: pin.until_s * 1000 <= as_of_ms,
            reason: pin.reason.clone(),
            by: bundle::by(&people, &pin.created_by),
            at: Instant::from_ms(pin.created_ms),
        }),
        versions: runnable,
        can_pin: cx.actor.may(Permission::WriteRollouts),
        remove: cx.actor.may(Permission::WriteFleet).then(|| removal_path(gateway.is_opa, id)),
        typed: (sent.version, sent.until, sent.reason),
        errors: typed.errors,
    };
    page::show(app, caller, status, "Gateway", Nav::Fleet, typed.flash, || view::view(model)).await
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    version: String,
    until: String,
    reason: String,
}

/// Pins it.
pub async fn pin(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let cx = &caller.cx;
    cx.needs(Permission::WriteRollouts)?;
    let asked = || {
        let until = Instant::from_date(sent.until.trim()).ok_or_else(|| Error::invalid("until", "use a date, such as 2026-12-31"))?;
        let version = sent.version.parse().map_err(|_| Error::invalid("version", "choose a policy"))?;
        Ok(PinGateway { gateway: id.clone(), version, until_s: until.ms / 1000 + DAY_S, reason: sent.reason.clone() })
    };
    let pinned = match asked() {
        Ok(pin) => app.control().run(cx, pin).await,
        Err(error) => Err(error),
    };
    match pinned {
        Ok(()) => Ok(done(cx, &format!("/fleet/{id}"), "pinned")),
        Err(Error::Invalid(invalid)) => {
            let typed = Typed { sent: Some(sent.0), errors: words::errors(&invalid), flash: None };
            show(&app, &caller, &id, typed, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Has it run its ring's policy again.
pub async fn unpin(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    _: Form<Sent>,
) -> Result<Response, Problem> {
    match app.control().run(&caller.cx, UnpinGateway { gateway: id.clone() }).await {
        Ok(()) => Ok(done(&caller.cx, &format!("/fleet/{id}"), "unpinned")),
        Err(Error::Refused { text, .. }) => {
            let typed = Typed { errors: words::error("version", text), ..Typed::default() };
            show(&app, &caller, &id, typed, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Where a gateway, or an OPA, is taken out of the fleet; below the tenant.
pub(super) fn removal_path(is_opa: bool, id: &str) -> String {
    if is_opa { format!("/fleet/opa/{id}/remove") } else { format!("/fleet/{id}/remove") }
}

/// Asks before it is removed.
pub async fn ask_remove(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let found = delivery::removal(app.control(), &caller.cx, &id).await?;
    let row = fleet::row(&caller.cx, found.view);
    let model = view::Remove {
        id: row.id,
        name: row.name,
        state: row.state,
        seen: row.last_seen_ms.map(Instant::from_ms),
        confirmed: row.revocation_seq,
        newest_seq: words::number(found.newest_seq),
        holds_up: found.holds_up,
        pin: found.pin.map(|pin| (words::number(pin.version), Instant::from_s(pin.until_s))),
    };
    page::show(&app, &caller, StatusCode::OK, "Remove a gateway", Nav::Fleet, None, || view::remove(model)).await
}

/// Takes it out of the fleet.
pub async fn remove(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    // Of our own only: an OPA has an address of its own for this.
    let found = delivery::removal(app.control(), &caller.cx, &id).await?;
    app.control().run(&caller.cx, RemoveGateway { id: found.view.id }).await?;
    Ok(done(&caller.cx, "/fleet", "gateway_removed"))
}
