//! Assignments: which group of the identity provider gets which role.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::{Flash, Nav};
use app::pages::assignments as view;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, MapGroup, UnmapGroup};
use control::{Error, Permission};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A group and a role, as forms and links name them.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Pair {
    group: String,
    role: String,
}

/// All assignments, with the form for another.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    show(&app, &caller, Pair::default(), FormErrors::default(), StatusCode::OK, flash).await
}

async fn show(
    app: &App,
    caller: &Caller,
    typed: Pair,
    errors: FormErrors,
    status: StatusCode,
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let reach = config::reach(app.control(), &caller.cx).await?;
    let mut rows: Vec<view::Row> = reach
        .mappings
        .iter()
        .map(|mapping| view::Row {
            people: words::count(reach.members_of(&mapping.group_name).count()),
            seen: reach.members_of(&mapping.group_name).map(|user| user.signed_in_ms).max().map(Instant::from_ms),
            group: mapping.group_name.clone(),
            role: mapping.role.clone(),
        })
        .collect();
    rows.sort_by(|a, b| (&a.group, &a.role).cmp(&(&b.group, &b.role)));
    let model = view::Model {
        rows,
        seen_groups: reach.seen_groups().into_iter().collect(),
        unseen_groups: reach.unseen_groups().into_iter().collect(),
        roles: reach.roles.keys().cloned().collect(),
        group: typed.group,
        role: typed.role,
        errors,
        can_edit: caller.cx.actor.may(Permission::WriteConfig),
    };
    page::show(app, caller, status, "Assignments", Nav::Assignments, flash, || view::view(model)).await
}

/// Gives a group a role.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Pair>) -> Result<Response, Problem> {
    match app.control().run(&caller.cx, MapGroup { group: sent.group.clone(), role: sent.role.clone() }).await {
        Ok(()) => Ok(done(&caller.cx, "/assignments", "assigned")),
        Err(Error::Invalid(invalid)) => show(&app, &caller, sent.0, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY, None).await,
        Err(other) => Err(other.into()),
    }
}

/// What taking it away would stop.
pub async fn ask_remove(State(app): State<App>, SignedIn(caller): SignedIn, Query(pair): Query<Pair>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    let reach = config::reach(app.control(), &caller.cx).await?;
    if !reach.mappings.iter().any(|row| row.group_name == pair.group && row.role == pair.role) {
        return Err(Error::NotFound.into());
    }
    let given = reach.roles.get(&pair.role).cloned().unwrap_or_default();
    let (mut people, mut lost) = (0, BTreeSet::new());
    for user in reach.losers(&pair.group, &pair.role) {
        people += 1;
        let others = reach.scopes_of(reach.roles_of(&user.groups).iter().filter(|role| **role != pair.role));
        lost.extend(given.difference(&others).cloned());
    }
    let model = view::Remove { group: pair.group, role: pair.role, people, lost: lost.into_iter().collect() };
    page::show(&app, &caller, StatusCode::OK, "Remove an assignment", Nav::Assignments, None, || view::remove(model)).await
}

/// Takes it away.
pub async fn remove(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Pair>) -> Result<Response, Problem> {
    app.control().run(&caller.cx, UnmapGroup { group: sent.group.clone(), role: sent.role.clone() }).await?;
    Ok(done(&caller.cx, "/assignments", "unassigned"))
}
