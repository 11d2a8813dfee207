//! The inbox, and asking.

use super::super::flash::done;
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{Choice, FormErrors};
use app::instant::Instant;
use app::page::Nav;
use app::pages::requests::{self as view, Tab};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::governance::{self, Page, RequestAccess, RequestView};
use control::{Error, Permission};
use serde::Deserialize;
use std::collections::BTreeSet;
use store::{Agent, Client, Scope, Server};

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    show: String,
    cursor: String,
}

/// What waits for this person, what they asked for, and what was decided.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let reads_all = cx.actor.may(Permission::ReadRequests);
    let fallback = if reads_all { Tab::ToDecide } else { Tab::Mine };
    let tab = Tab::parse(&asked.show).filter(|tab| reads_all || *tab == Tab::Mine).unwrap_or(fallback);
    let page = Page { before: words::cursor(&asked.cursor), limit: words::PAGE };
    let (requests, waiting, next) = match tab {
        Tab::Mine => {
            let (requests, next) = governance::own_requests(control, cx, &page).await?;
            (requests, None, next)
        }
        Tab::ToDecide | Tab::Waiting | Tab::Decided => {
            let shown = match tab {
                Tab::ToDecide => governance::Tab::ToDecide,
                Tab::Waiting => governance::Tab::Waiting,
                Tab::Mine | Tab::Decided => governance::Tab::Closed,
            };
            let inbox = governance::inbox(control, cx, shown, &page).await?;
            (inbox.requests, Some(inbox.waiting), inbox.next)
        }
    };
    let pager = words::pager("/requests", &[("show", &asked.show)], requests.len(), next);
    let model = view::Model {
        tab,
        counts: [waiting.map(|w| w.0), None, waiting.map(|w| w.1), None],
        rows: requests.into_iter().map(row).collect(),
        now: Instant::from_ms(cx.now_ms),
        last: None,
        pager,
    };
    page::show(&app, &caller, StatusCode::OK, "Requests", Nav::Requests, None, || view::view(model)).await
}

fn row(request: RequestView) -> view::Row {
    view::Row {
        through: words::through(&request.client, request.agent.as_ref()),
        id: request.id,
        person: request.person.name,
        scopes: request.scopes.into_iter().collect(),
        server: request.server.name,
        risk: words::risk(request.risk),
        duration_s: request.duration_s,
        state: words::request_state(request.state),
        asked: Instant::from_ms(request.created_ms),
        expires: Instant::from_ms(request.expires_ms),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Where {
    server: String,
}

/// The form.
pub async fn new(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Where>) -> Result<Response, Problem> {
    form(
        &app,
        &caller,
        &asked.server,
        view::Values { duration_s: "3600".to_owned(), ..view::Values::default() },
        FormErrors::default(),
        StatusCode::OK,
    )
    .await
}

async fn form(
    app: &App,
    caller: &Caller,
    server: &str,
    values: view::Values,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let db = app.control().read(&caller.cx);
    let person = caller.cx.person()?;
    let servers = db.all::<Server>().await.map_err(Error::from)?;
    let chosen = match servers.iter().find(|row| row.id == server) {
        Some(server) => Some(chosen(app, caller, server).await?),
        None if server.is_empty() => None,
        None => return Err(Error::NotFound.into()),
    };
    let clients = db.all::<Client>().await.map_err(Error::from)?;
    let agents = db.all::<Agent>().await.map_err(Error::from)?;
    let durations = durations(chosen.iter().flat_map(|chosen| &chosen.scopes).filter(|scope| !scope.held));
    let model = view::New {
        servers: servers.into_iter().map(|server| (server.id, server.name)).collect(),
        chosen,
        clients: clients.into_iter().map(|client| Choice::new(client.id, client.name)).collect(),
        agents: agents.into_iter().filter(|agent| agent.owners.contains(person)).map(|agent| Choice::new(agent.id, agent.name)).collect(),
        durations,
        values,
        errors,
    };
    page::show(app, caller, status, "Ask for access", Nav::NewRequest, None, || view::new(model)).await
}

/// Times that can be had for at least one of these scopes, each with the scopes that it is too long for.
fn durations<'s>(scopes: impl Iterator<Item = &'s view::ScopeChoice> + Clone) -> Vec<(i64, Vec<String>)> {
    let offered = [60, 900, 3600, 4 * 3600, 8 * 3600, 86_400, 7 * 86_400, 30 * 86_400];
    let longest = scopes.clone().map(|scope| scope.max_s).max().unwrap_or_default();
    let without = |s: i64| scopes.clone().filter(|scope| scope.max_s < s).map(|scope| scope.name.clone()).collect();
    offered.into_iter().filter(|s| *s <= longest).map(|s| (s, without(s))).collect()
}

async fn chosen(app: &App, caller: &Caller, server: &Server) -> Result<view::Chosen, Error> {
    let db = app.control().read(&caller.cx);
    let bound: BTreeSet<String> = db.tools_of(&server.id).await?.into_iter().filter_map(|tool| tool.scope).collect();
    let held = governance::scopes_held(app.control(), &caller.cx).await?;
    let mut scopes = Vec::new();
    for name in bound {
        let Some(row) = db.get::<Scope>(&name).await? else { continue };
        let risk = policy::Risk::parse(&row.risk).unwrap_or(policy::Risk::Critical);
        scopes.push(view::ScopeChoice {
            held: held.contains(&name),
            name,
            sentence: row.sentence,
            risk: words::risk(risk),
            max_s: governance::max_duration_s(risk),
        });
    }
    Ok(view::Chosen { id: server.id.clone(), name: server.name.clone(), scopes })
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct New {
    server: String,
    scope: Vec<String>,
    client: String,
    agent: String,
    duration_s: String,
    reason: String,
}

/// Asks.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, form_sent: Form<New>) -> Result<Response, Problem> {
    let Form(sent) = form_sent;
    let request = RequestAccess {
        client: sent.client.clone(),
        agent: Some(sent.agent.clone()).filter(|agent| !agent.is_empty()),
        server: sent.server.clone(),
        scopes: sent.scope.iter().cloned().collect(),
        duration_s: sent.duration_s.parse().unwrap_or(0),
        reason: sent.reason.clone(),
    };
    match app.control().run(&caller.cx, request).await {
        Ok(id) => Ok(done(&caller.cx, &format!("/requests/{id}"), "request_sent")),
        Err(Error::Invalid(invalid)) => {
            let errors = words::errors(&invalid, &[("scopes", "scope")]);
            let values = view::Values {
                scopes: sent.scope,
                client: sent.client,
                agent: sent.agent,
                duration_s: sent.duration_s,
                reason: sent.reason,
            };
            form(&app, &caller, &sent.server, values, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{durations, view};
    use app::words::Risk;

    #[test]
    fn only_times_that_can_be_had_are_offered() {
        let scope =
            |name: &str, max_s| view::ScopeChoice { name: name.into(), sentence: String::new(), risk: Risk::High, max_s, held: false };
        let (day, week) = (86_400, 7 * 86_400);
        let high = [scope("incidents.trigger", day)];
        assert_eq!(durations(high.iter()).last(), Some(&(day, vec![])));
        let mixed = [scope("incidents.trigger", day), scope("logs.read", week)];
        let offered = durations(mixed.iter());
        assert_eq!(offered.last(), Some(&(week, vec!["incidents.trigger".to_owned()])));
        assert!(offered.iter().filter(|(s, _)| *s <= day).all(|(_, without)| without.is_empty()), "{offered:?}");
        assert_eq!(durations([].iter()), []);
    }
}
