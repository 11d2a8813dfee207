//! The authorization endpoint: a page on which one says who one is.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use url::Url;

use super::{
    pages,
    people::ACR_VALUES,
    state::{CODE_LIFE, Code, Idp},
};

/// The parameters of an authentication request (OpenID Connect Core 1.0, section 3.1.2.1) and of RFC 7636.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) client_id: String,
    #[serde(default)]
    pub(super) redirect_uri: String,
    #[serde(default)]
    pub(super) response_type: String,
    #[serde(default)]
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: Option<String>,
    pub(super) code_challenge_method: Option<String>,
    pub(super) login_hint: Option<String>,
    pub(super) prompt: Option<String>,
    pub(super) acr_values: Option<String>,
}

/// The same, come back from the form, with the answer.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    request: Request,
    #[serde(default)]
    username: String,
}

pub(super) async fn show(State(idp): State<Arc<Idp>>, Query(request): Query<Request>) -> Response {
    match check(&idp, &request) {
        Err(refusal) => refusal.answer(&idp, &request),
        // There are no sessions here, so silence can never sign anyone in.
        Ok(()) if request.prompt.as_deref() == Some("none") => {
            back(&idp, &request, &[("error", "login_required"), ("error_description", "This provider asks at every sign-in.")])
        }
        Ok(()) => Html(pages::sign_in(&idp, &request, None)).into_response(),
    }
}

pub(super) async fn submit(State(idp): State<Arc<Idp>>, Form(answer): Form<Answer>) -> Response {
    let Answer { request, username } = answer;
    if let Err(refusal) = check(&idp, &request) {
        return refusal.answer(&idp, &request);
    }
    let Some(person) = idp.person(&username) else {
        let page = pages::sign_in(&idp, &request, Some(&username));
        return (StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response();
    };
    let now = idp.clock.now();
    let wanted = request.acr_values.as_deref().unwrap_or_default();
    let acr =
        wanted.split_whitespace().find_map(|wanted| ACR_VALUES.into_iter().find(|offered| *offered == wanted)).unwrap_or(ACR_VALUES[0]);
    let code = idp.remember_code(Code {
        client_id: request.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.code_challenge.clone().unwrap_or_default(),
        nonce: request.nonce.clone(),
        acr,
        person: person.clone(),
        auth_time: now,
        expires: now + CODE_LIFE,
    });
    back(&idp, &request, &[("code", &code)])
}

/// Why a request is not served.
enum Refusal {
    /// Said on a page here, since nobody vouches for the redirect URI.
    Page(&'static str),
    /// Said to the client: OAuth error code and description.
    Client(&'static str, &'static str),
}

impl Refusal {
    fn answer(&self, idp: &Idp, request: &Request) -> Response {
        match *self {
            Self::Page(what) => (StatusCode::BAD_REQUEST, Html(pages::refusal(what))).into_response(),
            Self::Client(error, description) => back(idp, request, &[("error", error), ("error_description", description)]),
        }
    }
}

/// Client and redirect URI first: until both are known, no browser is sent anywhere.
fn check(idp: &Idp, request: &Request) -> Result<(), Refusal> {
    let client = idp.client(&request.client_id).ok_or(Refusal::Page("This client is not registered here."))?;
    if !client.redirect_uris.contains(&request.redirect_uri) {
        return Err(Refusal::Page("This redirect URI is not registered for this client."));
    }
    if request.response_type != "code" {
        return Err(Refusal::Client("unsupported_response_type", "Only response_type=code is supported."));
    }
    if !request.scope.split_whitespace().any(|scope| scope == "openid") {
        return Err(Refusal::Client("invalid_scope", "The scope openid is required."));
    }
    let challenge = request.code_challenge.as_deref().unwrap_or_default();
    if challenge.len() != 43 || request.code_challenge_method.as_deref() != Some("S256") {
        return Err(Refusal::Client("invalid_request", "PKCE with code_challenge_method=S256 is required."));
    }
    Ok(())
}

/// Back to the client, with state and, by RFC 9207, the issuer.
fn back(idp: &Idp, request: &Request, parameters: &[(&str, &str)]) -> Response {
    let Ok(mut target) = Url::parse(&request.redirect_uri) else {
        return (StatusCode::BAD_REQUEST, Html(pages::refusal("The redirect URI is not a URL."))).into_response();
    };
    {
        let mut query = target.query_pairs_mut();
        query.extend_pairs(parameters);
        if let Some(state) = &request.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &idp.issuer);
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, String::from(target))]).into_response()
}
