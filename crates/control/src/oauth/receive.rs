//! An authorization request as it comes in: RFC 6749 section 4.1.1 with PKCE, resource indicators and what OpenID Connect adds.
//!
//! Until client and redirect URI are both known to belong together, nobody's browser is sent anywhere.

use super::assigned::Assigned;
use super::error::{OAuthError, invalid_request, invalid_scope, invalid_target};
use super::redirect::matches;
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::scene::{Scene, Upkeep};
use std::collections::BTreeSet;
use store::{Authorization, Client, Json, Reader};

/// How long a person may take to sign in and consent, in milliseconds.
pub const AUTHORIZATION_LIFE_MS: i64 = 30 * 60 * 1000;
/// The longest `state`, in bytes: it is the client's to choose, but ours to keep.
const LONGEST_STATE: usize = 4096;

/// The parameters as they were sent. An empty one was not sent (RFC 6749 section 3.1).
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `response_type`.
    pub response_type: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `resource`; RFC 8707 lets it repeat.
    pub resource: Vec<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `max_age`.
    pub max_age: Option<String>,
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// Names of parameters that were sent more than once and must not be.
    pub repeated: BTreeSet<String>,
    /// `request` or `request_uri` was sent.
    pub request_object: bool,
}

/// An error that the client is told by a redirect to where its own answers go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Validated.
    pub redirect_uri: String,
    /// The client's.
    pub state: Option<String>,
    /// What is wrong.
    pub error: OAuthError,
    /// A page that helps the person on.
    pub error_uri: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It is kept; this handle continues it, in a browser that is signed in.
    Kept {
        /// The handle: a secret.
        handle: String,
    },
    /// Wrong, and the client can be told.
    Back(Back),
    /// Wrong, and nobody can be sent anywhere.
    Page(OAuthError),
}

/// Validates a request and keeps it.
///
/// # Errors
/// When the database fails.
pub async fn receive(control: &Control, cx: &Ctx, asked: Asked) -> Result<Received> {
    let db = control.read(cx);
    let (client, redirect_uri) = match addressee(&db, &asked).await? {
        Ok(found) => found,
        Err(error) => return Ok(Received::Page(error)),
    };
    let state = asked.state.clone().filter(|_| !asked.repeated.contains("state"));
    let row = match validate(&db, &asked, cx).await? {
        Ok(row) => Authorization { client_id: client.id, redirect_uri, ..row },
        Err(error) => return Ok(Received::Back(Back { redirect_uri, state, error, error_uri: None })),
    };
    let handle = control.parts().chance.secret();
    control.keep(&cx.tenant, Keep(Authorization { id: sha256_hex(&handle), ..row })).await?;
    Ok(Received::Kept { handle })
}

/// The client, and where its answers may go.
async fn addressee(db: &Reader<'_>, asked: &Asked) -> Result<std::result::Result<(Client, String), OAuthError>> {
    if asked.repeated.contains("client_id") || asked.repeated.contains("redirect_uri") {
        return Ok(Err(invalid_request("client_id or redirect_uri is there more than once")));
    }
    let Some(client_id) = &asked.client_id else { return Ok(Err(invalid_request("client_id is missing"))) };
    let Some(client) = db.get::<Client>(client_id).await? else {
        return Ok(Err(OAuthError::new("invalid_client", "This client is not registered here")));
    };
    let Some(redirect_uri) = &asked.redirect_uri else { return Ok(Err(invalid_request("redirect_uri is missing"))) };
    if !client.redirect_uris.iter().any(|registered| matches(registered, redirect_uri)) {
        return Ok(Err(invalid_request("The redirect URI is not one that this client registered")));
    }
    Ok(Ok((client, redirect_uri.clone())))
}

/// All the rest. Answers a row without id, client and redirect URI.
async fn validate(db: &Reader<'_>, asked: &Asked, cx: &Ctx) -> Result<std::result::Result<Authorization, OAuthError>> {
    let form = match form(asked) {
        Ok(form) => form,
        Err(error) => return Ok(Err(error)),
    };
    let policies = Assigned::load(db).await?;
    let known = policies.resources();
    let resource = match (asked.resource.as_slice(), known.len()) {
        ([one], _) if known.contains(one.as_str()) => one.clone(),
        ([_], _) => return Ok(Err(invalid_target("resource is not a server of the published policy"))),
        ([], 1) => known.first().copied().unwrap_or_default().to_owned(),
        ([], _) => return Ok(Err(invalid_target("resource is missing, and there is not exactly one server that could be meant"))),
        _ => return Ok(Err(invalid_target("a token is for one resource: send resource once"))),
    };
    let scope: BTreeSet<String> = form.scope.into_iter().filter(|scope| policies.needs(&resource, scope)).collect();
    // A scope that nobody knows is left out, since clients add some of their own (`offline_access`); when none is left, that is said.
    if scope.is_empty() && form.asked_for_any {
        return Ok(Err(invalid_scope("none of these scopes is one of this resource")));
    }
    Ok(Ok(Authorization {
        id: String::new(),
        client_id: String::new(),
        redirect_uri: String::new(),
        resource,
        scope: Json(scope),
        state: asked.state.clone(),
        challenge: form.challenge,
        acr_values: asked.acr_values.clone(),
        auth_after_s: form.max_age.map(|age| cx.now_s() - age),
        ask_again: i64::from(form.ask_again),
        expires_ms: cx.now_ms + AUTHORIZATION_LIFE_MS,
    }))
}

/// Whether the parameters make a request at all: what can be judged without looking anything up.
///
/// # Errors
/// What is wrong, as the client is told.
pub fn well_formed(asked: &Asked) -> std::result::Result<(), OAuthError> {
    form(asked).map(drop)
}

struct Form {
    scope: BTreeSet<String>,
    asked_for_any: bool,
    challenge: String,
    max_age: Option<i64>,
    ask_again: bool,
}

fn form(asked: &Asked) -> std::result::Result<Form, OAuthError> {
    if let Some(name) = asked.repeated.first() {
        return Err(invalid_request(format!("{name} is there more than once")));
    }
    if asked.request_object {
        return Err(OAuthError::new("request_not_supported", "request objects are not supported"));
    }
    match asked.response_type.as_deref() {
        Some("code") => {}
        None => return Err(invalid_request("response_type is missing")),
        Some(_) => return Err(OAuthError::new("unsupported_response_type", "only response_type=code is supported")),
    }
    if asked.response_mode.as_deref().is_some_and(|mode| mode != "query") {
        return Err(invalid_request("only response_mode=query is supported"));
    }
    let challenge = asked.code_challenge.clone().ok_or_else(|| invalid_request("PKCE is required: code_challenge is missing"))?;
    // Absent means `plain` (RFC 7636 section 4.3), which is no protection.
    if asked.code_challenge_method.as_deref() != Some("S256") {
        return Err(invalid_request("PKCE is required with code_challenge_method=S256"));
    }
    if challenge.len() != 43 || !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(invalid_request("code_challenge must be 43 characters of base64url"));
    }
    if asked.state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(invalid_request(format!("state is longer than {LONGEST_STATE} bytes")));
    }
    if asked.acr_values.as_ref().is_some_and(|values| values.len() > 1000) {
        return Err(invalid_request("acr_values is too long"));
    }
    let prompts: Vec<&str> = asked.prompt.as_deref().unwrap_or_default().split_ascii_whitespace().collect();
    if prompts.contains(&"none") {
        return Err(OAuthError::new("interaction_required", "prompt=none is not supported: a person has to be there"));
    }
    let max_age = match asked.max_age.as_deref().map(str::parse::<u32>) {
        Some(Err(_)) => return Err(invalid_request("max_age must be a number of seconds")),
        Some(Ok(age)) => Some(i64::from(age)),
        None => None,
    };
    let scope = parse_scope(asked.scope.as_deref())?;
    Ok(Form {
        asked_for_any: scope.iter().any(|scope| !STANDARD.contains(&scope.as_str())),
        scope,
        challenge,
        // Whoever signs in anew says as whom.
        max_age: if prompts.iter().any(|prompt| ["login", "select_account"].contains(prompt)) { Some(0) } else { max_age },
        ask_again: prompts.contains(&"consent"),
    })
}

/// Scopes that clients add out of habit and that say nothing about a resource.
const STANDARD: [&str; 4] = ["offline_access", "openid", "profile", "email"];

/// A `scope` parameter (RFC 6749 section 3.3).
///
/// # Errors
/// `invalid_scope`.
pub fn parse_scope(text: Option<&str>) -> std::result::Result<BTreeSet<String>, OAuthError> {
    let text = text.unwrap_or_default();
    let token = |byte: u8| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
    if text.len() > 8192 || !text.bytes().all(|byte| byte == b' ' || token(byte)) {
        return Err(invalid_scope("scope must be names with single spaces between them"));
    }
    Ok(text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect())
}

struct Keep(Authorization);

impl Upkeep for Keep {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        scene.db.insert(self.0.clone()).await?;
        Ok(((), false))
    }
}
