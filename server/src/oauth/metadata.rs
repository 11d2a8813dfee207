//! What clients find out before they come: RFC 8414 and the keys.

use super::program::{ANY_ORIGIN, Program, failed};
use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use control::oauth;
use serde_json::json;

/// Both documents change seldom, and who finds an unknown key asks again.
const FOR_A_WHILE: &str = "public, max-age=300";

/// The authorization server's metadata. It claims what is so and nothing else: no ID tokens, so no OpenID provider, though OpenID's places
/// serve it too.
pub async fn metadata(State(app): State<App>, Program(cx): Program) -> Response {
    let issuer = app.control().parts().issuer(&cx.tenant);
    let scopes = match oauth::scopes_supported(app.control(), &cx).await {
        Ok(scopes) => scopes,
        Err(error) => return failed(&error),
    };
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", super::token::TOKEN_EXCHANGE],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "scopes_supported": scopes,
    });
    ([(CACHE_CONTROL, FOR_A_WHILE), ANY_ORIGIN], Json(document)).into_response()
}

/// The public keys of access tokens.
pub async fn jwks(State(app): State<App>, Program(cx): Program) -> Response {
    match oauth::jwks(app.control(), &cx).await {
        Ok(jwks) => ([(CACHE_CONTROL, FOR_A_WHILE), ANY_ORIGIN], Json(jwks)).into_response(),
        Err(error) => failed(&error),
    }
}
