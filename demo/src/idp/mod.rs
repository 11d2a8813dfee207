//! A small but honest OpenID provider for demos and tests.
//!
//! It speaks OpenID Connect Core 1.0 (authorization code flow with PKCE S256), Discovery 1.0 and
//! RP-initiated logout, signs with ES256 and has no passwords: whoever can reach it picks a person.
//! That is why it listens on loopback only. Some of its people misbehave on purpose (see
//! [`people::Fault`]), so that a relying party can be tested against a provider gone wrong.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:7600").await?;
//! let client = "writ:secret:http://127.0.0.1:7400/t/acme/signin/callback".parse().expect("three parts");
//! demo::idp::serve(listener, demo::idp::Config::new("http://127.0.0.1:7600").client(client)).await
//! # }
//! ```

mod authorize;
pub mod clients;
pub mod clock;
mod keys;
mod pages;
pub mod people;
mod state;
mod token;

use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::net::TcpListener;

pub use self::{
    clients::Client,
    clock::{Clock, Entropy},
    people::{Fault, Person},
};
use self::{keys::SigningKey, state::Idp};

/// What a provider is made of.
pub struct Config {
    /// The issuer identifier, which is also the base of every endpoint. No trailing slash.
    pub issuer: String,
    /// Who may ask for sign-ins.
    pub clients: Vec<Client>,
    /// Who can sign in.
    pub people: Vec<Person>,
    /// Where the signing key is kept between starts; without it, each start makes a new one.
    pub data: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
    /// Where codes, tokens and session ids come from.
    pub entropy: Entropy,
}

impl Config {
    /// A provider with the built-in people, no client yet, the system's clock and randomness.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            clients: Vec::new(),
            people: people::built_in(),
            data: None,
            clock: Clock::system(),
            entropy: Entropy::system(),
        }
    }

    /// The same with one client more.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }
}

/// Serves until the task is dropped. Refuses a listener that is not on loopback.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    Server::new(config)?.serve_until(listener, std::future::pending()).await
}

/// A provider that has its key and needs but a listener.
pub struct Server(Router);

impl Server {
    /// Reads or makes the signing key, which is what can go wrong.
    pub fn new(config: Config) -> io::Result<Self> {
        let key = SigningKey::load_or_generate(config.data.as_deref())?;
        Ok(Self(router(Arc::new(Idp::new(config, key)))))
    }

    /// Serves until `stop` resolves, then finishes the requests under way. Refuses a listener that is not on loopback.
    pub async fn serve_until(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        only_loopback(listener.local_addr()?)?;
        axum::serve(listener, self.0).with_graceful_shutdown(stop).await
    }
}

/// Refuses every address that others could reach.
pub fn only_loopback(address: SocketAddr) -> io::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the demo identity provider has no passwords and listens on loopback only, not on {address}"),
    ))
}

fn router(idp: Arc<Idp>) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/style.css", get(pages::style))
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize::show).post(authorize::submit))
        .route("/token", post(token::token))
        .route("/userinfo", get(token::userinfo).post(token::userinfo))
        .route("/end_session", get(pages::end_session).post(pages::end_session))
        .layer(middleware::map_response(harden))
        .with_state(idp)
}

async fn discovery(State(idp): State<Arc<Idp>>) -> Json<serde_json::Value> {
    let issuer = &idp.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/end_session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email", "profile", "groups"],
        "acr_values_supported": people::ACR_VALUES,
        "prompt_values_supported": ["none", "login", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "acr", "amr", "sid",
            "email", "email_verified", "name", "groups",
        ],
    }))
}

async fn jwks(State(idp): State<Arc<Idp>>) -> Json<serde_json::Value> {
    Json(json!({ "keys": [idp.key.jwk()] }))
}

/// Nothing here may be framed, cached or guessed at.
async fn harden(response: Response) -> Response {
    let mut response = response.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
