//! Which gateway calls.

use super::problem::Problem;
use crate::app::App;
use crate::request_id::RequestId;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use control::{Ctx, Error, Permission};

/// A gateway that proved who it is, in the tenant of the path.
pub struct Gateway(pub Ctx);

/// The `{tenant}` of the path, and the request's id.
pub(super) async fn place(parts: &mut Parts, app: &App) -> Result<(String, String), Problem> {
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::NotFound)?;
    let tenant = params.iter().find(|(name, _)| *name == "tenant").map(|(_, value)| value.to_owned()).ok_or(Error::NotFound)?;
    let id = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    Ok((tenant, id))
}

impl FromRequestParts<App> for Gateway {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (tenant, request_id) = place(parts, app).await?;
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let assertion = header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, assertion) = assertion.ok_or(Error::Forbidden(Permission::BeGateway))?;
        Ok(Self(control::delivery::authenticate(app.control(), &tenant, assertion.trim(), &request_id).await?))
    }
}
