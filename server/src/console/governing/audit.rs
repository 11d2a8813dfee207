//! The audit log: finding, reading, exporting.

use super::super::sentences;
use super::{take_back, words};
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::instant::Instant;
use app::page::Nav;
use app::pages::audit as view;
use app::words::Outcome;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDateTime;
use control::evidence::{self, AuditFilter, EventView, Page, Proof};
use control::{Error, Invalid, Permission};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
    actor: String,
    client: String,
    agent: String,
    action: String,
    object: String,
    outcome: String,
    q: String,
    cursor: String,
}

impl Asked {
    fn shown(&self) -> view::Filter {
        let Self { from, to, actor, client, agent, action, object, outcome, q, .. } = self.clone();
        view::Filter { from, to, actor, client, agent, action, object, outcome, q }
    }

    fn pairs(&self) -> [(&'static str, &str); 9] {
        [
            ("from", &self.from),
            ("to", &self.to),
            ("actor", &self.actor),
            ("client", &self.client),
            ("agent", &self.agent),
            ("action", &self.action),
            ("object", &self.object),
            ("outcome", &self.outcome),
            ("q", &self.q),
        ]
    }

    async fn filter(&self, app: &App, caller: &Caller) -> Result<AuditFilter, Error> {
        let text = |value: &str| Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        let time = |field: &'static str, value: &str| match text(value) {
            None => Ok(None),
            Some(value) => ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
                .iter()
                .find_map(|format| NaiveDateTime::parse_from_str(&value, format).ok())
                .map(|at| Some(at.and_utc().timestamp_millis()))
                .ok_or(Invalid { field, reason: "give a time such as 2026-11-23T10:00, in UTC".to_owned() }),
        };
        let (from_ms, until_ms) = match (time("from", &self.from), time("to", &self.to)) {
            (Ok(from), Ok(to)) => (from, to),
            (from, to) => return Err(Error::Invalid(from.err().into_iter().chain(to.err()).collect())),
        };
        let outcome = Outcome::parse(&self.outcome).map(|outcome| if outcome == Outcome::Allowed { "ok" } else { "denied" }.to_owned());
        Ok(AuditFilter {
            from_ms,
            until_ms,
            actor: self.actor(app, caller).await?,
            client: text(&self.client),
            agent: text(&self.agent),
            action: text(&self.action),
            object: text(&self.object),
            outcome,
            text: text(&self.q),
        })
    }

    /// People are filtered by id, and typed by name or address.
    async fn actor(&self, app: &App, caller: &Caller) -> Result<Option<String>, Error> {
        let typed = self.actor.trim();
        if typed.is_empty() || typed.contains('_') {
            return Ok(Some(typed.to_owned()).filter(|typed| !typed.is_empty()));
        }
        let people = app.control().read(&caller.cx).user_names().await?;
        Ok(Some(people.into_iter().find(|user| user.contains(typed)).map_or_else(|| typed.to_owned(), |user| user.id)))
    }
}

/// Events that match.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::ReadAudit)?;
    let filter = asked.filter(&app, &caller).await?;
    let page = Page { before: words::cursor(&asked.cursor), limit: words::PAGE };
    let found = evidence::audit(app.control(), &caller.cx, &filter, &page).await?;
    let nothing = match (&filter, found.checkpoint) {
        (filter, None) if filter.is_everything() => view::Nothing::Never,
        (AuditFilter { from_ms: None, until_ms: None, .. }, _) => view::Nothing::NoMatch,
        _ => view::Nothing::OutsideRange,
    };
    let pager = words::pager("/audit", &asked.pairs(), found.events.len(), found.next);
    let model = view::Model {
        filter: asked.shown(),
        actions: sentences::groups(),
        rows: found.events.into_iter().map(row).collect(),
        nothing,
        checkpoint: found.checkpoint.map(|(size, at_ms)| (u64::try_from(size).unwrap_or_default(), Instant::from_ms(at_ms))),
        log_key: match evidence::log_key(app.control(), &caller.cx).await {
            Ok(key) => Some(key),
            Err(Error::NotFound) => None,
            Err(other) => return Err(other.into()),
        },
        can_export: caller.cx.actor.may(Permission::ExportAudit),
        pager,
    };
    page::show(&app, &caller, StatusCode::OK, "Audit log", Nav::Audit, None, || view::view(model)).await
}

fn row(event: EventView) -> view::Row {
    view::Row {
        at: Instant::from_ms(event.at_ms),
        actor: sentences::actor(&event),
        what: sentences::sentence(&event),
        outcome: outcome(&event),
        id: event.id,
        action: event.action,
        reason: event.reason,
    }
}

fn outcome(event: &EventView) -> Outcome {
    if event.outcome == "ok" { Outcome::Allowed } else { Outcome::Denied }
}

/// What it happened to and the story that it belongs to: by name and id, with the page where there is one.
fn objects(event: &EventView) -> Vec<(String, Option<String>)> {
    let named = |id: &str, name: &str| if id == name { id.to_owned() } else { format!("{name} ({id})") };
    let object = event.object.iter().map(|object| (named(&object.id, &object.name), path_of(&object.id)));
    let story = event.story.iter().filter(|story| event.object.as_ref().is_none_or(|object| object.id != **story));
    object.chain(story.map(|story| (story.clone(), path_of(story)))).collect()
}

/// One event with its proof.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = evidence::event(app.control(), &caller.cx, &id).await?;
    let event = found.event;
    let index = |index: i64| u64::try_from(index).unwrap_or_default();
    let facts = event.details.as_object().into_iter().flatten();
    let model = view::Detail {
        what: sentences::sentence(&event),
        at: Instant::from_ms(event.at_ms),
        actor: sentences::actor(&event),
        outcome: outcome(&event),
        objects: objects(&event),
        facts: facts.map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect(),
        raw: serde_json::from_str::<serde_json::Value>(&found.body)
            .ok()
            .and_then(|body| serde_json::to_string_pretty(&body).ok())
            .unwrap_or(found.body),
        proof: match found.proof {
            Proof::Proven { index: at, size } => view::Proof::Proven { index: index(at), tree_size: index(size) },
            Proof::Waiting => view::Proof::Waiting,
            Proof::Broken { index: at } => view::Proof::Broken { index: index(at) },
        },
        take_back: take_back::offered(&event, &caller.cx),
        id: event.id,
        action: event.action,
        reason: event.reason,
    };
    page::show(&app, &caller, StatusCode::OK, "Event", Nav::Audit, None, || view::detail(model)).await
}

/// The page of an object, where there is one.
fn path_of(id: &str) -> Option<String> {
    let place = match id.split_once('_')?.0 {
        "req" => "requests",
        "grt" => "grants",
        "cli" => "clients",
        "agt" => "agents",
        "srv" => "servers",
        "usr" => "people",
        _ => return None,
    };
    Some(format!("/{place}/{id}"))
}

/// The events that match as a file which proves itself.
pub async fn export(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::ExportAudit)?;
    let filter = asked.filter(&app, &caller).await?;
    let (writer, reader) = tokio::io::duplex(64 * 1024);
    let (control, cx) = (app.control().clone(), caller.cx.clone());
    let name = format!("attachment; filename=\"{}-audit.ndjson\"", cx.tenant);
    tokio::spawn(async move {
        // A file that breaks off has no footer, which the verifier reports.
        if let Err(error) = evidence::export(&control, &cx, &filter, writer).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the export broke off");
        }
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson".to_owned()), (CONTENT_DISPOSITION, name)], Body::from_stream(ReaderStream::new(reader)))
        .into_response())
}
