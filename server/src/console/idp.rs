//! The tenant's identity provider.

use super::flash::{Flashed, Nothing, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::{Flash, Nav};
use app::pages::idp as view;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, IdpCheck, NoteIdpCheck, SetIdp};
use control::{Error, Permission};
use outbound::oidc::{self, SignInError};
use serde::Deserialize;

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Sent {
    version: i64,
    issuer: String,
    client_id: String,
    client_secret: String,
    groups_claim: String,
}

/// The connection.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    show(&app, &caller, None, FormErrors::default(), StatusCode::OK, flash).await
}

/// The page, with what was typed where something was wrong with it. A secret is never sent back, not even to whoever typed it.
async fn show(
    app: &App,
    caller: &Caller,
    typed: Option<Sent>,
    errors: FormErrors,
    status: StatusCode,
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let stored = config::idp(control, cx).await?;
    let checked = config::last_idp_check(control, cx).await?;
    let (connected, has_secret) = (stored.is_some(), stored.as_ref().is_some_and(|row| row.client_secret.is_some()));
    let version = stored.as_ref().map_or(0, |row| row.version);
    let shown = typed.unwrap_or_else(|| match stored {
        Some(row) => {
            Sent { version, issuer: row.issuer, client_id: row.client_id, client_secret: String::new(), groups_claim: row.groups_claim }
        }
        None => Sent { groups_claim: "groups".to_owned(), ..Sent::default() },
    });
    let (checks, checked_ms) = checked.map_or((Vec::new(), None), |(checks, at_ms)| (checks, Some(at_ms)));
    let model = view::Model {
        connected,
        version: words::number(version),
        name: host(&shown.issuer),
        issuer: shown.issuer,
        client_id: shown.client_id,
        has_secret,
        groups_claim: shown.groups_claim,
        redirect_uri: format!("{}/signin/callback", control.parts().issuer(&cx.tenant)),
        checks: checks.into_iter().map(|check| view::Check { title: check.title, detail: check.detail, ok: check.ok }).collect(),
        checked: checked_ms.map(Instant::from_ms),
        errors,
        can_edit: cx.actor.may(Permission::WriteConfig),
    };
    page::show(app, caller, status, "IdP connection", Nav::Idp, flash, || view::view(model)).await
}

/// What the sign-in page calls the provider.
fn host(issuer: &str) -> String {
    issuer.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// Asks the provider who it is and for its keys.
async fn look(app: &App, issuer: &str) -> (Vec<IdpCheck>, Result<(), SignInError>) {
    let check = |title: &str, detail: String, ok| IdpCheck { title: title.to_owned(), detail, ok };
    let document = "The discovery document can be read and names this issuer";
    match oidc::discover(app.outbound(), issuer).await {
        Ok(provider) => {
            let keys = "Its signing keys can be read";
            (vec![check(document, provider.issuer().to_owned(), true), check(keys, "at least one usable key".to_owned(), true)], Ok(()))
        }
        Err(error) => (vec![check(document, format!("{error} {}", error.remedy()), false)], Err(error)),
    }
}

/// Saves a connection whose provider answers as the issuer that it is said to be.
pub async fn save(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let issuer = sent.issuer.trim().to_owned();
    let (checks, found) = look(&app, &issuer).await;
    if let Err(error) = found {
        let errors = words::error("issuer", format!("{error} {}", error.remedy()));
        return show(&app, &caller, Some(sent.0), errors, StatusCode::UNPROCESSABLE_ENTITY, None).await;
    }
    let set = SetIdp {
        issuer,
        client_id: sent.client_id.clone(),
        client_secret: Some(sent.client_secret.clone()).filter(|secret| !secret.is_empty()),
        groups_claim: sent.groups_claim.clone(),
        version: sent.version,
    };
    let (errors, status) = match control.run(cx, set).await {
        Ok(()) => {
            control.run(cx, NoteIdpCheck { checks }).await?;
            return Ok(done(cx, "/idp", "idp_saved"));
        }
        Err(Error::Invalid(invalid)) => (words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Refused { text, .. }) => (words::error("issuer", text), StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Changed(_)) => {
            let now = config::idp(control, cx).await?.ok_or(Error::NotFound)?;
            let by = words::who(config::last_edit(control, cx, "idp.set", &now.id).await?.as_ref(), cx);
            let fields = [
                ("issuer", &now.issuer, &sent.issuer),
                ("client_id", &now.client_id, &sent.client_id),
                ("groups_claim", &now.groups_claim, &sent.groups_claim),
            ];
            (words::differences(&by, &fields), StatusCode::CONFLICT)
        }
        Err(other) => return Err(other.into()),
    };
    show(&app, &caller, Some(sent.0), errors, status, None).await
}

/// Asks the stored connection's provider again.
pub async fn check(State(app): State<App>, SignedIn(caller): SignedIn, _sent: Form<Nothing>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    cx.needs(Permission::WriteConfig)?;
    let connection = config::idp(control, cx).await?.ok_or(Error::NotFound)?;
    let (checks, _) = look(&app, &connection.issuer).await;
    control.run(cx, NoteIdpCheck { checks }).await?;
    Ok(done(cx, "/idp", "idp_checked"))
}
