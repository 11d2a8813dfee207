//! Roles: the list, one role, deleting one.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::SignedIn;
use app::instant::Instant;
use app::page::Nav;
use app::pages::roles as view;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, DeleteRole};
use control::governance;
use control::{Error, Permission};
use policy::ScopeSet;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use store::Scope;

/// How many names a page lists before it only counts.
const NAMED: usize = 20;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    q: String,
}

/// All roles.
pub async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = config::roles(control, cx).await?;
    let live = config::live_roles(control, cx).await?;
    let scopes: BTreeMap<String, Scope> = config::scopes(control, cx).await?.into_iter().map(|scope| (scope.id.clone(), scope)).collect();
    let wanted = asked.q.trim().to_lowercase();
    let rows = found.into_iter().filter(|view| view.role.id.contains(&wanted)).map(|view| view::Row {
        scopes: words::count(view.role.scopes.len()),
        risk: view.role.scopes.iter().map(|name| words::judged(scopes.get(name))).max().map(words::risk),
        groups: view.groups,
        people: words::count(view.people.len()),
        in_draft: live.get(view.role.id.as_str()).map(ScopeSet::to_set).as_ref() != Some(&view.role.scopes.0),
        name: view.role.id,
    });
    let model = view::Model { rows: rows.collect(), q: asked.q, can_edit: cx.actor.may(Permission::WriteConfig) };
    page::show(&app, &caller, StatusCode::OK, "Roles", Nav::Roles, flash, || view::view(model)).await
}

/// One role.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, name)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = config::role(control, cx, &name).await?;
    let live = config::live_roles(control, cx).await?;
    let edit = config::last_edit(control, cx, "role.", &name).await?;
    let tools = words::tools_by_scope(&config::servers(control, cx).await?);
    let known: BTreeMap<String, Scope> = config::scopes(control, cx).await?.into_iter().map(|scope| (scope.id.clone(), scope)).collect();
    let blocked = governance::blocked_scopes(control, cx, &name).await?;
    let scopes = found.role.scopes.iter().map(|name| view::Scope {
        name: name.clone(),
        sentence: words::sentence(known.get(name)),
        risk: words::risk(words::judged(known.get(name))),
        tools: tools.get(name).cloned().unwrap_or_default(),
        blocked: blocked.contains(name),
    });
    let named = if cx.actor.may(Permission::ReadPeople) { NAMED } else { 0 };
    let model = view::Detail {
        scopes: scopes.collect(),
        version: words::number(found.role.version),
        groups: found.groups,
        people_total: words::count(found.people.len()),
        people: found.people.into_iter().take(named).collect(),
        in_draft: live.get(name.as_str()).map(ScopeSet::to_set).as_ref() != Some(&found.role.scopes.0),
        changed: edit.map(|edit| (edit.by, Instant::from_ms(edit.at_ms))),
        can_edit: cx.actor.may(Permission::WriteConfig),
        can_block: cx.actor.may(Permission::Revoke),
        name: found.role.id,
    };
    let title = format!("Role {name}");
    page::show(&app, &caller, StatusCode::OK, &title, Nav::Roles, flash, || view::detail(model)).await
}

/// What deleting it would stop.
pub async fn ask_delete(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let found = config::role(control, cx, &name).await?;
    let reach = config::reach(control, cx).await?;
    let mut lost = BTreeSet::new();
    for user in reach.holders_of_role(&name) {
        let others = reach.scopes_of(reach.roles_of(&user.groups).iter().filter(|role| **role != name));
        lost.extend(found.role.scopes.difference(&others).cloned());
    }
    let model = view::Delete {
        version: words::number(found.role.version),
        groups: found.groups,
        people_total: words::count(found.people.len()),
        lost: lost.into_iter().collect(),
        name: found.role.id,
    };
    page::show(&app, &caller, StatusCode::OK, "Delete a role", Nav::Roles, None, || view::delete(model)).await
}

#[derive(Deserialize)]
pub struct Seen {
    version: i64,
}

/// Deletes it.
pub async fn delete(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, name)): Path<(String, String)>,
    form: Form<Seen>,
) -> Result<Response, Problem> {
    match app.control().run(&caller.cx, DeleteRole { name, version: form.version }).await {
        Ok(()) => Ok(done(&caller.cx, "/roles", "role_deleted")),
        Err(Error::Changed(_)) => {
            let text = "Nothing was deleted: somebody changed the role after you opened this page. Look at it again, then decide.";
            Err(Error::Changed(text.to_owned()).into())
        }
        Err(other) => Err(other.into()),
    }
}
