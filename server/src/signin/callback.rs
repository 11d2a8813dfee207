//! Back from the provider: verify, note, start the session. Whatever fails is a page that says what and what to do; nobody is signed in.

use super::session::{Caller, New, begin};
use super::start::{browser_cookie, client, connection, tenant};
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use app::pages::signin as view;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use control::Ctx;
use control::signin::{NoteSignInFailed, Profile, RecordSignIn, TakeSignIn};
use outbound::oidc::{self, Flow, Identity, SignInError};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Answer {
    state: String,
    code: String,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// The provider's answer.
pub async fn callback(State(app): State<App>, caller: Caller, jar: CookieJar, Query(answer): Query<Answer>) -> Result<Response, Problem> {
    let cx = &caller.cx;
    let browser = jar.get(&browser_cookie(&app, cx)).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let taken = app.control().keep(&cx.tenant, TakeSignIn { state: answer.state.clone(), browser }).await?;
    let Some((nonce, verifier, return_to)) = taken else { return failed(&app, &caller, &SignInError::WrongState).await };
    let flow = Flow { state: answer.state.clone(), nonce, pkce_verifier: verifier.to_string() };
    let identity = match identify(app.clone(), cx.clone(), answer, flow).await? {
        Ok(identity) => identity,
        Err(error) => return failed(&app, &caller, &error).await,
    };
    let Some(groups) = identity.groups else { return failed(&app, &caller, &SignInError::NoGroups).await };
    if identity.email.is_some() && !identity.email_verified {
        return failed(&app, &caller, &SignInError::EmailUnverified).await;
    }
    let name = identity.name.or_else(|| identity.email.clone()).unwrap_or_else(|| identity.subject.clone());
    let profile = Profile {
        issuer: identity.issuer,
        subject: identity.subject,
        email: identity.email,
        email_verified: identity.email_verified,
        name,
        groups,
    };
    let user = app.control().run(cx, RecordSignIn { profile }).await?;
    let new =
        New { user: Some(&user), acr: identity.acr, idp_sid: identity.sid, auth_ms: identity.auth_time.map_or(cx.now_ms, |at| at * 1000) };
    let jar = begin(&app, cx, jar, new).await?;
    Ok((jar, Redirect::to(&return_to)).into_response())
}

async fn identify(app: App, cx: Ctx, answer: Answer, flow: Flow) -> Result<Result<Identity, SignInError>, Problem> {
    let Some(connection) = connection(app.control(), &cx).await? else { return Ok(Err(SignInError::WrongState)) };
    let client = client(&app, &cx, &connection)?;
    let provider = match oidc::discover(app.outbound(), &connection.issuer).await {
        Ok(provider) => provider,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = provider.check_response_issuer(answer.iss.as_deref()) {
        return Ok(Err(error));
    }
    if let Some(error) = answer.error {
        return Ok(Err(SignInError::refused(&error, answer.error_description.as_deref())));
    }
    Ok(oidc::exchange(app.outbound(), &provider, &client, &answer.code, &flow, cx.now_s()).await)
}

/// The page that says what failed, and the event that remembers it.
pub(super) async fn failed(app: &App, caller: &Caller, error: &SignInError) -> Result<Response, Problem> {
    app.control().run(&caller.cx, NoteSignInFailed { code: error.code().to_owned() }).await?;
    tracing::warn!(code = error.code(), error = %error, "a sign-in failed");
    let model = view::Failure {
        code: error.code().to_owned(),
        title: "Nobody was signed in".to_owned(),
        meaning: error.to_string(),
        remedy: vec![error.remedy().to_owned()],
        reference: caller.cx.request_id.clone(),
        retry_href: Some(format!("/t/{}/signin", caller.cx.tenant)),
    };
    let status = match error {
        SignInError::IdpUnreachable(_) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::FORBIDDEN,
    };
    let shown = tenant(app.control(), &caller.cx).await?;
    Ok(page::bare(app, status, Some(shown), "Sign-in failed", &[], || view::failure(model)))
}
