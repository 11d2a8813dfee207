//! Writ's own admin roles: who may do what in this console.
//!
//! Forms name a holder as `usr_…` for somebody who signed in, `subject:…` for one who has not yet, and `group:…` for a whole group.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{Choice, FormErrors};
use app::instant::Instant;
use app::page::{Flash, Nav};
use app::pages::admins as view;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, AdminView, RevokeAdmin};
use control::tenancy::{GrantAdmin, Holder};
use control::{AdminRole, Ctx, Error, Permission};
use serde::Deserialize;

/// A holder and a role, as forms and links name them.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Pair {
    person: String,
    role: String,
}

/// How forms name this binding's holder.
fn key(found: &AdminView) -> String {
    match &found.person {
        Some(user) => user.id.clone(),
        None => format!("{}:{}", found.binding.kind, found.binding.value),
    }
}

/// How people read it.
fn name(found: &AdminView) -> String {
    match (&found.person, found.binding.kind.as_str()) {
        (Some(user), _) => words::person(user),
        (None, "group") => format!("everybody in the group {}", found.binding.value),
        (None, _) => format!("{}, who has not signed in yet", found.binding.value),
    }
}

/// All bindings, with the form for another.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    show(&app, &caller, Pair::default(), FormErrors::default(), StatusCode::OK, flash).await
}

async fn show(
    app: &App,
    caller: &Caller,
    chosen: Pair,
    errors: FormErrors,
    status: StatusCode,
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let rows = config::admins(control, cx).await?.into_iter().map(|found| view::Row {
        person_id: key(&found),
        person: name(&found),
        role: page::shown(found.role),
        by: found.by,
        at: Instant::from_ms(found.binding.created_ms),
    });
    let reach = config::reach(control, cx).await?;
    let people = reach.people.iter().map(|user| Choice::new(user.id.clone(), words::person(user)));
    let groups =
        reach.known_groups().into_iter().map(|group| Choice::new(format!("group:{group}"), format!("everybody in the group {group}")));
    let model = view::Model {
        rows: rows.collect(),
        people: people.chain(groups).collect(),
        person: chosen.person,
        role: chosen.role,
        errors,
        can_edit: cx.actor.may(Permission::WriteAdmins),
    };
    page::show(app, caller, status, "Admin roles", Nav::AdminRoles, flash, || view::view(model)).await
}

/// Gives a role.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Pair>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteAdmins)?;
    let errors = match (holder(&app, cx, &sent.person).await?, AdminRole::parse(&sent.role)) {
        (Some(holder), Some(role)) => match control.run(cx, GrantAdmin { holder, role }).await {
            Ok(_) => return Ok(done(cx, "/admin-roles", "admin_given")),
            Err(Error::Invalid(_)) => words::error("person", "choose somebody from the list"),
            Err(Error::Refused { text, .. }) => words::error("person", text),
            Err(other) => return Err(other.into()),
        },
        (None, _) => words::error("person", "choose somebody from the list"),
        (_, None) => words::error("role", "choose a role from the list"),
    };
    show(&app, &caller, sent.0, errors, StatusCode::UNPROCESSABLE_ENTITY, None).await
}

/// Whom a form means; none for nobody that is known.
async fn holder(app: &App, cx: &Ctx, key: &str) -> Result<Option<Holder>, Error> {
    if let Some(group) = key.strip_prefix("group:") {
        return Ok(Some(Holder::Group(group.to_owned())));
    }
    match config::person(app.control(), cx, key).await {
        Ok(found) => Ok(Some(Holder::Subject(found.user.subject))),
        Err(Error::NotFound) => Ok(None),
        Err(other) => Err(other),
    }
}

async fn binding(app: &App, cx: &Ctx, pair: &Pair) -> Result<AdminView, Error> {
    let role = AdminRole::parse(&pair.role).ok_or(Error::NotFound)?;
    let all = config::admins(app.control(), cx).await?;
    all.into_iter().find(|found| found.role == role && key(found) == pair.person).ok_or(Error::NotFound)
}

/// What taking a role would mean.
pub async fn ask_remove(State(app): State<App>, SignedIn(caller): SignedIn, Query(pair): Query<Pair>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteAdmins)?;
    let found = binding(&app, &caller.cx, &pair).await?;
    let own = found.person.as_ref().is_some_and(|user| caller.cx.person().is_ok_and(|me| me == user.id));
    let model = view::Remove { person_id: key(&found), person: name(&found), role: page::shown(found.role), own };
    page::show(&app, &caller, StatusCode::OK, "Take an admin role", Nav::AdminRoles, None, || view::remove(model)).await
}

/// Takes it.
pub async fn remove(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Pair>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteAdmins)?;
    let found = binding(&app, cx, &sent).await?;
    match control.run(cx, RevokeAdmin { binding: found.binding.id }).await {
        // Whoever took their own last role can no longer see this page.
        Ok(()) if found.person.is_some_and(|user| cx.person().is_ok_and(|me| me == user.id)) => Ok(done(cx, "/home", "admin_taken")),
        Ok(()) => Ok(done(cx, "/admin-roles", "admin_taken")),
        Err(Error::Refused { text, .. }) => {
            let errors = words::error("person", text);
            show(&app, &caller, sent.0, errors, StatusCode::UNPROCESSABLE_ENTITY, None).await
        }
        Err(other) => Err(other.into()),
    }
}
