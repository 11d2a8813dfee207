//! MCP servers: the list, registering one, and reading its tools.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::Nav;
use app::pages::servers as view;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, ImportedTool, RegisterServer};
use control::{Error, Permission};
use outbound::catalogue::{self, Bounds, ImportError};
use serde::Deserialize;
use url::Url;

/// All servers.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    let rows = config::servers(app.control(), &caller.cx).await?.into_iter().map(|found| {
        let present = || found.tools.iter().filter(|tool| tool.tool.present == 1);
        view::Row {
            tools: words::count(present().count()),
            unbound: words::count(present().filter(|tool| tool.tool.scope.is_none()).count()),
            drifted: words::count(present().filter(|tool| tool.drifted()).count()),
            read: Some(Instant::from_ms(found.server.imported_ms)),
            id: found.server.id,
            name: found.server.name,
            resource: found.server.resource,
        }
    });
    let model = view::Model { rows: rows.collect(), can_edit: caller.cx.actor.may(Permission::WriteConfig) };
    page::show(&app, &caller, StatusCode::OK, "MCP servers", Nav::Servers, flash, || view::view(model)).await
}

/// The form.
pub async fn new(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    form(&app, &caller, Sent::default(), FormErrors::default(), StatusCode::OK).await
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    name: String,
    resource: String,
    upstream: String,
}

impl Sent {
    fn trimmed(&self) -> Self {
        Self { name: self.name.trim().to_owned(), resource: self.resource.trim().to_owned(), upstream: self.upstream.trim().to_owned() }
    }
}

async fn typed(app: &App, caller: &Caller, sent: Sent, errors: FormErrors) -> Result<view::New, Error> {
    // Where the others are is where the next one will be.
    let others = config::servers(app.control(), &caller.cx).await?;
    let known = others.iter().find_map(|found| found.server.resource.strip_suffix(&format!("/{}", found.server.name)));
    let start = known.unwrap_or(if app.secure() { "https://gateway.example.com/mcp" } else { "http://127.0.0.1:7500/mcp" });
    Ok(view::New { name: sent.name, resource: sent.resource, upstream: sent.upstream, resource_prefix: format!("{start}/"), errors })
}

async fn form(app: &App, caller: &Caller, sent: Sent, errors: FormErrors, status: StatusCode) -> Result<Response, Problem> {
    let model = typed(app, caller, sent, errors).await?;
    page::show(app, caller, status, "Register a server", Nav::Servers, None, || view::new(model)).await
}

/// Connects, reads the tools, and registers the server with them: all of it or nothing.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    // Before anything is called: whoever may not register a server may not make Writ call one either.
    cx.needs(Permission::WriteConfig)?;
    let sent = sent.trimmed();
    let others = config::servers(control, cx).await?;
    let checked = config::check_server(&sent.name, &sent.resource, &sent.upstream, others.iter().map(|found| &found.server));
    if let Err(Error::Invalid(invalid)) = checked {
        return form(&app, &caller, sent, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let tools = match read(&app, &sent.upstream).await {
        Ok(tools) => tools,
        Err(error) => {
            let upstream = sent.upstream.clone();
            let typed = typed(&app, &caller, sent, FormErrors::default()).await?;
            return failed(&app, &caller, upstream, &error, view::Attempt::Register(typed)).await;
        }
    };
    let register = RegisterServer { name: sent.name.clone(), resource: sent.resource.clone(), upstream: sent.upstream.clone(), tools };
    match control.run(cx, register).await {
        Ok(id) => Ok(done(cx, &format!("/servers/{id}"), "server_registered")),
        Err(Error::Invalid(invalid)) => form(&app, &caller, sent, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(other) => Err(other.into()),
    }
}

/// A server's tools as it shows them now, bounded and made visible.
pub(super) async fn read(app: &App, upstream: &str) -> Result<Vec<ImportedTool>, ImportError> {
    let address = Url::parse(upstream).map_err(|error| ImportError::Protocol(error.to_string()))?;
    let found = catalogue::import(app.outbound(), &address, None, &Bounds::default()).await?;
    let text = |value: serde_json::Result<String>| value.map_err(|error| ImportError::Protocol(error.to_string()));
    let mut tools = Vec::with_capacity(found.tools.len());
    for tool in found.tools {
        tools.push(ImportedTool {
            input_schema: text(serde_json::to_string(&tool.input_schema))?,
            annotations: text(serde_json::to_string(&tool.annotations))?,
            name: tool.name,
            description: tool.description,
            description_chars: tool.description_chars,
            description_unread: tool.description_unread,
            digest: tool.definition_digest,
        });
    }
    Ok(tools)
}

/// The page after a server could not be read.
pub(super) async fn failed(
    app: &App,
    caller: &Caller,
    upstream: String,
    error: &ImportError,
    attempt: view::Attempt,
) -> Result<Response, Problem> {
    let model = view::Failed {
        upstream,
        title: "The server's tools could not be read".to_owned(),
        detail: error.to_string(),
        remedy: vec![error.remedy().to_owned()],
        code: error.code().to_owned(),
        attempt,
    };
    page::show(app, caller, StatusCode::BAD_GATEWAY, "Tools not read", Nav::Servers, None, || view::failed(model)).await
}
