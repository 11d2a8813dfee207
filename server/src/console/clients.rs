//! OAuth clients: IDEs and apps through which people call.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::{Flash, Nav};
use app::pages::clients as view;
use app::words::Trust;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, ClientView, EditClient, RegisterClient};
use control::{Error, Permission};
use serde::Deserialize;
use std::collections::BTreeSet;
use store::Client;
use url::Url;

/// All clients.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    let rows = config::clients(app.control(), &caller.cx).await?.into_iter().map(|found| view::Row {
        redirect_hosts: hosts(&found.client.redirect_uris),
        trust: trust(&found),
        id: found.client.id,
        name: found.client.name,
        class: found.client.class,
        people: found.people,
        seen: found.seen_ms.map(Instant::from_ms),
    });
    let model = view::Model { rows: rows.collect(), can_edit: caller.cx.actor.may(Permission::WriteConfig) };
    page::show(&app, &caller, StatusCode::OK, "Clients", Nav::Clients, flash, || view::view(model)).await
}

fn hosts(uris: &[String]) -> Vec<String> {
    let hosts: BTreeSet<String> = uris.iter().filter_map(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned)).collect();
    hosts.into_iter().collect()
}

const fn trust(found: &ClientView) -> Trust {
    if found.blocked { Trust::Blocked } else { Trust::Registered }
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    version: u64,
    name: String,
    redirect_uris: String,
    class: String,
    ceiling: String,
}

impl Sent {
    fn of(client: &Client) -> Self {
        Self {
            version: config::client_version(client),
            name: client.name.clone(),
            redirect_uris: words::joined(client.redirect_uris.iter()),
            class: client.class.clone(),
            ceiling: words::joined(client.ceiling.iter().flatten()),
        }
    }

    fn registration(&self) -> RegisterClient {
        RegisterClient {
            name: self.name.clone(),
            redirect_uris: words::lines(&self.redirect_uris),
            class: self.class.clone(),
            ceiling: words::ceiling(&self.ceiling),
        }
    }

    async fn form(self, app: &App, caller: &Caller, errors: FormErrors) -> Result<view::Form, Error> {
        let classes = config::classes(app.control(), &caller.cx, "client").await?.into_iter().map(words::choice).collect();
        let Self { name, redirect_uris, class, ceiling, .. } = self;
        Ok(view::Form { name, redirect_uris, class, ceiling, classes, errors })
    }
}

/// The form for a new one.
pub async fn new(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    let form = Sent { class: "ide".to_owned(), ..Sent::default() }.form(&app, &caller, FormErrors::default()).await?;
    new_page(&app, &caller, form, StatusCode::OK).await
}

async fn new_page(app: &App, caller: &Caller, form: view::Form, status: StatusCode) -> Result<Response, Problem> {
    page::show(app, caller, status, "Register a client", Nav::Clients, None, || view::new(form)).await
}

/// Registers it.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, sent: csrf::Form<Sent>) -> Result<Response, Problem> {
    match app.control().run(&caller.cx, sent.registration()).await {
        Ok(id) => Ok(done(&caller.cx, &format!("/clients/{id}"), "client_registered")),
        Err(Error::Invalid(invalid)) => {
            let form = sent.0.form(&app, &caller, words::errors(&invalid)).await?;
            new_page(&app, &caller, form, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// One client.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let found = config::client(app.control(), &caller.cx, &id).await?;
    let stands = Sent::of(&found.client);
    detail(&app, &caller, found, stands, FormErrors::default(), StatusCode::OK, flash).await
}

async fn detail(
    app: &App,
    caller: &Caller,
    found: ClientView,
    sent: Sent,
    errors: FormErrors,
    status: StatusCode,
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let form = match caller.cx.actor.may(Permission::WriteConfig) {
        true => Some(sent.form(app, caller, errors).await?),
        false => None,
    };
    let title = format!("Client {}", found.client.name);
    let model = view::Detail {
        version: config::client_version(&found.client),
        trust: trust(&found),
        created: Instant::from_ms(found.client.created_ms),
        seen: found.seen_ms.map(Instant::from_ms),
        people: found.people,
        form,
        redirect_uris: found.client.redirect_uris.0,
        ceiling: found.ceiling.into_iter().flatten().collect(),
        id: found.client.id,
        name: found.client.name,
    };
    page::show(app, caller, status, &title, Nav::Clients, flash, || view::detail(model)).await
}

/// Saves an edit. One that came second keeps what was typed, and says what the first one saved.
pub async fn save(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    sent: csrf::Form<Sent>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let edit = EditClient { id: id.clone(), version: sent.version, to: sent.registration() };
    let (errors, status) = match control.run(cx, edit).await {
        Ok(()) => return Ok(done(cx, &format!("/clients/{id}"), "client_saved")),
        Err(Error::Invalid(invalid)) => (words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Changed(_)) => {
            let now = Sent::of(&config::client(control, cx, &id).await?.client);
            let by = words::who(config::last_edit(control, cx, "client.", &id).await?.as_ref(), cx);
            let fields = [
                ("name", &now.name, &sent.name),
                ("redirect_uris", &now.redirect_uris, &sent.redirect_uris),
                ("class", &now.class, &sent.class),
                ("ceiling", &now.ceiling, &sent.ceiling),
            ];
            (words::differences(&by, &fields), StatusCode::CONFLICT)
        }
        Err(other) => return Err(other.into()),
    };
    let found = config::client(control, cx, &id).await?;
    detail(&app, &caller, found, sent.0, errors, status, None).await
}
