//! The two cookies: one holds the session, one binds a sign-in to the browser that began it.
//!
//! Each is named after its tenant. On HTTPS their names start with `__Host-`, so that no other host and no plain page can set them;
//! plain HTTP is for loopback only, where browsers do not take that prefix.

use crate::app::App;
use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use store::TenantId;

/// How long a browser keeps the binding of a sign-in.
const FLOW_LIFE: time::Duration = time::Duration::milliseconds(control::signin::FLOW_LIFE_MS);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The session.
    Session,
    /// A sign-in under way.
    SignIn,
}

fn name(app: &App, tenant: &TenantId, which: Which) -> String {
    let prefix = if app.secure() { "__Host-" } else { "" };
    let suffix = match which {
        Which::Session => "",
        // No slug holds a dot, so this is never another tenant's session.
        Which::SignIn => ".signin",
    };
    format!("{prefix}writ-{tenant}{suffix}")
}

/// What the browser sent.
pub fn read(app: &App, tenant: &TenantId, which: Which, headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(&name(app, tenant, which)).map(|cookie| cookie.value().to_owned())
}

/// Sets it.
pub fn set(app: &App, tenant: &TenantId, which: Which, value: String) -> Cookie<'static> {
    let cookie = Cookie::build((name(app, tenant, which), value)).path("/").http_only(true).same_site(SameSite::Lax).secure(app.secure());
    match which {
        Which::Session => cookie.build(),
        Which::SignIn => cookie.max_age(FLOW_LIFE).build(),
    }
}

/// Takes it away.
pub fn clear(app: &App, tenant: &TenantId, which: Which) -> Cookie<'static> {
    let mut cookie = set(app, tenant, which, String::new());
    cookie.set_max_age(time::Duration::ZERO);
    cookie
}
