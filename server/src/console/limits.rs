//! Limits: of one tool, and of everything by one principal.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::page::Nav;
use app::pages::limits as view;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, Arguments, EditLimits, LimitTool, ToolView};
use control::{Error, Invalid, Permission};
use policy::{Limits, RateLimit};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    tool: String,
}

/// One tool's limits.
pub async fn ask_tool(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    tool_page(&app, &caller, &id, &asked.tool, None, StatusCode::OK).await
}

/// What was typed, and what is wrong with it.
type Typed<'t> = (&'t OfTool, FormErrors);

async fn tool_page(
    app: &App,
    caller: &Caller,
    id: &str,
    name: &str,
    typed: Option<Typed<'_>>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let found = config::server(app.control(), &caller.cx, id).await?;
    let chosen = found.tools.iter().find(|tool| tool.tool.name == name && tool.tool.present == 1).ok_or(Error::NotFound)?;
    let ToolView { tool, .. } = chosen;
    let own = tool.arguments_from.as_deref() == Some("own");
    let kept = || OfTool {
        tool: tool.name.clone(),
        version: tool.version,
        arguments: tool.arguments_from.clone().unwrap_or_else(|| "any".to_owned()),
        schema: if own { tool.arguments.as_deref().map(pretty).unwrap_or_default() } else { String::new() },
        per_minute: tool.per_minute.map(|limit| limit.to_string()).unwrap_or_default(),
    };
    let (shown, errors) = typed.map_or_else(|| (kept(), FormErrors::default()), |(typed, errors)| (typed.clone(), errors));
    let model = view::Tool {
        server_id: found.server.id.clone(),
        server: found.server.name.clone(),
        tool: tool.name.clone(),
        version: words::number(shown.version),
        arguments: view::Arguments::parse(&shown.arguments).unwrap_or(view::Arguments::Any),
        schema: shown.schema,
        reviewed: (tool.reviewed.as_ref() == Some(&tool.digest)).then(|| pretty(&tool.input_schema)),
        per_minute: shown.per_minute,
        changed: status == StatusCode::CONFLICT,
        errors,
    };
    page::show(app, caller, status, "Limits of a tool", Nav::Servers, None, || view::tool(model)).await
}

fn pretty(schema: &str) -> String {
    let value = serde_json::from_str::<Value>(schema).and_then(|schema| serde_json::to_string_pretty(&schema));
    value.unwrap_or_else(|_| schema.to_owned())
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct OfTool {
    tool: String,
    version: i64,
    arguments: String,
    schema: String,
    per_minute: String,
}

impl OfTool {
    fn read(&self, server: &str) -> Result<LimitTool, Error> {
        let arguments = match view::Arguments::parse(&self.arguments) {
            Some(view::Arguments::Any) => Arguments::Any,
            Some(view::Arguments::Reviewed) => Arguments::Reviewed,
            Some(view::Arguments::Own) => Arguments::Own(self.schema.trim().to_owned()),
            None => return Err(Error::invalid("arguments", "choose what arguments must satisfy")),
        };
        let per_minute = config::per_minute("per_minute", &self.per_minute)?;
        Ok(LimitTool { server: server.to_owned(), tool: self.tool.clone(), version: self.version, arguments, per_minute })
    }
}

/// Saves them.
pub async fn save_tool(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    sent: Form<OfTool>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let saved = match sent.read(&id) {
        Ok(limit) => control.run(cx, limit).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(done(cx, &format!("/servers/{id}"), "tool_limited")),
        Err(Error::Invalid(invalid)) => {
            let typed = Some((&*sent, words::errors(&invalid)));
            tool_page(&app, &caller, &id, &sent.tool, typed, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Changed(_)) => tool_page(&app, &caller, &id, &sent.tool, None, StatusCode::CONFLICT).await,
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct OfEveryone {
    version: u64,
    subject: String,
    client: String,
    agent: String,
}

impl OfEveryone {
    fn of(limits: &Limits) -> Self {
        let shown = |limit: Option<RateLimit>| limit.map(|limit| limit.per_minute.to_string()).unwrap_or_default();
        Self {
            version: config::limits_version(limits),
            subject: shown(limits.subject),
            client: shown(limits.client),
            agent: shown(limits.agent),
        }
    }

    fn read(&self) -> Result<Limits, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let mut one = |field, given: &str| match config::per_minute(field, given) {
            Ok(limit) => limit.map(|per_minute| RateLimit { per_minute }),
            Err(Error::Invalid(invalid)) => {
                wrong.extend(invalid);
                None
            }
            Err(_) => None,
        };
        let limits =
            Limits { subject: one("subject", &self.subject), client: one("client", &self.client), agent: one("agent", &self.agent) };
        if wrong.is_empty() { Ok(limits) } else { Err(wrong) }
    }
}

/// Everybody's limits.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    let shown = OfEveryone::of(&config::limits(app.control(), &caller.cx).await?);
    everyone_page(&app, &caller, shown, FormErrors::default(), flash, StatusCode::OK).await
}

async fn everyone_page(
    app: &App,
    caller: &Caller,
    shown: OfEveryone,
    errors: FormErrors,
    flash: Option<app::page::Flash>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let mut tools = Vec::new();
    for found in config::servers(app.control(), &caller.cx).await? {
        for ToolView { tool, .. } in found.tools {
            if let Some(limit) = tool.per_minute.filter(|_| tool.present == 1) {
                tools.push((found.server.id.clone(), found.server.name.clone(), tool.name, words::number(limit)));
            }
        }
    }
    let model = view::Everyone {
        version: shown.version,
        subject: shown.subject,
        client: shown.client,
        agent: shown.agent,
        tools,
        changed: status == StatusCode::CONFLICT,
        errors,
        can_edit: caller.cx.actor.may(Permission::WriteConfig),
    };
    page::show(app, caller, status, "Limits", Nav::Servers, flash, || view::everyone(model)).await
}

/// Saves them.
pub async fn save(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<OfEveryone>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let limits = match sent.read() {
        Ok(limits) => limits,
        Err(wrong) => {
            return everyone_page(&app, &caller, (*sent).clone(), words::errors(&wrong), None, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    match control.run(cx, EditLimits { limits, version: sent.version }).await {
        Ok(()) => Ok(done(cx, "/limits", "limits_saved")),
        Err(Error::Changed(_)) => {
            let newest = OfEveryone::of(&config::limits(control, cx).await?);
            everyone_page(&app, &caller, newest, FormErrors::default(), None, StatusCode::CONFLICT).await
        }
        Err(other) => Err(other.into()),
    }
}
