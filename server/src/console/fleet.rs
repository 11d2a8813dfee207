//! Gateways: what each should run, what each says it runs, and enrolling another.

use super::flash::Flashed;
use super::gateway::removal_path;
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::Nav;
use app::pages::fleet::{self as view, FleetSnapshot, GatewayRow, GatewayState};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use control::delivery::{self, CreateEnrolment, Fleet, GatewayView, Standing, TOKEN_LIFE_S};
use control::{Ctx, Error, Permission};
use serde::Deserialize;

fn snapshot(cx: &Ctx, fleet: Fleet) -> FleetSnapshot {
    FleetSnapshot {
        desired_policy: fleet.desired_version.map(words::number),
        revocation_seq: words::number(fleet.revocation_seq),
        as_of_ms: fleet.as_of_ms,
        as_of: Instant::from_ms(fleet.as_of_ms).text,
        rows: fleet.gateways.into_iter().map(|gateway| row(cx, gateway)).collect(),
    }
}

pub(super) fn row(cx: &Ctx, gateway: GatewayView) -> GatewayRow {
    let unheard = matches!(gateway.standing, Standing::Silent | Standing::New) && cx.actor.may(Permission::WriteFleet);
    // A batch of decisions that does not follow the last one is as bad as an error of the gateway's own.
    let gap = gateway.gap_seq.map(|seq| format!("its decisions have a gap: batch {seq} does not follow batch {}", gateway.batch_seq));
    let error = gateway.error.map(|(code, text)| format!("{code}: {text}")).or(gap);
    GatewayRow {
        state: match gateway.standing {
            Standing::Current if error.is_some() => GatewayState::Failing,
            Standing::Current => GatewayState::Current,
            Standing::Behind => GatewayState::Behind,
            Standing::Silent => GatewayState::Silent,
            Standing::Failing => GatewayState::Failing,
            Standing::New => GatewayState::New,
        },
        is_opa: gateway.is_opa,
        href: gateway.is_opa.then(|| format!("/t/{}/fleet/opa/{}", cx.tenant, gateway.id)),
        remove: unheard.then(|| format!("/t/{}{}", cx.tenant, removal_path(gateway.is_opa, &gateway.id))),
        id: gateway.id,
        name: gateway.name,
        policy: gateway.policy_version.map(words::number),
        desired: gateway.desired_version.map(words::number),
        ring: gateway.ring,
        pinned: gateway.pinned_until_s.is_some(),
        revocation_seq: gateway.revocation_seq.map(words::number),
        last_seen_ms: gateway.seen_ms,
        last_seen: gateway.seen_ms.map(|ms| Instant::from_ms(ms).text).unwrap_or_default(),
        error,
        version: gateway.software,
    }
}

/// The fleet.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    let fleet = delivery::fleet(app.control(), &caller.cx).await?;
    let model = view::Model { snapshot: snapshot(&caller.cx, fleet), can_enrol: caller.cx.actor.may(Permission::WriteFleet) };
    page::show(&app, &caller, StatusCode::OK, "Fleet", Nav::Fleet, flash, || view::view(model)).await
}

/// What the page's island asks for again and again.
pub async fn json(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    Ok(Json(snapshot(&caller.cx, delivery::fleet(app.control(), &caller.cx).await?)).into_response())
}

/// The form for another gateway.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteFleet)?;
    form(&app, &caller, view::Enrol::default(), StatusCode::OK).await
}

async fn form(app: &App, caller: &Caller, model: view::Enrol, status: StatusCode) -> Result<Response, Problem> {
    page::show(app, caller, status, "Enrol a gateway", Nav::Fleet, None, || view::enrol(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    name: String,
}

/// Makes a token and shows it, this once.
pub async fn enrol(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let name = sent.name.trim().to_owned();
    let errors: FormErrors = match control.run(cx, CreateEnrolment { name: name.clone() }).await {
        Ok(token) => {
            let issuer = control.parts().issuer(&cx.tenant);
            let command = format!("WRIT_ENROL_TOKEN={token} writ-gateway run --control-plane {issuer} --name {name} --data ./{name}");
            let expires = Instant::from_ms(cx.now_ms + TOKEN_LIFE_S * 1000);
            let model = view::Token { name, token, command, life_s: TOKEN_LIFE_S, expires };
            return page::show(&app, &caller, StatusCode::OK, "Enrolment token", Nav::Fleet, None, || view::token(model)).await;
        }
        Err(Error::Invalid(invalid)) => words::errors(&invalid),
        Err(Error::Refused { text, .. }) => words::error("name", text),
        Err(other) => return Err(other.into()),
    };
    form(&app, &caller, view::Enrol { name, errors }, StatusCode::UNPROCESSABLE_ENTITY).await
}
