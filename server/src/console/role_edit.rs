//! Making and editing a role; two edits at once are shown side by side.

use super::flash::done;
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::{Nav, encode};
use app::pages::role_edit as view;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, CreateRole, EditRole};
use control::{Error, Permission};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The fields as they were sent.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    name: String,
    version: i64,
    scope: Vec<String>,
    more_scopes: String,
}

impl Sent {
    fn scopes(&self) -> BTreeSet<String> {
        self.scope.iter().cloned().chain(words::lines(&self.more_scopes)).collect()
    }
}

/// The form for a new role.
pub async fn new(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    form(&app, &caller, None, Sent::default(), FormErrors::default(), StatusCode::OK).await
}

/// The form for one that is there.
pub async fn edit(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    let found = config::role(app.control(), &caller.cx, &name).await?;
    let stands = Sent { version: found.role.version, scope: found.role.scopes.iter().cloned().collect(), ..Sent::default() };
    form(&app, &caller, Some(name), stands, FormErrors::default(), StatusCode::OK).await
}

async fn form(
    app: &App,
    caller: &Caller,
    role: Option<String>,
    sent: Sent,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let reach = config::reach(control, cx).await?;
    let known = config::scopes(control, cx).await?;
    let scopes = known.iter().map(|scope| view::Scope {
        name: scope.id.clone(),
        sentence: words::sentence(Some(scope)),
        risk: words::risk(words::judged(Some(scope))),
        ticked: sent.scope.contains(&scope.id),
    });
    let people = role.as_deref().map_or(0, |role| words::count(reach.holders_of_role(role).count()));
    let title = role.as_deref().map_or_else(|| "New role".to_owned(), |role| format!("Edit {role}"));
    let model = view::Model {
        scopes: scopes.collect(),
        role,
        name: sent.name,
        version: words::number(sent.version),
        more_scopes: sent.more_scopes,
        people,
        errors,
    };
    page::show(app, caller, status, &title, Nav::Roles, None, || view::view(model)).await
}

/// Makes a role.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let name = sent.name.trim().to_owned();
    match app.control().run(&caller.cx, CreateRole { name: name.clone(), scopes: sent.scopes() }).await {
        Ok(()) => Ok(done(&caller.cx, &format!("/roles/{}", encode(&name)), "role_saved")),
        Err(Error::Invalid(invalid)) => form(&app, &caller, None, sent.0, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(other) => Err(other.into()),
    }
}

/// Saves an edit, or shows it beside the one that came first.
pub async fn save(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, name)): Path<(String, String)>,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    match control.run(cx, EditRole { name: name.clone(), scopes: sent.scopes(), version: sent.version }).await {
        Ok(()) => Ok(done(cx, &format!("/roles/{}", encode(&name)), "role_saved")),
        Err(Error::Invalid(invalid)) => {
            form(&app, &caller, Some(name), sent.0, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Changed(_)) => {
            let found = config::role_conflict(control, cx, &name, sent.version).await?;
            let model = view::Conflict {
                role: name,
                version: words::number(found.theirs.version),
                base: found.base.into_iter().collect(),
                at: Instant::from_ms(found.theirs.updated_ms),
                theirs: found.theirs.scopes.0.into_iter().collect(),
                by: found.by,
                yours: sent.scopes().into_iter().collect(),
            };
            page::show(&app, &caller, StatusCode::CONFLICT, "Two edits of one role", Nav::Roles, None, || view::conflict(model)).await
        }
        Err(other) => Err(other.into()),
    }
}
