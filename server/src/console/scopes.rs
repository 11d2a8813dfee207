//! Scopes: what each lets people do, and how much harm it can do.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::page::Nav;
use app::pages::scopes as view;
use app::words::Risk;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, EditScope};
use control::{Error, Permission, governance};
use serde::Deserialize;
use store::Scope;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    q: String,
    risk: String,
}

/// All scopes.
pub async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let (reach, tools) = (config::reach(control, cx).await?, words::tools_by_scope(&config::servers(control, cx).await?));
    let (text, only) = (asked.q.trim().to_lowercase(), Risk::parse(&asked.risk));
    let wanted = |scope: &Scope| {
        let fits = scope.id.contains(&text) || scope.sentence.to_lowercase().contains(&text);
        fits && only.is_none_or(|only| words::risk(words::judged(Some(scope))) == only)
    };
    let rows = config::scopes(control, cx).await?.into_iter().filter(wanted).map(|scope| {
        let risk = words::judged(Some(&scope));
        view::Row {
            sentence: words::sentence(Some(&scope)),
            risk: words::risk(risk),
            max_grant_s: governance::max_duration_s(risk),
            tools: words::count(tools.get(&scope.id).map_or(0, Vec::len)),
            roles: reach.roles_with(&scope.id),
            name: scope.id,
        }
    });
    let can_edit = cx.actor.may(Permission::WriteConfig);
    let model = view::Model { rows: rows.collect(), risk: only, q: asked.q, can_edit };
    page::show(&app, &caller, StatusCode::OK, "Scopes", Nav::Scopes, flash, || view::view(model)).await
}

async fn row(app: &App, caller: &Caller, name: &str) -> Result<Scope, Error> {
    config::scopes(app.control(), &caller.cx).await?.into_iter().find(|scope| scope.id == name).ok_or(Error::NotFound)
}

/// One scope.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let scope = row(&app, &caller, &name).await?;
    let sent = Sent { version: scope.version, sentence: words::sentence(Some(&scope)).unwrap_or_default(), risk: scope.risk.clone() };
    form(&app, &caller, scope, sent, None, FormErrors::default(), StatusCode::OK).await
}

async fn form(
    app: &App,
    caller: &Caller,
    scope: Scope,
    sent: Sent,
    changed_by: Option<String>,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let reach = config::reach(control, cx).await?;
    let tools = words::tools_by_scope(&config::servers(control, cx).await?);
    let risk = policy::Risk::parse(&sent.risk).unwrap_or_else(|| words::judged(Some(&scope)));
    // Both follow from the risk, so there is one of each to choose.
    let (max_grant_s, token_life_s) = (governance::max_duration_s(risk), risk.token_life());
    let model = view::Edit {
        version: words::number(sent.version),
        sentence: sent.sentence,
        risk: words::risk(risk),
        max_grant_s,
        max_grants_s: vec![max_grant_s],
        token_life_s,
        token_lives_s: vec![token_life_s],
        tools: tools.get(&scope.id).cloned().unwrap_or_default(),
        roles: reach.roles_with(&scope.id),
        people: words::count(reach.holders_of_scope(&scope.id).count()),
        changed_by,
        errors,
        can_edit: cx.actor.may(Permission::WriteConfig),
        name: scope.id,
    };
    let title = format!("Scope {}", model.name);
    page::show(app, caller, status, &title, Nav::Scopes, None, || view::edit(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    version: i64,
    sentence: String,
    risk: String,
}

/// Saves it.
pub async fn save(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, name)): Path<(String, String)>,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let scope = row(&app, &caller, &name).await?;
    let Some(risk) = policy::Risk::parse(&sent.risk) else {
        let errors = words::error("risk", "choose how much harm it can do");
        return form(&app, &caller, scope, sent.0, None, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let edit = EditScope {
        name: name.clone(),
        sentence: sent.sentence.clone(),
        risk,
        max_auth_age: scope.max_auth_age,
        acr: scope.acr.clone(),
        version: sent.version,
    };
    match control.run(cx, edit).await {
        Ok(()) => Ok(done(cx, "/scopes", "scope_saved")),
        Err(Error::Invalid(invalid)) => {
            form(&app, &caller, scope, sent.0, None, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Changed(_)) => {
            let by = words::who(config::last_edit(control, cx, "scope.edit", &name).await?.as_ref(), cx);
            let scope = row(&app, &caller, &name).await?;
            let newest =
                Sent { version: scope.version, sentence: words::sentence(Some(&scope)).unwrap_or_default(), risk: scope.risk.clone() };
            form(&app, &caller, scope, newest, Some(by), FormErrors::default(), StatusCode::CONFLICT).await
        }
        Err(other) => Err(other.into()),
    }
}
