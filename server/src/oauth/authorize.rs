//! The authorization endpoint: a client's request, the person's consent, the answer.

use super::params::{Params, Unreadable};
use super::redirect;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SessionInfo, SignedIn};
use app::page::Tenant;
use app::pages::consent::{self, Scope};
use app::pages::error as error_page;
use app::words::{Risk as Shown, Trust};
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use control::oauth::{self, Asked, Authorize, Authorized, Back, Considered, Decision, OAuthError, Question, Received, ScopeWords};
use control::{Ctx, Error};
use policy::Risk;
use serde::Deserialize;
use url::Url;

/// A client's request: `GET /t/{tenant}/authorize`.
///
/// # Errors
/// When the database fails.
pub async fn receive(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = match Params::parse(query.unwrap_or_default().as_bytes()) {
        Ok(params) => params,
        Err(error) => return wrong(&app, &caller, &unreadable(&error), &Params::default()).await,
    };
    match oauth::receive(app.control(), &caller.cx, asked(&params)).await? {
        Received::Kept { handle } => Ok(Redirect::to(&format!("/t/{}/authorize/{handle}", caller.cx.tenant)).into_response()),
        Received::Back(back) => Ok(redirect::with_error(&issuer(&app, &caller.cx), &back)?),
        Received::Page(error) => wrong(&app, &caller, &error, &params).await,
    }
}

fn asked(params: &Params) -> Asked {
    let mut repeated = params.repeated();
    // This one may.
    repeated.remove("resource");
    Asked {
        client_id: params.first("client_id"),
        redirect_uri: params.first("redirect_uri"),
        response_type: params.first("response_type"),
        response_mode: params.first("response_mode"),
        resource: params.all("resource").to_vec(),
        scope: params.first("scope"),
        state: params.first("state"),
        code_challenge: params.first("code_challenge"),
        code_challenge_method: params.first("code_challenge_method"),
        prompt: params.first("prompt"),
        max_age: params.first("max_age"),
        acr_values: params.first("acr_values"),
        request_object: params.has("request") || params.has("request_uri"),
        repeated,
    }
}

/// What a continued request carries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Continued {
    /// The session that was not good enough: another one means that the person has signed in again.
    again: Option<String>,
}

/// The request goes on, now that somebody is signed in: `GET /t/{tenant}/authorize/{handle}`.
///
/// # Errors
/// When the database fails.
pub async fn go_on(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, handle)): Path<(String, String)>,
    Query(continued): Query<Continued>,
) -> Result<Response, Problem> {
    let here = format!("/t/{}/authorize/{handle}", caller.cx.tenant);
    let (Some(session), Some(_)) = (&caller.session, &caller.person) else {
        // The host's link is nobody's account.
        return Ok(Redirect::to(&format!("/t/{}/signin?return_to={}", caller.cx.tenant, encoded(&here))).into_response());
    };
    let again = continued.again.is_some_and(|before| before != session.sid);
    match oauth::consider(app.control(), &caller.cx, &handle, session.auth_ms, session.acr.as_deref(), again).await {
        Ok(Considered::Ask(question)) => ask(&app, &caller, handle, *question).await,
        Ok(Considered::Refused { client, back }) => refuse(&app, &caller, handle, &client, &back).await,
        Ok(Considered::AllowedBefore) => {
            let authorize = use_case(session, handle, Decision::AllowedBefore, Vec::new(), Vec::new());
            answered(&app, &caller, authorize).await
        }
        Ok(Considered::SignInAgain { acr_values }) => {
            let return_to = encoded(&format!("{here}?again={}", session.sid));
            let acr = acr_values.map(|values| format!("&acr_values={}", encoded(&values))).unwrap_or_default();
            Ok(Redirect::to(&format!("/t/{}/signin/go?return_to={return_to}&prompt=login{acr}", caller.cx.tenant)).into_response())
        }
        Err(Error::NotFound) => ended(&app, &caller).await,
        Err(error) => Err(error.into()),
    }
}

/// What the consent page sends.
#[derive(Debug, Deserialize)]
pub struct Answer {
    handle: String,
    decision: String,
    #[serde(default)]
    shown: Vec<String>,
    #[serde(default)]
    later: Vec<String>,
}

/// The person's answer: `POST /t/{tenant}/authorize`.
///
/// # Errors
/// When the database fails, or the form is not one that the page could have sent.
pub async fn answer(State(app): State<App>, SignedIn(caller): SignedIn, form: Form<Answer>) -> Result<Response, Problem> {
    let Form(Answer { handle, decision, shown, later }) = form;
    let decision = match decision.as_str() {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        // From the page that says why it cannot be: what cannot be is refused, whatever the person says.
        "back" => Decision::AllowedBefore,
        _ => return Err(Error::invalid("decision", "choose Allow or Deny").into()),
    };
    let Some(session) = &caller.session else { return Err(Error::Forbidden(control::Permission::SignedIn).into()) };
    answered(&app, &caller, use_case(session, handle, decision, shown, later)).await
}

fn use_case(session: &SessionInfo, handle: String, decision: Decision, shown: Vec<String>, shown_later: Vec<String>) -> Authorize {
    Authorize {
        handle,
        decision,
        shown,
        shown_later,
        session_id: session.id_hash.clone(),
        sid: session.sid.clone(),
        auth_ms: session.auth_ms,
        acr: session.acr.clone(),
    }
}

async fn answered(app: &App, caller: &Caller, authorize: Authorize) -> Result<Response, Problem> {
    let handle = authorize.handle.clone();
    let issuer = issuer(app, &caller.cx);
    match app.control().run(&caller.cx, authorize).await {
        Ok(Authorized::Code { redirect_uri, state, code }) => Ok(redirect::with_code(&issuer, &redirect_uri, state.as_deref(), &code)?),
        Ok(Authorized::Back(back)) => Ok(redirect::with_error(&issuer, &back)?),
        Ok(Authorized::AskAgain) => Ok(Redirect::to(&format!("/t/{}/authorize/{handle}", caller.cx.tenant)).into_response()),
        Err(Error::NotFound) => ended(app, caller).await,
        Err(error) => Err(error.into()),
    }
}

/// The page for a person who can give this client nothing: perhaps they are signed in as somebody else.
async fn refuse(app: &App, caller: &Caller, handle: String, client: &str, back: &Back) -> Result<Response, Problem> {
    let tenant = tenant(app, &caller.cx).await?;
    let targets: Vec<String> = oauth::form_target(&back.redirect_uri).into_iter().collect();
    let model = consent::Refused {
        action: format!("/t/{}/authorize", caller.cx.tenant),
        switch_href: switch(&caller.cx, &handle),
        handle,
        client_name: client.to_owned(),
        person: name(caller),
        why: back.error.text.clone(),
        ask_href: format!("/t/{}/requests/new", caller.cx.tenant),
    };
    let title = format!("Nothing for {client}");
    Ok(page::bare_with_csrf(app, StatusCode::OK, Some(tenant), &title, &caller.csrf, &targets, || consent::refused(model)))
}

fn name(caller: &Caller) -> String {
    caller.person.as_ref().map(|person| person.name.clone()).unwrap_or_default()
}

/// Where a person signs in as somebody else, and comes back to this request.
fn switch(cx: &Ctx, handle: &str) -> String {
    let here = encoded(&format!("/t/{}/authorize/{handle}", cx.tenant));
    format!("/t/{}/signin/go?return_to={here}&prompt=select_account", cx.tenant)
}

/// The consent page. Its form may lead to our own origin and to the client's, and nowhere else.
async fn ask(app: &App, caller: &Caller, handle: String, question: Question) -> Result<Response, Problem> {
    let tenant = tenant(app, &caller.cx).await?;
    let targets: Vec<String> = oauth::form_target(&question.redirect_uri).into_iter().collect();
    let shown = question.now.iter().map(|scope| ("shown", scope.name.clone()));
    let later = question.held.iter().chain(&question.later).map(|scope| ("later", scope.name.clone()));
    let model = consent::Model {
        action: format!("/t/{}/authorize", caller.cx.tenant),
        hidden: std::iter::once(("handle", handle.clone())).chain(shown).chain(later).collect(),
        client_id: question.client.0,
        client_name: question.client.1,
        trust: Trust::Registered,
        redirect_host: host(&question.redirect_uri),
        redirect_is_loopback: oauth::is_loopback(&question.redirect_uri),
        person: name(caller),
        switch_href: switch(&caller.cx, &handle),
        resource: question.resource.0,
        server_name: question.resource.1,
        scopes: question.now.into_iter().map(words).collect(),
        withheld: question.withheld,
        held: question.held.into_iter().map(words).collect(),
        later: question.later.into_iter().map(words).collect(),
        token_life_s: question.token_life_s,
        refresh: true,
    };
    let title = format!("Allow {}?", model.client_name);
    Ok(page::bare_with_csrf(app, StatusCode::OK, Some(tenant), &title, &caller.csrf, &targets, || consent::view(model)))
}

fn words(scope: ScopeWords) -> Scope {
    let risk = match scope.risk {
        Risk::Low => Shown::Low,
        Risk::Moderate => Shown::Moderate,
        Risk::High => Shown::High,
        Risk::Critical => Shown::Critical,
    };
    Scope { sentence: if scope.sentence.is_empty() { scope.name.clone() } else { scope.sentence }, name: scope.name, risk }
}

/// Host and port, or what stands for it in an app's own scheme.
fn host(redirect_uri: &str) -> String {
    let Ok(url) = Url::parse(redirect_uri) else { return redirect_uri.to_owned() };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => format!("{}:", url.scheme()),
    }
}

/// A request that nobody can be sent back from.
async fn wrong(app: &App, caller: &Caller, error: &OAuthError, params: &Params) -> Result<Response, Problem> {
    let tenant = tenant(app, &caller.cx).await?;
    let model = error_page::OAuth {
        error: error.code.to_owned(),
        description: error.text.clone(),
        client_id: params.first("client_id"),
        redirect_uri: params.first("redirect_uri"),
        request_id: caller.cx.request_id.clone(),
    };
    Ok(page::bare(app, StatusCode::BAD_REQUEST, Some(tenant), "This client can't sign you in", &[], || error_page::oauth(model)))
}

async fn ended(app: &App, caller: &Caller) -> Result<Response, Problem> {
    let error = OAuthError::new("invalid_request", "This request was answered before, or has ended");
    wrong(app, caller, &error, &Params::default()).await
}

async fn tenant(app: &App, cx: &Ctx) -> Result<Tenant, Error> {
    let row = app.control().read(cx).this_tenant().await?.ok_or(Error::NotFound)?;
    Ok(Tenant { slug: row.id, name: row.name })
}

fn issuer(app: &App, cx: &Ctx) -> String {
    app.control().parts().issuer(&cx.tenant)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn unreadable(error: &Unreadable) -> OAuthError {
    OAuthError::new("invalid_request", error.text())
}
