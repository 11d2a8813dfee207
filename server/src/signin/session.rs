//! Who is calling: from the cookie to a context.
//!
//! A session belongs to one tenant, the one in the path. What somebody may do is not in it: admin roles are looked up at each request.

use super::cookie::{self, Which};
use super::store::{id_hash, TenantSessions, FACTS};
use crate::app::App;
use crate::problem::Problem;
use crate::request_id::RequestId;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::Cookie;
use control::signin::SessionFacts;
use control::{Actor, AdminRole, Ctx, Error, Permission};
use std::sync::Arc;
use tower_sessions::session::{Expiry, Id};
use tower_sessions::Session;

/// Whoever calls, signed in or not.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Tenant, actor, time, request id.
    pub cx: Ctx,
    /// The token that forms carry; empty without a session.
    pub csrf: String,
    /// The signed-in person; none also for a session from the host's link.
    pub person: Option<PersonInfo>,
    /// The session.
    pub session: Option<SessionInfo>,
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct PersonInfo {
    /// `usr_…`.
    pub user: String,
    /// Display name.
    pub name: String,
    /// Address, as the provider says it.
    pub email: Option<String>,
    /// Admin roles, held now.
    pub roles: Vec<AdminRole>,
}

/// The session that a request came with.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// What it is kept by.
    pub id_hash: String,
    /// When the person proved who they are, as the provider says, Unix milliseconds.
    pub auth_ms: i64,
    /// When they came back from the provider, by our clock, Unix milliseconds.
    pub signed_in_ms: i64,
    /// How they proved it.
    pub acr: Option<String>,
    /// `ses_…`, as tokens that come from it say.
    pub sid: String,
}

/// Whoever calls, and is signed in. A stranger who only looks is sent to sign in.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Caller);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // The form extractor asks again.
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let tenant = tenant_in_path(parts).await.ok_or(Error::NotFound)?;
        let request_id = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
        let cx = app.control().ctx(&tenant, Actor::Anonymous, &request_id).await?;
        let caller = caller(app, cx, parts).await?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        if caller.session.is_some() {
            return Ok(Self(caller));
        }
        if parts.method == Method::GET || parts.method == Method::HEAD {
            let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
            return Err(Redirect::to(&signin_path(&caller.cx, here)).into_response());
        }
        Err(Problem::from(Error::Forbidden(Permission::SignedIn)).into_response())
    }
}

/// Where to sign in, and to come back to `return_to`.
pub fn signin_path(cx: &Ctx, return_to: &str) -> String {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
    format!("/t/{}/signin?{query}", cx.tenant)
}

async fn tenant_in_path(parts: &mut Parts) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    params.iter().find(|(name, _)| *name == "tenant").map(|(_, tenant)| tenant.to_owned())
}

async fn caller(app: &App, cx: Ctx, parts: &Parts) -> Result<Caller, Problem> {
    let anonymous = Caller { cx, csrf: String::new(), person: None, session: None };
    let Some(id) = sent(app, &anonymous.cx, parts) else { return Ok(anonymous) };
    let session = open(app, &anonymous.cx, Some(id));
    let facts = match session.get::<SessionFacts>(FACTS).await {
        Ok(Some(facts)) => facts,
        // Of a form that another version of this program wrote: the person signs in again.
        Ok(None) | Err(tower_sessions::session::Error::SerdeJson(_)) => return Ok(anonymous),
        Err(error) => return Err(broken(error)),
    };
    let info = SessionInfo { id_hash: id_hash(&id), auth_ms: facts.auth_ms, signed_in_ms: facts.signed_in_ms, acr: facts.acr, sid: facts.sid };
    let (actor, person) = match facts.user {
        None => (Actor::Host, None),
        Some(user) => {
            let Some(person) = control::signin::whoami(app.control(), &anonymous.cx, &user).await? else { return Ok(anonymous) };
            let actor = Actor::Person { user: person.user.clone(), name: person.name.clone(), roles: person.roles.clone() };
            (actor, Some(PersonInfo { user: person.user, name: person.name, email: person.email, roles: person.roles }))
        }
    };
    Ok(Caller { cx: Ctx { actor, ..anonymous.cx }, csrf: facts.csrf, person, session: Some(info) })
}

fn sent(app: &App, cx: &Ctx, parts: &Parts) -> Option<Id> {
    cookie::read(app, &cx.tenant, Which::Session, &parts.headers)?.parse().ok()
}

fn open(app: &App, cx: &Ctx, id: Option<Id>) -> Session {
    let store = Arc::new(TenantSessions::new(app.control().clone(), cx.clone()));
    Session::new(id, store, Some(Expiry::OnSessionEnd))
}

fn broken(error: tower_sessions::session::Error) -> Problem {
    Error::internal("keeping a session", error).into()
}

/// Begins a session under a new id; the one that the browser came with, whoever's it was, ends. Answers the cookie.
///
/// # Errors
/// When the database fails.
pub async fn begin(app: &App, cx: &Ctx, headers: &axum::http::HeaderMap, facts: &SessionFacts) -> Result<Cookie<'static>, Problem> {
    end(app, cx, headers).await?;
    let session = open(app, cx, None);
    session.insert(FACTS, facts).await.map_err(broken)?;
    session.save().await.map_err(broken)?;
    let id = session.id().ok_or_else(|| Error::internal("keeping a session", "it has no id"))?;
    Ok(cookie::set(app, &cx.tenant, Which::Session, id.to_string()))
}

/// Ends the session that the browser came with, if any. Answers the cookie that takes the old one away.
///
/// # Errors
/// When the database fails.
pub async fn end(app: &App, cx: &Ctx, headers: &axum::http::HeaderMap) -> Result<Cookie<'static>, Problem> {
    if let Some(id) = cookie::read(app, &cx.tenant, Which::Session, headers).and_then(|id| id.parse().ok()) {
        open(app, cx, Some(id)).flush().await.map_err(broken)?;
    }
    Ok(cookie::clear(app, &cx.tenant, Which::Session))
}
