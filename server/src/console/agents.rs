//! Agents: programs that act for people.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{Choice, FormErrors};
use app::instant::Instant;
use app::page::{Flash, Nav};
use app::pages::agents as view;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::config::{self, AgentView, EditAgent, RegisterAgent};
use control::{Error, Permission};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use store::Agent;
use token::PublicJwk;

/// All agents.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    let rows = config::agents(app.control(), &caller.cx).await?.into_iter().map(|found| view::Row {
        id: found.agent.id,
        name: found.agent.name,
        owners: found.owners.into_iter().map(|(_, name)| name).collect(),
        class: found.agent.class,
        active: found.why_not.is_none(),
        seen: found.seen_ms.map(Instant::from_ms),
    });
    let model = view::Model { rows: rows.collect(), can_edit: caller.cx.actor.may(Permission::WriteConfig) };
    page::show(&app, &caller, StatusCode::OK, "Agents", Nav::Agents, flash, || view::view(model)).await
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    version: u64,
    name: String,
    owner: String,
    class: String,
    ceiling: String,
    jwks: String,
}

impl Sent {
    fn of(agent: &Agent) -> Self {
        Self {
            version: config::agent_version(agent),
            name: agent.name.clone(),
            owner: agent.owners.first().cloned().unwrap_or_default(),
            class: agent.class.clone(),
            ceiling: words::joined(agent.ceiling.iter().flatten()),
            jwks: agent.public_key.clone(),
        }
    }

    /// The form names one owner. Others that the agent has stay while that one does.
    fn registration(&self, old: Option<&Agent>) -> RegisterAgent {
        let kept = old.map(|agent| &agent.owners.0).filter(|owners| owners.contains(&self.owner));
        let owners = kept
            .cloned()
            .unwrap_or_else(|| Some(self.owner.clone()).filter(|owner| !owner.is_empty()).into_iter().collect::<BTreeSet<_>>());
        RegisterAgent {
            name: self.name.clone(),
            class: self.class.clone(),
            owners,
            jwks: self.jwks.clone(),
            ceiling: words::ceiling(&self.ceiling),
        }
    }

    async fn form(self, app: &App, caller: &Caller, errors: FormErrors) -> Result<view::Form, Error> {
        let (control, cx) = (app.control(), &caller.cx);
        let classes = config::classes(control, cx, "agent").await?.into_iter().map(words::choice).collect();
        let people =
            config::reach(control, cx).await?.people.iter().map(|user| Choice::new(user.id.clone(), words::person(user))).collect();
        let Self { name, owner, class, ceiling, jwks, .. } = self;
        Ok(view::Form { name, owner, people, class, classes, ceiling, jwks, errors })
    }
}

/// The form for a new one.
pub async fn new(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::WriteConfig)?;
    let form = Sent { class: "assistant".to_owned(), ..Sent::default() }.form(&app, &caller, FormErrors::default()).await?;
    new_page(&app, &caller, form, StatusCode::OK).await
}

async fn new_page(app: &App, caller: &Caller, form: view::Form, status: StatusCode) -> Result<Response, Problem> {
    page::show(app, caller, status, "Register an agent", Nav::Agents, None, || view::new(form)).await
}

/// Registers it.
pub async fn create(State(app): State<App>, SignedIn(caller): SignedIn, sent: csrf::Form<Sent>) -> Result<Response, Problem> {
    match app.control().run(&caller.cx, sent.registration(None)).await {
        Ok(id) => Ok(done(&caller.cx, &format!("/agents/{id}"), "agent_registered")),
        Err(Error::Invalid(invalid)) => {
            let form = sent.0.form(&app, &caller, words::errors(&invalid)).await?;
            new_page(&app, &caller, form, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// One agent.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let found = config::agent(app.control(), &caller.cx, &id).await?;
    let stands = Sent::of(&found.agent);
    detail(&app, &caller, found, stands, FormErrors::default(), StatusCode::OK, flash).await
}

async fn detail(
    app: &App,
    caller: &Caller,
    found: AgentView,
    sent: Sent,
    errors: FormErrors,
    status: StatusCode,
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let form = match caller.cx.actor.may(Permission::WriteConfig) {
        true => Some(sent.form(app, caller, errors).await?),
        false => None,
    };
    let title = format!("Agent {}", found.agent.name);
    let model = view::Detail {
        version: config::agent_version(&found.agent),
        owners: found.owners.into_iter().map(|(_, name)| name).collect(),
        active: found.why_not.is_none(),
        why_not: found.why_not.map(str::to_owned),
        ceiling: found.ceiling.into_iter().flatten().collect(),
        keys: thumbprint(&found.agent.public_key).into_iter().collect(),
        created: Instant::from_ms(found.agent.created_ms),
        seen: found.seen_ms.map(Instant::from_ms),
        form,
        id: found.agent.id,
        name: found.agent.name,
    };
    page::show(app, caller, status, &title, Nav::Agents, flash, || view::detail(model)).await
}

/// The key's thumbprint (RFC 7638).
fn thumbprint(jwk: &str) -> Option<String> {
    let key: PublicJwk = serde_json::from_str(jwk).ok()?;
    let members = serde_json::json!({ "crv": key.crv, "kty": key.kty, "x": key.x, "y": key.y });
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(members.to_string())))
}

/// Saves an edit. One that came second keeps what was typed, and says what the first one saved.
pub async fn save(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    sent: csrf::Form<Sent>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = config::agent(control, cx, &id).await?;
    let edit = EditAgent { id: id.clone(), version: sent.version, to: sent.registration(Some(&found.agent)) };
    let (errors, status) = match control.run(cx, edit).await {
        Ok(()) => return Ok(done(cx, &format!("/agents/{id}"), "agent_saved")),
        Err(Error::Invalid(invalid)) => (words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Changed(_)) => {
            let now = Sent::of(&config::agent(control, cx, &id).await?.agent);
            let by = words::who(config::last_edit(control, cx, "agent.", &id).await?.as_ref(), cx);
            let fields = [
                ("name", &now.name, &sent.name),
                ("owner", &now.owner, &sent.owner),
                ("class", &now.class, &sent.class),
                ("ceiling", &now.ceiling, &sent.ceiling),
                ("jwks", &now.jwks, &sent.jwks),
            ];
            (words::differences(&by, &fields), StatusCode::CONFLICT)
        }
        Err(other) => return Err(other.into()),
    };
    let found = config::agent(control, cx, &id).await?;
    detail(&app, &caller, found, sent.0, errors, status, None).await
}
