//! Which OPA calls.

use crate::app::App;
use crate::delivery::caller::place;
use crate::delivery::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use control::{Ctx, Error, Permission};

/// An OPA that showed its token, in the tenant of the path.
pub struct Opa(pub Ctx);

impl FromRequestParts<App> for Opa {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (tenant, request_id) = place(parts, app).await?;
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or(Error::Forbidden(Permission::BeGateway))?;
        Ok(Self(control::delivery::opa::authenticate(app.control(), &tenant, token.trim(), &request_id).await?))
    }
}
