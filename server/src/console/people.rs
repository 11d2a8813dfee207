//! People, as their identity provider shows them.

use super::words;
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::SignedIn;
use app::components::Pager;
use app::instant::Instant;
use app::page::{Nav, encode};
use app::pages::people as view;
use app::words::{AdminRole, Risk};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::Permission;
use control::config::{self, PersonView};
use control::governance::{self, GrantFilter, GrantIs, Page};
use serde::Deserialize;
use std::collections::BTreeMap;
use store::Scope;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    q: String,
    cursor: usize,
}

const PAGE: usize = 50;

/// Everybody who has signed in, by name.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let (found, total) = config::people(app.control(), &caller.cx, asked.q.trim(), asked.cursor, PAGE).await?;
    let rows: Vec<view::Row> = found.into_iter().map(row).collect();
    let (from, to) = (asked.cursor, asked.cursor + rows.len());
    let at = |cursor: usize| format!("/people?q={}&cursor={cursor}", encode(&asked.q));
    let pager = Pager {
        shown: if rows.is_empty() { String::new() } else { format!("{} to {to} of {total}", from + 1) },
        previous: (from > 0).then(|| at(from.saturating_sub(PAGE))),
        next: (to < total).then(|| at(to)),
    };
    let model = view::Model { q: asked.q, rows, pager };
    page::show(&app, &caller, StatusCode::OK, "People", Nav::People, None, || view::view(model)).await
}

fn row(found: PersonView) -> view::Row {
    let user = found.user;
    view::Row {
        id: user.id,
        name: user.name,
        email: user.email.unwrap_or_default(),
        email_verified: user.email_verified == 1,
        groups: user.groups.0,
        roles: found.roles,
        admin_roles: found.admin_roles.into_iter().map(page::shown).collect(),
        signed_in: Some(Instant::from_ms(user.signed_in_ms)),
    }
}

/// One person.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = config::person(control, cx, &id).await?;
    let may = |permission| cx.actor.may(permission);
    let mut scopes = Vec::new();
    let mut agents = Vec::new();
    if may(Permission::ReadConfig) {
        let known: BTreeMap<String, Scope> =
            config::scopes(control, cx).await?.into_iter().map(|scope| (scope.id.clone(), scope)).collect();
        let reach = config::reach(control, cx).await?;
        for role in &found.roles {
            scopes.extend(reach.scopes_of([role]).into_iter().map(|scope| held(&known, scope, format!("role {role}"))));
        }
        if may(Permission::ReadRequests) {
            let filter = GrantFilter { user: Some(id.clone()), state: Some(GrantIs::Active), now_s: cx.now_s(), ..GrantFilter::default() };
            for grant in governance::grants(control, cx, &filter, &Page::first(100)).await?.0 {
                let from = format!("grant {} through {}", grant.id, grant.client.name);
                scopes.extend(grant.scopes.into_iter().map(|scope| held(&known, scope, from.clone())));
            }
        }
        let all = config::agents(control, cx).await?.into_iter();
        agents = all.filter(|agent| agent.agent.owners.contains(&id)).map(|agent| (agent.agent.id, agent.agent.name)).collect();
    }
    let user = found.user;
    let model = view::Detail {
        email: user.email.unwrap_or_default(),
        email_verified: user.email_verified == 1,
        idp: (user.issuer, user.subject),
        groups: user.groups.0,
        roles: found.roles,
        admin_roles: found.admin_roles.into_iter().map(page::shown).collect::<Vec<AdminRole>>(),
        scopes,
        agents,
        signed_in: Some(Instant::from_ms(user.signed_in_ms)),
        can_block: may(Permission::Revoke),
        id: user.id,
        name: user.name,
    };
    let title = model.name.clone();
    page::show(&app, &caller, StatusCode::OK, &title, Nav::People, None, || view::detail(model)).await
}

fn held(known: &BTreeMap<String, Scope>, scope: String, from: String) -> (String, String, Risk, String) {
    let row = known.get(&scope);
    let sentence = words::sentence(row).unwrap_or_else(|| "Nobody has described this scope yet.".to_owned());
    (scope, sentence, words::risk(words::judged(row)), from)
}
