//! Who is asking: the tenant from the path, the person from the session's cookie.
//!
//! A session belongs to one tenant, the one in the path. What somebody may do is not in it: admin roles are looked up at each request.

use super::store::{TenantSessions, field, key};
use crate::app::App;
use crate::problem::Problem;
use crate::request_id::RequestId;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use control::signin::{self, TouchSession};
use control::{Actor, AdminRole, Ctx, Error, Permission};
use std::sync::Arc;
use tower_sessions::session::Id;
use tower_sessions::{Expiry, Session};

/// Whoever calls, signed in or not.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The context for use cases.
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
    /// E-mail address.
    pub email: Option<String>,
    /// Admin roles held now.
    pub roles: Vec<AdminRole>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Its row's id: the hash of the cookie's value.
    pub id_hash: String,
    /// When the person proved who they are, Unix milliseconds.
    pub auth_ms: i64,
    /// How they proved it.
    pub acr: Option<String>,
    /// Public id, as in tokens.
    pub sid: String,
}

/// The cookie of a tenant's session. `__Host-` binds it to this host, over HTTPS, for all paths.
pub(super) fn cookie_name(app: &App, cx: &Ctx) -> String {
    if app.secure() { format!("__Host-writ-{}", cx.tenant) } else { format!("writ-{}", cx.tenant) }
}

/// A cookie that scripts cannot read and other sites' posts do not carry.
pub(super) fn cookie(app: &App, name: String, value: String) -> Cookie<'static> {
    Cookie::build((name, value)).path("/").http_only(true).secure(app.secure()).same_site(SameSite::Lax).build()
}

/// The tenant's session with the id that the cookie names.
fn opened(app: &App, cx: &Ctx, id: Option<Id>) -> Session {
    Session::new(id, Arc::new(TenantSessions { control: app.control().clone(), cx: cx.clone() }), Some(Expiry::OnSessionEnd))
}

fn session_id(app: &App, cx: &Ctx, jar: &CookieJar) -> Option<Id> {
    jar.get(&cookie_name(app, cx))?.value().parse().ok()
}

/// What a new session knows.
pub(super) struct New<'a> {
    pub user: Option<&'a str>,
    pub acr: Option<String>,
    pub idp_sid: Option<String>,
    pub auth_ms: i64,
}

/// Starts a session under a new id; an older one of the same browser ends.
pub(super) async fn begin(app: &App, cx: &Ctx, jar: CookieJar, new: New<'_>) -> Result<CookieJar, Error> {
    let broken = |error: tower_sessions::session::Error| Error::internal("starting a session", error);
    if let Some(old) = session_id(app, cx, &jar) {
        opened(app, cx, Some(old)).delete().await.map_err(broken)?;
    }
    let session = opened(app, cx, None);
    let chance = &app.control().parts().chance;
    match new.user {
        Some(user) => session.insert(field::USER, user).await.map_err(broken)?,
        None => session.insert(field::HOST, true).await.map_err(broken)?,
    }
    session.insert(field::CSRF, chance.secret()).await.map_err(broken)?;
    session.insert(field::SID, chance.id("ses", cx.now_ms)).await.map_err(broken)?;
    session.insert(field::AUTH_MS, new.auth_ms).await.map_err(broken)?;
    if let Some(acr) = new.acr {
        session.insert(field::ACR, acr).await.map_err(broken)?;
    }
    if let Some(sid) = new.idp_sid {
        session.insert(field::IDP_SID, sid).await.map_err(broken)?;
    }
    session.save().await.map_err(broken)?;
    let id = session.id().ok_or_else(|| Error::internal("starting a session", "it has no id"))?;
    Ok(jar.add(cookie(app, cookie_name(app, cx), id.to_string())))
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::NotFound)?;
        let tenant = path.iter().find(|(name, _)| *name == "tenant").map(|(_, value)| value.to_owned()).ok_or(Error::NotFound)?;
        let request_id = parts.extensions.get::<RequestId>().map_or("", |id| &id.0);
        let mut cx = app.control().ctx(&tenant, Actor::Anonymous, request_id).await?;
        let jar = CookieJar::from_headers(&parts.headers);
        let found = match session_id(app, &cx, &jar) {
            Some(id) => signed_in(app, &mut cx, id).await?,
            None => None,
        };
        let caller = match found {
            Some((csrf, person, session)) => Self { cx, csrf, person, session: Some(session) },
            None => Self { cx, csrf: String::new(), person: None, session: None },
        };
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// How long ago the last use may have been before this one is written down.
const TOUCH_MS: i64 = 60_000;

async fn signed_in(app: &App, cx: &mut Ctx, id: Id) -> Result<Option<(String, Option<PersonInfo>, SessionInfo)>, Error> {
    let broken = |error: tower_sessions::session::Error| Error::internal("reading a session", error);
    let session = opened(app, cx, Some(id));
    let id_hash = key(&id);
    let csrf = session.get::<String>(field::CSRF).await.map_err(broken)?;
    let sid = session.get::<String>(field::SID).await.map_err(broken)?;
    let (Some(csrf), Some(sid)) = (csrf, sid) else { return Ok(None) };
    let person = match session.get::<String>(field::USER).await.map_err(broken)? {
        Some(user) => {
            let Some((actor, user)) = signin::actor(app.control(), cx, &user).await? else { return Ok(None) };
            let roles = if let Actor::Person { roles, .. } = &actor { roles.clone() } else { Vec::new() };
            cx.actor = actor;
            Some(PersonInfo { user: user.id, name: user.name, email: user.email, roles })
        }
        None if session.get::<bool>(field::HOST).await.map_err(broken)? == Some(true) => {
            cx.actor = Actor::Host;
            None
        }
        None => return Ok(None),
    };
    if let Some(row) = signin::load(app.control(), cx, &id_hash).await?
        && cx.now_ms - row.seen_ms > TOUCH_MS
    {
        app.control().keep(&cx.tenant, TouchSession(id_hash.clone())).await?;
    }
    let auth_ms = session.get::<i64>(field::AUTH_MS).await.map_err(broken)?.unwrap_or(0);
    let acr = session.get::<String>(field::ACR).await.map_err(broken)?;
    Ok(Some((csrf, person, SessionInfo { id_hash, auth_ms, acr, sid })))
}

/// A caller who is signed in. Others are sent to sign in and come back, or told so when they posted.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Caller);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        if caller.session.is_some() {
            return Ok(Self(caller));
        }
        if parts.method != Method::GET {
            return Err(Problem::from(Error::Forbidden(Permission::SignedIn)).into_response());
        }
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        let back: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        Err(Redirect::to(&format!("/t/{}/signin?return_to={back}", caller.cx.tenant)).into_response())
    }
}
