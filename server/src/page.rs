//! From a view to a response: the frame, the nonce and the content security policy.

use crate::app::App;
use crate::problem::Problem;
use crate::signin::session::Caller;
use app::page::{Chrome, Flash, Frame, Nav, Person, Shell, Tenant, render};
use app::words::AdminRole as Shown;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use control::{Actor, AdminRole, Permission};
use leptos::IntoView;

/// A page in the console's frame. `flash` is what the last action did.
///
/// # Errors
/// When the frame's own facts cannot be read.
pub async fn show<V: IntoView + 'static>(
    app: &App,
    caller: &Caller,
    status: StatusCode,
    title: &str,
    current: Nav,
    flash: Option<Flash>,
    body: impl FnOnce() -> V,
) -> Result<Response, Problem> {
    let tenant = app.control().read(&caller.cx).this_tenant().await.map_err(control::Error::from)?.ok_or(control::Error::NotFound)?;
    let draft_edits = match caller.cx.actor.may(Permission::ReadConfig) {
        true => u32::try_from(tenant.draft - tenant.published_draft).unwrap_or(0),
        false => 0,
    };
    let shell = Shell {
        tenant: Tenant { slug: tenant.id, name: tenant.name },
        person: person(&caller.cx.actor),
        current,
        nav: Nav::ALL.iter().filter(|nav| caller.cx.actor.may(needs(**nav))).map(|nav| (*nav, None)).collect(),
        draft_edits,
    };
    Ok(finish(app, status, title, &caller.csrf, flash, Chrome::Console(shell), &[], body))
}

/// A page on its own: sign-in, consent, errors. `form_targets` are the origins that a form's redirect may leave to, beside our own.
pub fn bare<V: IntoView + 'static>(
    app: &App,
    status: StatusCode,
    tenant: Option<Tenant>,
    title: &str,
    form_targets: &[String],
    body: impl FnOnce() -> V,
) -> Response {
    finish(app, status, title, "", None, Chrome::Bare { tenant }, form_targets, body)
}

/// A page on its own with forms that carry the session's token.
pub fn bare_with_csrf<V: IntoView + 'static>(
    app: &App,
    status: StatusCode,
    tenant: Option<Tenant>,
    title: &str,
    csrf: &str,
    form_targets: &[String],
    body: impl FnOnce() -> V,
) -> Response {
    finish(app, status, title, csrf, None, Chrome::Bare { tenant }, form_targets, body)
}

#[expect(clippy::too_many_arguments, reason = "the one place where all of a page's parts meet")]
fn finish<V: IntoView + 'static>(
    app: &App,
    status: StatusCode,
    title: &str,
    csrf: &str,
    flash: Option<Flash>,
    chrome: Chrome,
    form_targets: &[String],
    body: impl FnOnce() -> V,
) -> Response {
    let nonce = app.control().parts().chance.secret();
    let forms = form_targets.iter().fold("'self'".to_owned(), |all, origin| all + " " + origin);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    );
    let frame = Frame { title: title.to_owned(), assets: app.site().assets(), nonce, csrf: csrf.to_owned(), flash, chrome };
    (status, [(CONTENT_SECURITY_POLICY, policy)], Html(render(frame, body))).into_response()
}

fn person(actor: &Actor) -> Person {
    match actor {
        Actor::Person { name, roles, .. } => Person { name: name.clone(), roles: roles.iter().map(|role| shown(*role)).collect() },
        other => Person { name: format!("{} (shell)", other.kind()), roles: vec![Shown::Owner] },
    }
}

/// The console's word for an admin role.
pub fn shown(role: AdminRole) -> Shown {
    match role {
        AdminRole::Owner => Shown::Owner,
        AdminRole::IamAdmin => Shown::IamAdmin,
        AdminRole::Approver => Shown::Approver,
        AdminRole::Operator => Shown::Operator,
        AdminRole::Auditor => Shown::Auditor,
    }
}

/// What a person needs to see a place in the navigation.
pub const fn needs(nav: Nav) -> Permission {
    match nav {
        Nav::Home | Nav::NewRequest | Nav::Requests | Nav::Grants => Permission::SignedIn,
        Nav::Revocations => Permission::ReadConsole,
        Nav::Roles | Nav::Scopes | Nav::Assignments | Nav::Simulator | Nav::Servers | Nav::Clients | Nav::Agents | Nav::Idp => {
            Permission::ReadConfig
        }
        Nav::People => Permission::ReadPeople,
        Nav::Draft | Nav::Bundles => Permission::ReadConfig,
        Nav::Fleet | Nav::Rings => Permission::ReadFleet,
        Nav::Audit => Permission::ReadAudit,
        Nav::AdminRoles => Permission::ReadAdmins,
        Nav::Keys => Permission::ReadConfig,
    }
}
