//! Mending an MCP server's name and address, and removing it.

use super::flash::done;
use super::{servers, words};
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::page::Nav;
use app::pages::server_edit as view;
use app::pages::servers::Attempt;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, EditServer, RemoveServer};
use control::{Error, Permission};
use serde::Deserialize;
use std::collections::BTreeSet;
use store::Server;

/// The fields as they were sent.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    version: u64,
    name: String,
    upstream: String,
}

impl Sent {
    fn of(server: &Server) -> Self {
        Self { version: config::server_version(server), name: server.name.clone(), upstream: server.upstream.clone() }
    }

    fn trimmed(&self) -> Self {
        Self { version: self.version, name: self.name.trim().to_owned(), upstream: self.upstream.trim().to_owned() }
    }
}

/// What was sent, or stands, as the form shows it. It is the newest state that a second try is compared with.
fn model(server: &Server, sent: Sent, errors: FormErrors) -> view::Model {
    view::Model {
        id: server.id.clone(),
        title: server.name.clone(),
        resource: server.resource.clone(),
        version: config::server_version(server),
        name: sent.name,
        upstream: sent.upstream,
        errors,
    }
}

/// The form.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, id)): Path<(String, String)>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    let server = config::server(app.control(), &caller.cx, &id).await?.server;
    form(&app, &caller, &server, Sent::of(&server), FormErrors::default(), StatusCode::OK).await
}

async fn form(
    app: &App,
    caller: &Caller,
    server: &Server,
    sent: Sent,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let model = model(server, sent, errors);
    page::show(app, caller, status, "Edit an MCP server", Nav::Servers, None, || view::view(model)).await
}

/// Saves an edit. A new address is called first, and its tools are read: all of it is saved or nothing.
pub async fn save(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    // Before anything is called: whoever may not edit a server may not make Writ call one either.
    cx.needs(Permission::WriteConfig)?;
    let sent = sent.trimmed();
    let all = config::servers(control, cx).await?;
    let (this, others): (Vec<Server>, Vec<Server>) = all.into_iter().map(|found| found.server).partition(|server| server.id == id);
    let server = this.into_iter().next().ok_or(Error::NotFound)?;
    if config::server_version(&server) != sent.version {
        return meanwhile(&app, &caller, &server, sent).await;
    }
    if let Err(Error::Invalid(invalid)) = config::check_edit(&server, &sent.name, &sent.upstream, &others) {
        return form(&app, &caller, &server, sent, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let moved = sent.upstream != server.upstream;
    let tools = match moved {
        true => match servers::read(&app, &sent.upstream).await {
            Ok(tools) => Some(tools),
            Err(error) => {
                let upstream = sent.upstream.clone();
                let attempt = Attempt::Edit(model(&server, sent, FormErrors::default()));
                return servers::failed(&app, &caller, upstream, &error, attempt).await;
            }
        },
        false => None,
    };
    let (name, upstream) = (sent.name.clone(), sent.upstream.clone());
    match control.run(cx, EditServer { server: id.clone(), version: sent.version, name, upstream, tools }).await {
        Ok(()) => Ok(done(cx, &format!("/servers/{id}"), if moved { "server_moved" } else { "server_saved" })),
        Err(Error::Invalid(invalid)) => form(&app, &caller, &server, sent, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(Error::Changed(_)) => {
            let server = config::server(control, cx, &id).await?.server;
            meanwhile(&app, &caller, &server, sent).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The form of an edit that came second: what was typed, and what the first one saved.
async fn meanwhile(app: &App, caller: &Caller, server: &Server, sent: Sent) -> Result<Response, Problem> {
    let now = Sent::of(server);
    let edit = config::last_edit(app.control(), &caller.cx, "server.edit", &server.id).await?;
    let by = words::who(edit.as_ref(), &caller.cx);
    let errors = words::differences(&by, &[("name", &now.name, &sent.name), ("upstream", &now.upstream, &sent.upstream)]);
    form(app, caller, server, sent, errors, StatusCode::CONFLICT).await
}

/// What removing it would stop.
pub async fn ask_remove(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = config::server_removal(control, cx, &id).await?;
    let reach = config::reach(control, cx).await?;
    let scopes: BTreeSet<&String> = found.tools.iter().filter_map(|(_, scope)| scope.as_ref()).collect();
    let people: BTreeSet<&String> = scopes.iter().flat_map(|scope| reach.holders_of_scope(scope)).map(|user| &user.id).collect();
    let model = view::Remove {
        version: found.version,
        tools: words::count(found.tools.len()),
        bound: found.tools.iter().filter_map(|(tool, scope)| Some(format!("{tool}: {}", scope.as_ref()?))).collect(),
        people: words::count(people.len()),
        grants: found.grants,
        grants_path: cx.actor.may(Permission::ReadRequests).then(|| "/grants?state=active".to_owned()),
        requests: found.requests,
        blocked: found.blocked,
        live: found.live,
        id: found.server.id,
        name: found.server.name,
        resource: found.server.resource,
    };
    page::show(&app, &caller, StatusCode::OK, "Remove an MCP server", Nav::Servers, None, || view::remove(model)).await
}

#[derive(Deserialize)]
pub struct Seen {
    version: u64,
}

/// Removes it.
pub async fn remove(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    form: Form<Seen>,
) -> Result<Response, Problem> {
    match app.control().run(&caller.cx, RemoveServer { server: id, version: form.version }).await {
        Ok(()) => Ok(done(&caller.cx, "/servers", "server_removed")),
        Err(Error::Changed(_)) => {
            let text =
                "Nothing was removed: somebody changed the server or its tools after you opened this page. Look at it again, then decide.";
            Err(Error::Changed(text.to_owned()).into())
        }
        Err(other) => Err(other.into()),
    }
}
