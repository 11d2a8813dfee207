//! One MCP server: its tools, binding them, reading them again.

use super::flash::{Flashed, Nothing, done};
use super::{servers, words};
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::Nav;
use app::pages::server as view;
use app::pages::servers::Attempt;
use app::words::Drift;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, BindTool, RefreshTools, ToolView, Unread};
use control::{Error, Permission};
use outbound::catalogue::Annotations;
use serde::Deserialize;
use serde_json::Value;

/// One server.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let found = config::server(app.control(), &caller.cx, &id).await?;
    let mut tools: Vec<view::Tool> = found.tools.iter().map(tool).collect();
    tools.sort_by_key(|tool| match (tool.drift, &tool.scope) {
        (Drift::Changed, _) => 0,
        (Drift::Removed, _) => 3,
        (_, None) => 1,
        (_, Some(_)) => 2,
    });
    let title = format!("MCP server {}", found.server.name);
    let model = view::Model {
        id: found.server.id,
        name: found.server.name,
        resource: found.server.resource,
        upstream: found.server.upstream,
        read: Some(Instant::from_ms(found.server.imported_ms)),
        tools,
        dropped: 0,
        can_edit: caller.cx.actor.may(Permission::WriteConfig),
    };
    page::show(&app, &caller, StatusCode::OK, &title, Nav::Servers, flash, || view::view(model)).await
}

fn tool(found: &ToolView) -> view::Tool {
    let tool = &found.tool;
    view::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        unread: unread(tool),
        hints: hints(&tool.annotations),
        scope: tool.scope.clone(),
        drift: match (tool.present, &tool.reviewed) {
            (0, _) => Drift::Removed,
            (_, None) => Drift::New,
            (_, Some(_)) if found.drifted() => Drift::Changed,
            (_, Some(_)) => Drift::Unchanged,
        },
        changes: if found.read_changed() { changes(found) } else { Vec::new() },
        seen_changed_by: found.seen_changed_by.clone(),
        limits: limits_of(tool),
    }
}

fn unread(tool: &store::Tool) -> view::Unread {
    match config::unread(tool) {
        Unread::Nothing => view::Unread::Nothing,
        Unread::Chars { of, unread } => view::Unread::Chars { of, unread },
        Unread::Unknown => view::Unread::Unknown,
    }
}

fn limits_of(tool: &store::Tool) -> Vec<String> {
    let calls = tool.per_minute.map(|limit| format!("{limit} calls a minute"));
    let arguments = tool.arguments_from.as_deref().map(|from| match from {
        "own" => "arguments must satisfy our own schema".to_owned(),
        _ => "arguments must satisfy the reviewed schema".to_owned(),
    });
    calls.into_iter().chain(arguments).collect()
}

/// What a tool's author claims of it.
fn hints(annotations: &str) -> Vec<String> {
    let claims: Annotations = serde_json::from_str(annotations).unwrap_or_default();
    let said = [
        (claims.read_only, "changes nothing", "changes things"),
        (claims.destructive, "may destroy things", "destroys nothing"),
        (claims.idempotent, "twice is as good as once", "each call counts"),
        (claims.open_world, "reaches outside", "stays inside"),
    ];
    said.into_iter().filter_map(|(claim, yes, no)| claim.map(|claim| if claim { yes } else { no }.to_owned())).collect()
}

/// What differs between the definition that was accepted and the one that is there: what, before, now.
fn changes(found: &ToolView) -> Vec<(String, String, String)> {
    let tool = &found.tool;
    let Some(accepted) = &found.accepted else {
        let before = tool.reviewed.clone().unwrap_or_default();
        return vec![("SHA-256 of the definition".to_owned(), before, tool.digest.clone())];
    };
    let was = |part: &str| accepted[part].as_str().unwrap_or_default().to_owned();
    let mut changes = Vec::new();
    let mut differs = |what: &str, before: String, now: String| {
        if before != now {
            changes.push((what.to_owned(), before, now));
        }
    };
    differs("Description", was("description"), tool.description.clone());
    differs("Arguments", arguments(&was("input_schema")), arguments(&tool.input_schema));
    differs("Claims", hints(&was("annotations")).join(", "), hints(&tool.annotations).join(", "));
    match (changes.is_empty(), was("input_schema") == tool.input_schema) {
        (true, false) => changes.push(("Input schema".to_owned(), was("input_schema"), tool.input_schema.clone())),
        // The digest is over the whole definition, and so sees what is not kept.
        (true, true) => changes.push((
            "Not kept here".to_owned(),
            "a definition that reads the same as far as it was kept".to_owned(),
            "it differs in what Writ does not keep: the end of a long description".to_owned(),
        )),
        (false, _) => {}
    }
    changes
}

/// The names of the arguments that a schema speaks of.
fn arguments(schema: &str) -> String {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let names = schema["properties"].as_object().map(|properties| properties.keys().cloned().collect::<Vec<_>>().join(", "));
    names.filter(|names| !names.is_empty()).unwrap_or_else(|| "none".to_owned())
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    tool: String,
}

/// What binding a tool would open, and to how many.
pub async fn ask_bind(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    bind_page(&app, &caller, &id, &Binding { tool: asked.tool, ..Binding::default() }, FormErrors::default(), StatusCode::OK).await
}

async fn bind_page(
    app: &App,
    caller: &Caller,
    id: &str,
    sent: &Binding,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = config::server(control, cx, id).await?;
    let chosen = found.tools.iter().find(|tool| tool.tool.name == sent.tool && tool.tool.present == 1).ok_or(Error::NotFound)?;
    let reach = config::reach(control, cx).await?;
    let scopes = config::scopes(control, cx).await?.into_iter().map(|scope| view::ScopeChoice {
        sentence: words::sentence(Some(&scope)).unwrap_or_else(|| "Nobody has described this scope yet".to_owned()),
        risk: words::risk(words::judged(Some(&scope))),
        people: words::count(reach.holders_of_scope(&scope.id).count()),
        name: scope.id,
    });
    let schema = serde_json::from_str::<Value>(&chosen.tool.input_schema).and_then(|schema| serde_json::to_string_pretty(&schema));
    let model = view::Bind {
        server_id: found.server.id.clone(),
        server: found.server.name.clone(),
        tool: tool(chosen),
        definition: chosen.tool.digest.clone(),
        schema: schema.unwrap_or_else(|_| chosen.tool.input_schema.clone()),
        scopes: scopes.collect(),
        chosen: sent.scope.clone(),
        errors,
    };
    page::show(app, caller, status, "Bind a tool", Nav::Servers, None, || view::bind(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Binding {
    tool: String,
    scope: Option<String>,
    definition: String,
    accept_unread: String,
}

/// Binds it, or takes the binding away.
pub async fn bind(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    sent: Form<Binding>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let scope = sent.scope.clone().filter(|scope| !scope.is_empty());
    let said = if scope.is_some() { "tool_bound" } else { "tool_unbound" };
    let (tool, definition) = (sent.tool.clone(), sent.definition.clone());
    match control.run(cx, BindTool { server: id.clone(), tool, scope, definition, accept_unread: sent.accept_unread == "yes" }).await {
        Ok(()) => Ok(done(cx, &format!("/servers/{id}"), said)),
        Err(Error::Changed(what)) => bind_page(&app, &caller, &id, &sent, words::error("scope", what), StatusCode::CONFLICT).await,
        Err(Error::Invalid(invalid)) => {
            bind_page(&app, &caller, &id, &sent, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Reads the tools again.
pub async fn refresh(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    _sent: Form<Nothing>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let upstream = config::server(control, cx, &id).await?.server.upstream;
    match servers::read(&app, &upstream).await {
        Ok(tools) => {
            control.run(cx, RefreshTools { server: id.clone(), tools }).await?;
            Ok(done(cx, &format!("/servers/{id}"), "tools_read"))
        }
        Err(error) => servers::failed(&app, &caller, upstream, &error, Attempt::Refresh(id)).await,
    }
}
