//! What a browser sees when a use case did not do what it was asked to.
//!
//! Handlers return `Result<_, Problem>`. The page itself is rendered by `around`, which knows the request's id and the installation.

use crate::app::App;
use crate::page;
use crate::request_id::RequestId;
use app::page::Tenant;
use app::pages::error::{self, Model};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use control::{Actor, AdminRole, Error};
use std::sync::Arc;

/// An error on its way to a page.
#[derive(Debug, Clone)]
pub struct Problem(Arc<Error>);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

/// A form whose hidden token is missing or foreign.
pub(crate) const STALE_FORM: &str = "stale_form";

impl Problem {
    /// Its status: 404 also for what belongs to another tenant.
    pub fn status(&self) -> StatusCode {
        match &*self.0 {
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::Forbidden(control::Permission::SignedIn) => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::Refused { code, .. } if *code == STALE_FORM => StatusCode::FORBIDDEN,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Changed(_) | Error::Refused { .. } => StatusCode::CONFLICT,
            Error::Busy | Error::NotSigned(_) | Error::Store(store::StoreError::Conflict(_) | store::StoreError::Stopped) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Error::Store(_) | Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn model(&self, request_id: &str) -> Model {
        match &*self.0 {
            Error::NotFound => Model::not_found(request_id),
            Error::Forbidden(control::Permission::SignedIn) => Model {
                status: 401,
                title: "You are not signed in".to_owned(),
                detail: "Nothing was changed. Sign in and try again.".to_owned(),
                request_id: request_id.to_owned(),
                back: None,
            },
            Error::Forbidden(permission) => {
                let enough = AdminRole::ALL.into_iter().filter(|role| role.may(*permission)).map(|role| page::shown(role).label().2);
                Model::forbidden(&enough.collect::<Vec<_>>(), request_id)
            }
            Error::Refused { code, .. } if *code == STALE_FORM => Model::stale_form(request_id),
            Error::Changed(what) => Model::conflict(what.clone(), request_id),
            Error::Refused { text, .. } => Model { title: "That is not possible".to_owned(), ..Model::conflict(text.clone(), request_id) },
            Error::Invalid(fields) => Model {
                status: 422,
                title: "Something in the form is not right".to_owned(),
                detail: fields.iter().map(|field| format!("{}: {}", field.field, field.reason)).collect::<Vec<_>>().join("; "),
                request_id: request_id.to_owned(),
                back: None,
            },
            Error::NotSigned(error) => Model::not_signed(error.said(), request_id),
            Error::Busy | Error::Store(_) | Error::Internal { .. } => {
                Model { status: self.status().as_u16(), ..Model::internal(request_id) }
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The problem that a response stands for.
pub(crate) fn of(response: &Response) -> Option<Problem> {
    response.extensions().get::<Problem>().cloned()
}

/// Renders a [`Problem`] as a page, and logs what is our own fault with all its causes.
pub(crate) async fn page(app: &App, RequestId(id): &RequestId, path: &str, problem: Problem) -> Response {
    if problem.status().is_server_error() {
        tracing::error!(error = &*problem.0 as &dyn std::error::Error, "request failed");
    }
    let mut model = problem.model(id);
    let status = problem.status();
    let title = model.title.clone();
    let tenant = tenant(app, path, id).await;
    if let Some(tenant) = &tenant {
        model.back = Some((format!("/t/{}/home", tenant.slug), "Home".to_owned()));
    }
    page::bare(app, status, tenant, &title, &[], move || error::view(model))
}

/// The tenant that the path names, if there is one: then there is a home to go to.
async fn tenant(app: &App, path: &str, request_id: &str) -> Option<Tenant> {
    let slug = path.strip_prefix("/t/")?.split('/').next()?;
    let cx = app.control().ctx(slug, Actor::Anonymous, request_id).await.ok()?;
    let row = app.control().read(&cx).this_tenant().await.ok().flatten()?;
    Some(Tenant { slug: row.id, name: row.name })
}
