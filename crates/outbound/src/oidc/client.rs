//! This side of the connection, and where to send the browser.

use std::fmt;

use openidconnect::{
    AuthenticationContextClass, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IdTokenFields, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse,
    StandardTokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
        CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use url::Url;

use super::{Provider, SignInError, identity::Claims};

/// How we are registered at a provider.
#[derive(Clone, Eq, PartialEq)]
pub struct ClientConfig {
    /// Our client identifier there.
    pub client_id: String,
    /// Our secret there; none for a public client. Never shown, not even by `Debug`.
    pub client_secret: Option<String>,
    /// Where the provider sends the browser back to, as registered there.
    pub redirect_uri: String,
    /// Scopes to ask for beside `openid`, for example `email`, `profile`, `groups`.
    pub scopes: Vec<String>,
    /// The claim that lists the groups, usually `groups`.
    pub groups_claim: String,
}

impl ClientConfig {
    /// A confidential client that asks for `email` and `profile` and reads the `groups` claim.
    pub fn new(client_id: impl Into<String>, client_secret: Option<String>, redirect_uri: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret,
            redirect_uri: redirect_uri.into(),
            scopes: vec!["email".into(), "profile".into()],
            groups_claim: "groups".into(),
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| "(hidden)"))
            .field("redirect_uri", &self.redirect_uri)
            .field("scopes", &self.scopes)
            .field("groups_claim", &self.groups_claim)
            .finish()
    }
}

/// The unguessable values of one sign-in, made up by the caller and kept until the browser comes back.
#[derive(Clone, Eq, PartialEq)]
pub struct Flow {
    /// Binds the callback to the browser; the caller compares it.
    pub state: String,
    /// Binds the ID token to this sign-in.
    pub nonce: String,
    /// Binds the code to this sign-in (RFC 7636): 43 to 128 characters `A-Z a-z 0-9 - . _ ~`.
    pub pkce_verifier: String,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow(hidden)")
    }
}

/// How the provider is to ask, even if it knows who is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prompt {
    /// For a sign-in anew.
    Login,
    /// For which account it is to be.
    SelectAccount,
}

/// What to ask of the provider beyond a sign-in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ask {
    /// Who is expected.
    pub login_hint: Option<String>,
    /// How to ask the person, even if they are signed in there.
    pub prompt: Option<Prompt>,
    /// Authentication context classes wanted, best first.
    pub acr_values: Vec<String>,
    /// The oldest acceptable authentication, in seconds.
    pub max_age: Option<u32>,
}

/// A token response (OpenID Connect Core 1.0, section 3.1.3.3), as it was read and not yet verified.
pub type TokenAnswer = StandardTokenResponse<
    IdTokenFields<Claims, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>,
    CoreTokenType,
>;

pub(super) type Relying = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

pub(super) fn relying(provider: &Provider, config: &ClientConfig) -> Result<Relying, SignInError> {
    let redirect =
        RedirectUrl::new(config.redirect_uri.clone()).map_err(|_| SignInError::Misconfigured("the redirect URI is not a URL".into()))?;
    let secret = config.client_secret.clone().map(ClientSecret::new);
    Ok(Client::from_provider_metadata(provider.metadata.clone(), ClientId::new(config.client_id.clone()), secret)
        .set_redirect_uri(redirect))
}

pub(super) fn verifier(flow: &Flow) -> Result<PkceCodeVerifier, SignInError> {
    let fits = (43..=128).contains(&flow.pkce_verifier.len())
        && flow.pkce_verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if fits {
        Ok(PkceCodeVerifier::new(flow.pkce_verifier.clone()))
    } else {
        Err(SignInError::Misconfigured("a PKCE verifier has 43 to 128 unreserved characters".into()))
    }
}

/// Where to send the browser.
pub fn authorize_url(provider: &Provider, config: &ClientConfig, flow: &Flow, ask: &Ask) -> Result<Url, SignInError> {
    let client = relying(provider, config)?;
    let (state, nonce) = (flow.state.clone(), flow.nonce.clone());
    let mut request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || CsrfToken::new(state), move || Nonce::new(nonce))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier(flow)?))
        .add_scopes(config.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new));
    if let Some(hint) = &ask.login_hint {
        request = request.set_login_hint(LoginHint::new(hint.clone()));
    }
    match ask.prompt {
        Some(Prompt::Login) => request = request.add_prompt(CoreAuthPrompt::Login),
        Some(Prompt::SelectAccount) => request = request.add_prompt(CoreAuthPrompt::SelectAccount),
        None => {}
    }
    for acr in &ask.acr_values {
        request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
    }
    if let Some(seconds) = ask.max_age {
        request = request.set_max_age(std::time::Duration::from_secs(seconds.into()));
    }
    Ok(request.url().0)
}
