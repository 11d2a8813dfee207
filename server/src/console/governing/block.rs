//! Blocking and lifting, with what it stops shown before.

use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{FieldError, FormErrors};
use app::page::Nav;
use app::pages::block::{self as view, Kind};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use control::governance::{self, Block};
use control::{Ctx, Error};
use policy::Target;
use serde::Deserialize;
use store::{Agent, Client, Role, Scope, Server, User};

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    kind: String,
    subject: String,
    scope: String,
}

impl Asked {
    /// The scope, where one goes with the subject.
    fn scope(&self) -> Option<String> {
        (Kind::parse(&self.kind) == Some(Kind::RoleScope)).then(|| self.scope.clone())
    }
}

/// What a form's kind and subject mean. Servers are blocked by resource URI; forms may name them by id.
async fn target(app: &App, cx: &Ctx, asked: &Asked) -> Result<(Kind, Target), Error> {
    let kind = Kind::parse(&asked.kind).ok_or(Error::NotFound)?;
    let subject = asked.subject.clone();
    let target = match kind {
        Kind::User => Target::User(subject),
        Kind::Client => Target::Client(subject),
        Kind::Agent => Target::Agent(subject),
        Kind::Server => {
            let by_id = app.control().read(cx).get::<Server>(&subject).await?;
            Target::Server(by_id.map_or(subject, |server| server.resource))
        }
        Kind::RoleScope => Target::RoleScope { role: subject, scope: asked.scope.clone() },
        Kind::Tenant if subject == cx.tenant.as_str() => Target::Tenant,
        Kind::Tenant => return Err(Error::NotFound),
    };
    Ok((kind, target))
}

/// What to block, or what blocking it stops.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    caller.cx.needs(control::Permission::Revoke)?;
    if asked.subject.is_empty() {
        return choose(&app, &caller).await;
    }
    confirm(&app, &caller, &asked, String::new(), FormErrors::default(), StatusCode::OK).await
}

async fn choose(app: &App, caller: &Caller) -> Result<Response, Problem> {
    let db = app.control().read(&caller.cx);
    let users = db.all::<User>().await.map_err(Error::from)?.into_iter().map(|row| (row.id, row.name)).collect();
    let clients = db.all::<Client>().await.map_err(Error::from)?.into_iter().map(|row| (row.id, row.name)).collect();
    let agents = db.all::<Agent>().await.map_err(Error::from)?.into_iter().map(|row| (row.id, row.name)).collect();
    let servers = db.all::<Server>().await.map_err(Error::from)?.into_iter().map(|row| (row.id, row.name)).collect();
    let roles = db.all::<Role>().await.map_err(Error::from)?.into_iter().map(|row| (row.id.clone(), row.id)).collect();
    let scopes = db.all::<Scope>().await.map_err(Error::from)?.into_iter().map(|row| row.id).collect();
    let subjects =
        vec![(Kind::User, users), (Kind::Client, clients), (Kind::Agent, agents), (Kind::Server, servers), (Kind::RoleScope, roles)];
    let model = view::Choose { subjects, scopes, tenant: caller.cx.tenant.to_string() };
    page::show(app, caller, StatusCode::OK, "Block", Nav::Revocations, None, || view::choose(model)).await
}

async fn confirm(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    reason: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (kind, target) = target(app, &caller.cx, asked).await?;
    let stops = governance::blast_radius(app.control(), &caller.cx, &target).await?;
    let model = view::Model {
        kind,
        subject: asked.subject.clone(),
        scope: asked.scope(),
        stops: words::stops(&stops, true),
        name: stops.name,
        warning: stops.is_self.then(|| "This is you. You will be signed out, and somebody else has to lift it.".to_owned()),
        reason,
        errors,
    };
    page::show(app, caller, status, "Block", Nav::Revocations, None, || view::view(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    kind: String,
    subject: String,
    scope: String,
    reason: String,
    confirm: String,
}

/// Blocks.
pub async fn block(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(tenant): Path<String>,
    form: Form<Sent>,
) -> Result<Response, Problem> {
    caller.cx.needs(control::Permission::Revoke)?;
    let Form(sent) = form;
    let asked = Asked { kind: sent.kind, subject: sent.subject, scope: sent.scope };
    let (kind, target) = target(&app, &caller.cx, &asked).await?;
    if kind == Kind::Tenant && sent.confirm.trim() != caller.cx.tenant.as_str() {
        let errors = FormErrors(vec![FieldError { field: "confirm".to_owned(), message: format!("Type {} to confirm", caller.cx.tenant) }]);
        return confirm(&app, &caller, &asked, sent.reason, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    match app.control().run(&caller.cx, Block { target, reason: sent.reason.clone() }).await {
        Ok(entered) => Ok(Redirect::to(&format!("/t/{tenant}/revocations/{}", entered.seq)).into_response()),
        Err(Error::Invalid(invalid)) => {
            confirm(&app, &caller, &asked, sent.reason, words::errors(&invalid, &[]), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// What lifting it allows again.
pub async fn ask_lift(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    lift_page(&app, &caller, &asked, String::new(), FormErrors::default(), StatusCode::OK).await
}

async fn lift_page(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    reason: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    caller.cx.needs(control::Permission::Revoke)?;
    let (kind, target) = target(app, &caller.cx, asked).await?;
    let standing = governance::standing_block(app.control(), &caller.cx, &target).await?;
    let model = view::Lift {
        kind,
        subject: asked.subject.clone(),
        scope: asked.scope(),
        name: standing.subject.name,
        blocked_by: (standing.by.name, standing.reason),
        reason,
        errors,
    };
    page::show(app, caller, status, "Lift a block", Nav::Revocations, None, || view::lift(model)).await
}

/// Lifts.
pub async fn lift(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(tenant): Path<String>,
    form: Form<Sent>,
) -> Result<Response, Problem> {
    caller.cx.needs(control::Permission::Revoke)?;
    let Form(sent) = form;
    let asked = Asked { kind: sent.kind, subject: sent.subject, scope: sent.scope };
    let (_, target) = target(&app, &caller.cx, &asked).await?;
    match governance::lift(app.control(), &caller.cx, &target, sent.reason.clone()).await {
        Ok(_) => Ok(Redirect::to(&format!("/t/{tenant}/revocations")).into_response()),
        Err(Error::Invalid(invalid)) => {
            lift_page(&app, &caller, &asked, sent.reason, words::errors(&invalid, &[]), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}
