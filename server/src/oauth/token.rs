//! The token endpoint and the revocation endpoint.

use super::params::{Params, Unreadable};
use super::program::{ANY_ORIGIN, Posted, Program, answer, failed, refused};
use crate::app::App;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use control::oauth::{
    ACCESS_TOKEN_TYPE, ExchangeCode, ExchangeToken, JWT_TYPE, Minted, OAuthError, Refresh, RevokeToken, exchange_code, parse_scope, refresh,
};
use serde_json::json;
use std::collections::BTreeSet;

/// RFC 8693.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Answers tokens.
pub async fn token(State(app): State<App>, Program(cx): Program, headers: HeaderMap, Posted(body): Posted) -> Response {
    let request = match Request::read(&headers, &body) {
        Ok(request) => request,
        Err(error) => return refused(&error),
    };
    match request {
        Request::Code(code) => answered(exchange_code(app.control(), &cx, code).await, false),
        Request::Refresh(request) => answered(refresh(app.control(), &cx, request).await, false),
        Request::Exchange(exchange) => answered(app.control().run(&cx, exchange).await, true),
    }
}

fn answered(minted: control::Result<Result<Minted, OAuthError>>, exchanged: bool) -> Response {
    let issued = match minted {
        Ok(Ok(minted)) => minted.sign(),
        Ok(Err(error)) => return refused(&error),
        Err(error) => Err(error),
    };
    let issued = match issued {
        Ok(issued) => issued,
        Err(error) => return failed(&error),
    };
    let scope: Vec<&str> = issued.scope.iter().map(String::as_str).collect();
    let mut body =
        json!({ "access_token": issued.access_token, "token_type": "Bearer", "expires_in": issued.expires_in, "scope": scope.join(" ") });
    if let Some(refresh) = issued.refresh_token {
        body["refresh_token"] = refresh.into();
    }
    if exchanged {
        body["issued_token_type"] = ACCESS_TOKEN_TYPE.into();
    }
    answer(StatusCode::OK, &body)
}

/// Takes a token back (RFC 7009). A token that is no good any more is no error.
pub async fn revoke(State(app): State<App>, Program(cx): Program, headers: HeaderMap, Posted(body): Posted) -> Response {
    let read = || -> Result<RevokeToken, OAuthError> {
        let form = Form::read(&headers, &body)?;
        // The hint is one and is not needed.
        form.optional("token_type_hint")?;
        Ok(RevokeToken { client_id: form.client()?, token: form.required("token")? })
    };
    match read() {
        Err(error) => refused(&error),
        Ok(revoke) => match revoke.run_on(app.control(), &cx).await {
            Ok(()) => (StatusCode::OK, [ANY_ORIGIN]).into_response(),
            Err(error) => failed(&error),
        },
    }
}

/// What is asked of the token endpoint.
pub enum Request {
    /// A code for tokens.
    Code(ExchangeCode),
    /// A refresh token for tokens.
    Refresh(Refresh),
    /// A token for another (RFC 8693).
    Exchange(ExchangeToken),
}

impl Request {
    /// Reads the form.
    ///
    /// # Errors
    /// What is wrong with it, for whoever writes the client.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthError> {
        let form = Form::read(headers, body)?;
        match form.required("grant_type")?.as_str() {
            "authorization_code" => Ok(Self::Code(ExchangeCode {
                client_id: form.client()?,
                code: form.required("code")?,
                redirect_uri: form.optional("redirect_uri")?,
                verifier: form.required("code_verifier")?,
                resource: form.resource()?,
            })),
            "refresh_token" => Ok(Self::Refresh(Refresh {
                client_id: form.client()?,
                refresh_token: form.required("refresh_token")?,
                resource: form.resource()?,
                scope: form.scope()?,
            })),
            TOKEN_EXCHANGE => form.exchange().map(Self::Exchange),
            _ => Err(OAuthError::new("unsupported_grant_type", "use authorization_code, refresh_token or token-exchange")),
        }
    }
}

struct Form {
    params: Params,
    authorization: bool,
}

impl Form {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthError> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(OAuthError::new("invalid_request", "send application/x-www-form-urlencoded"));
        }
        let params = Params::parse(body).map_err(unreadable)?;
        Ok(Self { params, authorization: headers.contains_key(AUTHORIZATION) })
    }

    fn optional(&self, name: &str) -> Result<Option<String>, OAuthError> {
        self.params.one(name).map_err(unreadable)
    }

    fn required(&self, name: &str) -> Result<String, OAuthError> {
        self.optional(name)?.ok_or_else(|| OAuthError::new("invalid_request", format!("{name} is missing")))
    }

    /// All clients are public: they say who they are and prove nothing. One that tries to prove something expects to be more.
    fn client(&self) -> Result<String, OAuthError> {
        if self.authorization || ["client_secret", "client_assertion", "client_assertion_type"].iter().any(|name| self.params.has(name)) {
            return Err(OAuthError::new("invalid_client", "clients are public here: send client_id and no credentials"));
        }
        self.required("client_id")
    }

    /// RFC 8707 lets `resource` repeat; a token here is for one.
    fn resource(&self) -> Result<Option<String>, OAuthError> {
        self.optional("resource").map_err(|_| OAuthError::new("invalid_target", "a token is for one resource: send resource once"))
    }

    fn scope(&self) -> Result<BTreeSet<String>, OAuthError> {
        parse_scope(self.optional("scope")?.as_deref())
    }

    fn exchange(&self) -> Result<ExchangeToken, OAuthError> {
        let wrong = |name: &str, only: &str| OAuthError::new("invalid_request", format!("{name} must be {only}"));
        if self.required("subject_token_type")? != ACCESS_TOKEN_TYPE {
            return Err(wrong("subject_token_type", ACCESS_TOKEN_TYPE));
        }
        if self.required("actor_token_type")? != JWT_TYPE {
            return Err(wrong("actor_token_type", JWT_TYPE));
        }
        if self.optional("requested_token_type")?.is_some_and(|kind| kind != ACCESS_TOKEN_TYPE) {
            return Err(wrong("requested_token_type", ACCESS_TOKEN_TYPE));
        }
        if self.params.has("audience") {
            return Err(OAuthError::new("invalid_target", "name the server by resource, not by audience"));
        }
        Ok(ExchangeToken {
            client_id: self.client()?,
            subject_token: self.required("subject_token")?,
            actor_token: self.required("actor_token")?,
            resource: self.resource()?,
            scope: self.scope()?,
        })
    }
}

fn unreadable(error: Unreadable) -> OAuthError {
    OAuthError::new("invalid_request", error.text())
}
