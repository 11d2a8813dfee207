//! The one-time link from the host's shell. Opening it does nothing; pressing the button uses it, so that a preview cannot.

use super::session::{Caller, New, begin};
use super::start::tenant;
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use app::pages::signin as view;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use control::signin::UseSignInLink;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Token {
    #[serde(default)]
    token: String,
}

/// Asks.
pub async fn ask(State(app): State<App>, caller: Caller, Query(asked): Query<Token>) -> Result<Response, Problem> {
    let shown = tenant(app.control(), &caller.cx).await?;
    let model = view::Link { action: format!("/t/{}/signin/link", caller.cx.tenant), tenant_name: shown.name.clone(), token: asked.token };
    Ok(page::bare(&app, StatusCode::OK, Some(shown), "Sign in from the host", &[], || view::link(model)))
}

/// Uses it. The link itself is the secret; there is no session yet that a token could belong to.
pub async fn enter(State(app): State<App>, caller: Caller, jar: CookieJar, Form(sent): Form<Token>) -> Result<Response, Problem> {
    app.control().run(&caller.cx, UseSignInLink { token: sent.token }).await?;
    let new = New { user: None, acr: None, idp_sid: None, auth_ms: caller.cx.now_ms };
    let jar = begin(&app, &caller.cx, jar, new).await?;
    Ok((jar, Redirect::to(&format!("/t/{}/idp", caller.cx.tenant))).into_response())
}
