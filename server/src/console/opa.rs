//! OPAs of the fleet: adding one, what it needs to run, what it runs, taking it out.

use super::flash::{Flashed, Nothing, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{FormErrors, Icon};
use app::instant::Instant;
use app::page::Nav;
use app::pages::opa as view;
use app::words::{Labelled, Tone};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::delivery::opa::{EnrolOpa, NewToken, Paths, PrintConfiguration, opa};
use control::delivery::{RemoveGateway, Standing};
use control::{Error, Permission};
use serde::Deserialize;

/// Where an OPA's machine is assumed to have the token, and to keep bundles. Whoever wants them elsewhere changes two lines.
const TOKEN_PATH: &str = "/etc/opa/writ.token";
const STATE_FOLDER: &str = "/var/lib/opa";

/// The form for another OPA.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteFleet)?;
    form(&app, &caller, view::Enrol::default(), StatusCode::OK).await
}

async fn form(app: &App, caller: &Caller, model: view::Enrol, status: StatusCode) -> Result<Response, Problem> {
    page::show(app, caller, status, "Add an OPA", Nav::Fleet, None, || view::enrol(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    name: String,
}

/// Takes an OPA into the fleet and shows what it needs, this once.
pub async fn enrol(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let name = sent.name.trim().to_owned();
    let errors: FormErrors = match app.control().run(&caller.cx, EnrolOpa { name: name.clone() }).await {
        Ok(enrolled) => return ready(&app, &caller, enrolled.id, enrolled.name, Some(enrolled.token)).await,
        Err(Error::Invalid(invalid)) => words::errors(&invalid),
        Err(Error::Refused { text, .. }) => words::error("name", text),
        Err(other) => return Err(other.into()),
    };
    form(&app, &caller, view::Enrol { name, errors }, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn ready(app: &App, caller: &Caller, id: String, name: String, token: Option<String>) -> Result<Response, Problem> {
    let paths = Paths { token: TOKEN_PATH.to_owned(), state: STATE_FOLDER.to_owned() };
    let config = app.control().run(&caller.cx, PrintConfiguration { client: id.clone(), paths }).await?;
    let model = view::Ready { id, name, token, token_path: TOKEN_PATH.to_owned(), config };
    page::show(app, caller, StatusCode::OK, "An OPA's configuration", Nav::Fleet, None, || view::ready(model)).await
}

const fn state(standing: Standing) -> Labelled {
    match standing {
        Standing::Current => (Tone::Ok, Icon::Check, "Current"),
        Standing::Behind => (Tone::Warn, Icon::Clock, "Behind"),
        Standing::Silent => (Tone::Danger, Icon::Warning, "Silent"),
        Standing::Failing => (Tone::Danger, Icon::Warning, "Error"),
        Standing::New => (Tone::Neutral, Icon::Dot, "Not reported yet"),
    }
}

/// One OPA.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, client)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let opa = opa(app.control(), &caller.cx, &client).await?;
    let name = opa.gateway.name.clone();
    let model = view::Model {
        id: opa.gateway.id,
        name: opa.gateway.name,
        state: state(opa.gateway.standing),
        policy: opa.gateway.policy_version.map(words::number),
        desired: opa.desired_version.map(words::number),
        revocation_seq: opa.gateway.revocation_seq.map(words::number),
        newest_seq: words::number(opa.revocation_seq),
        added: Instant::from_ms(opa.gateway.enrolled_ms),
        seen: opa.gateway.seen_ms.map(Instant::from_ms),
        software: opa.gateway.software,
        refused_policy: opa.refused_policy,
        refused_revocations: opa.refused_revocations,
        tokens: opa.tokens.iter().map(|token| (Instant::from_ms(token.created_ms), token.used_ms.map(Instant::from_ms))).collect(),
        pins_old_key: opa.pins_old_key,
        policy_awaits: opa.policy_awaits,
        can_edit: caller.cx.actor.may(Permission::WriteFleet),
    };
    page::show(&app, &caller, StatusCode::OK, &name, Nav::Fleet, flash, || view::view(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Again {
    at_once: String,
}

/// Makes another token and shows it, this once.
pub async fn token(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, client)): Path<(String, String)>,
    sent: Form<Again>,
) -> Result<Response, Problem> {
    let made = app.control().run(&caller.cx, NewToken { client, at_once: sent.at_once == "yes" }).await?;
    ready(&app, &caller, made.id, made.name, Some(made.token)).await
}

/// Shows the configuration with the keys that sign now.
pub async fn config(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, client)): Path<(String, String)>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    let known = opa(app.control(), &caller.cx, &client).await?;
    ready(&app, &caller, known.gateway.id, known.gateway.name, None).await
}

/// Asks before it is removed.
pub async fn ask_remove(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, client)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteFleet)?;
    let known = opa(app.control(), &caller.cx, &client).await?;
    let model = view::Remove { id: known.gateway.id, name: known.gateway.name };
    page::show(&app, &caller, StatusCode::OK, "Remove an OPA", Nav::Fleet, None, || view::remove(model)).await
}

/// Takes it out of the fleet.
pub async fn remove(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, client)): Path<(String, String)>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    // Of this kind only: a gateway of our own is not removed from here.
    let known = opa(app.control(), &caller.cx, &client).await?;
    app.control().run(&caller.cx, RemoveGateway { id: known.gateway.id }).await?;
    Ok(done(&caller.cx, "/fleet", "opa_removed"))
}
