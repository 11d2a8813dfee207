//! The page that sends people to their provider, the way there, and signing out.

use super::return_path::return_path;
use super::session::{Caller, cookie, cookie_name};
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use app::page::Tenant;
use app::pages::signin as view;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar};
use control::signin::{BeginSignIn, SignOut};
use control::{Control, Ctx, Error};
use outbound::oidc::{self, Ask, ClientConfig, Flow, Prompt, Provider};
use serde::Deserialize;
use store::IdpConnection;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    return_to: String,
    /// `login`: the person is asked anew; `select_account`: as whom.
    prompt: String,
    /// Authentication context classes wanted, best first.
    acr_values: String,
}

pub(super) async fn tenant(control: &Control, cx: &Ctx) -> Result<Tenant, Error> {
    let row = control.read(cx).this_tenant().await?.ok_or(Error::NotFound)?;
    Ok(Tenant { slug: row.id, name: row.name })
}

pub(super) async fn connection(control: &Control, cx: &Ctx) -> Result<Option<IdpConnection>, Error> {
    Ok(control.read(cx).all::<IdpConnection>().await?.into_iter().next())
}

/// The client that this tenant's connection makes of us.
pub(super) fn client(app: &App, cx: &Ctx, connection: &IdpConnection) -> Result<ClientConfig, Error> {
    let parts = app.control().parts();
    let secret = control::config::idp_secret(&app.control().read(cx), &parts.vault, connection)?;
    let redirect_uri = format!("{}/signin/callback", parts.issuer(&cx.tenant));
    let mut client = ClientConfig::new(connection.client_id.clone(), secret.map(|secret| secret.to_string()), redirect_uri);
    client.groups_claim.clone_from(&connection.groups_claim);
    Ok(client)
}

/// The page with the button.
pub async fn start(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let shown = tenant(app.control(), &caller.cx).await?;
    let connection = connection(app.control(), &caller.cx).await?;
    let back = return_path(caller.cx.tenant.as_str(), &asked.return_to);
    let encoded: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let model = view::Start {
        tenant_name: shown.name.clone(),
        idp_name: connection.map(|connection| connection.issuer.trim_start_matches("https://").trim_start_matches("http://").to_owned()),
        continue_href: format!("/t/{}/signin/go?return_to={encoded}", caller.cx.tenant),
    };
    Ok(page::bare(&app, StatusCode::OK, Some(shown), "Sign in", &[], || view::start(model)))
}

/// To the provider.
pub async fn go(State(app): State<App>, caller: Caller, jar: CookieJar, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let cx = &caller.cx;
    let Some(connection) = connection(app.control(), cx).await? else {
        return Ok(Redirect::to(&format!("/t/{}/signin", cx.tenant)).into_response());
    };
    let provider: Provider = match oidc::discover(app.outbound(), &connection.issuer).await {
        Ok(provider) => provider,
        Err(error) => return super::callback::failed(&app, &caller, &error).await,
    };
    let browser = app.control().parts().chance.secret();
    let begin = BeginSignIn { browser: browser.clone(), return_to: return_path(cx.tenant.as_str(), &asked.return_to) };
    let begun = app.control().keep(&cx.tenant, begin).await?;
    let prompt = match asked.prompt.as_str() {
        "login" => Some(Prompt::Login),
        "select_account" => Some(Prompt::SelectAccount),
        _ => None,
    };
    let ask = Ask { prompt, acr_values: asked.acr_values.split_ascii_whitespace().map(str::to_owned).collect(), ..Ask::default() };
    let flow = Flow { state: begun.state, nonce: begun.nonce, pkce_verifier: begun.verifier };
    match oidc::authorize_url(&provider, &client(&app, cx, &connection)?, &flow, &ask) {
        Ok(url) => Ok((jar.add(cookie(&app, browser_cookie(&app, cx), browser)), Redirect::to(url.as_str())).into_response()),
        Err(error) => super::callback::failed(&app, &caller, &error).await,
    }
}

/// The cookie that binds a sign-in to one browser.
pub(super) fn browser_cookie(app: &App, cx: &Ctx) -> String {
    format!("{}-signin", cookie_name(app, cx))
}

#[derive(Deserialize)]
pub struct Nothing {}

/// Ends the session here.
pub async fn sign_out(
    State(app): State<App>,
    caller: Caller,
    jar: CookieJar,
    Path(tenant): Path<String>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    if let Some(session) = &caller.session {
        app.control().run(&caller.cx, SignOut(session.id_hash.clone())).await?;
    }
    let gone = Cookie::build(cookie_name(&app, &caller.cx)).path("/").secure(app.secure()).http_only(true).build();
    Ok((jar.remove(gone), Redirect::to(&format!("/t/{tenant}/signed-out"))).into_response())
}

/// The page after that.
pub async fn signed_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let shown = tenant(app.control(), &caller.cx).await?;
    let model = view::SignedOut { signin_href: format!("/t/{}/signin", caller.cx.tenant) };
    Ok(page::bare(&app, StatusCode::OK, Some(shown), "Signed out", &[], || view::signed_out(model)))
}
