//! Importing a role file: paste, look, save.

use super::flash::done;
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::page::Nav;
use app::pages::role_import as view;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, ImportRoleFile};
use control::{Error, Invalid, Permission};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    yaml: String,
    digest: String,
}

/// The form.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    form(&app, &caller, view::Model::default(), StatusCode::OK).await
}

async fn form(app: &App, caller: &Caller, model: view::Model, status: StatusCode) -> Result<Response, Problem> {
    page::show(app, caller, status, "Import roles", Nav::Roles, None, || view::view(model)).await
}

/// What would change. Nothing is saved.
pub async fn preview(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    show(&app, &caller, sent.0.yaml, StatusCode::OK).await
}

async fn show(app: &App, caller: &Caller, yaml: String, status: StatusCode) -> Result<Response, Problem> {
    let found = match config::preview(app.control(), &caller.cx, &yaml).await {
        Err(Error::Invalid(invalid)) => return faulty(app, caller, yaml, &invalid).await,
        found => found?,
    };
    let reach = config::reach(app.control(), &caller.cx).await?;
    let changes = found.changes.into_iter().map(|(role, gains, loses, new)| view::Change {
        people: words::count(reach.holders_of_role(&role).count()),
        role,
        new,
        gains,
        loses,
    });
    let model = view::Preview {
        changes: changes.collect(),
        yaml,
        digest: found.digest,
        unchanged: words::count(found.unchanged),
        new_scopes: found.new_scopes.into_iter().map(|(scope, _)| scope).collect(),
    };
    page::show(app, caller, status, "Check the import", Nav::Roles, None, || view::preview(model)).await
}

async fn faulty(app: &App, caller: &Caller, yaml: String, invalid: &[Invalid]) -> Result<Response, Problem> {
    let reason = invalid.first().map_or("", |invalid| invalid.reason.as_str());
    let (line, message) = match reason.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((line, message)) => (line.parse().ok(), message),
        None => (None, reason),
    };
    let model = view::Model { fault: Some(view::Fault { line, message: message.to_owned() }), yaml };
    form(app, caller, model, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// Saves what the preview showed.
pub async fn apply(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let import = ImportRoleFile { yaml: sent.yaml.clone(), digest: Some(sent.digest.clone()) };
    match app.control().run(&caller.cx, import).await {
        Ok(_) => Ok(done(&caller.cx, "/roles", "roles_imported")),
        Err(Error::Invalid(invalid)) => faulty(&app, &caller, sent.0.yaml, &invalid).await,
        Err(Error::Changed(_)) => show(&app, &caller, sent.0.yaml, StatusCode::CONFLICT).await,
        Err(other) => Err(other.into()),
    }
}
