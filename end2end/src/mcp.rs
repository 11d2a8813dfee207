//! An MCP client as IDEs have it, on the official SDK: it knows the gateway's URL and its own client id, and finds the rest.

use crate::{
    ask,
    browser::{Arrived, Browser, Page},
    console::signin,
};
use anyhow::{Context as _, Result, anyhow, bail};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt as _, RoleClient, ServiceError,
    model::{CallToolRequestParams, CallToolResult, ClientConfig, ContentBlock, ProtocolVersion},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport,
        auth::{AuthClient, AuthorizationCallback, AuthorizationRequest, OAuthState},
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::Value;

/// Who the client is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The id that the administrator registered it with.
    pub client_id: String,
    /// Where answers are sent; nobody has to listen there, since [`Browser`] hands the address over.
    pub redirect_uri: String,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// The tool's text.
    Done(String),
    /// 403 with the scope that is missing.
    Forbidden(String),
    /// 401: sign in again.
    Unauthorized,
    /// Another refusal, with its words.
    Refused(String),
}

impl Called {
    /// In a few words.
    pub fn shown(&self) -> String {
        match self {
            Self::Done(_) => "works".to_owned(),
            Self::Forbidden(scope) => format!("403 insufficient_scope ({scope})"),
            Self::Unauthorized => "401".to_owned(),
            Self::Refused(why) => format!("refused: {why}"),
        }
    }
}

/// What was seen on the way to a token.
#[derive(Clone, Debug)]
pub struct Way {
    /// The challenge of the first 401.
    pub challenge: String,
    /// The address that the browser was sent to.
    pub authorize: url::Url,
    /// The consent page, unless consent was given before.
    pub consent: Option<Page>,
}

/// A connected client.
pub struct Connection {
    service: RunningService<RoleClient, ClientConfig>,
    auth: AuthClient<reqwest::Client>,
    identity: Identity,
}

/// Connects without a token and returns the challenge.
///
/// # Errors
/// When the server answers anything but a challenge.
pub async fn challenge(url: &str) -> Result<String> {
    let transport = StreamableHttpClientTransport::from_uri(url.to_owned());
    match client_config().serve_with_lifecycle(transport, lifecycle()).await {
        Ok(_) => bail!("{url} let a stranger in"),
        Err(error) => error.auth_challenge().map(str::to_owned).with_context(|| format!("{url} gave no challenge: {error}")),
    }
}

/// A client on its way, while a person is in their browser.
pub struct Connecting {
    /// The challenge of the first 401.
    pub challenge: String,
    /// The address that the browser is to be sent to.
    pub authorize: url::Url,
    url: String,
    identity: Identity,
    oauth: OAuthState,
}

impl Connecting {
    /// Begins with the URL alone: 401, metadata, the address of the authorization.
    ///
    /// # Errors
    /// Where that path breaks.
    pub async fn begin(url: &str, identity: &Identity) -> Result<Self> {
        let challenge = challenge(url).await?;
        let mut oauth = OAuthState::new(url, None).await?;
        let request = AuthorizationRequest::new(&identity.redirect_uri)
            .with_preregistered_client(&identity.client_id)
            .with_initial_scope_selection()
            .with_challenge(&challenge);
        oauth.start_authorization(request).await.context("finding out where to sign in")?;
        let authorize = oauth.get_authorization_url().await?.parse()?;
        Ok(Self { challenge, authorize, url: url.to_owned(), identity: identity.clone(), oauth })
    }

    /// Goes on with where the browser was led back to: code, token, connection.
    ///
    /// # Errors
    /// Where that path breaks.
    pub async fn finish(mut self, callback: &url::Url) -> Result<Connection> {
        self.oauth.handle_callback_url(callback.as_str()).await.context("exchanging the code")?;
        let manager =
            self.oauth.into_authorization_manager().ok_or_else(|| anyhow!("the SDK holds no authorization after the exchange"))?;
        let auth = AuthClient::new(reqwest::Client::new(), manager);
        let config = StreamableHttpClientTransportConfig::with_uri(self.url);
        let transport = StreamableHttpClientTransport::with_client(auth.clone(), config);
        let service = client_config().serve_with_lifecycle(transport, lifecycle()).await.context("connecting with the token")?;
        Ok(Connection { service, auth, identity: self.identity })
    }
}

impl Connection {
    /// Connects knowing only the URL: 401, metadata, sign-in and consent in the person's browser, code, token.
    ///
    /// # Errors
    /// Where that path breaks.
    pub async fn open(url: &str, identity: &Identity, browser: &mut Browser, username: &str) -> Result<(Self, Way)> {
        let connecting = Connecting::begin(url, identity).await?;
        let (challenge, authorize) = (connecting.challenge.clone(), connecting.authorize.clone());
        let (callback, consent) = authorize_in(browser, &identity.redirect_uri, authorize.as_str(), username).await?;
        Ok((connecting.finish(&callback).await?, Way { challenge, authorize, consent }))
    }

    /// The names of the tools that the server shows.
    ///
    /// # Errors
    /// When the list is refused.
    pub async fn tools(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> =
            self.service.list_all_tools().await.context("tools/list")?.into_iter().map(|tool| tool.name.into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// When the gateway cannot be reached.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Called> {
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = arguments.as_object().cloned();
        match self.service.call_tool(params).await {
            Ok(result) => Ok(finished(&result)),
            Err(error) => refused(error),
        }
    }

    /// What the specification wants after 403 `insufficient_scope`: authorize again for what it has and what is missing.
    ///
    /// # Errors
    /// Where that path breaks.
    pub async fn step_up(&self, scope: &str, browser: &mut Browser, username: &str) -> Result<url::Url> {
        let authorize = self.ask_more(scope).await?;
        let (callback, _) = authorize_in(browser, &self.identity.redirect_uri, authorize.as_str(), username).await?;
        self.got_more(&callback).await?;
        Ok(authorize)
    }

    /// Where the browser is to be sent for what it has and `scope`.
    ///
    /// # Errors
    /// When the SDK refuses.
    pub async fn ask_more(&self, scope: &str) -> Result<url::Url> {
        Ok(self.auth.auth_manager.lock().await.request_scope_upgrade(scope).await?.parse()?)
    }

    /// Takes the answer to it.
    ///
    /// # Errors
    /// When it is a refusal, or the code is not taken.
    pub async fn got_more(&self, callback: &url::Url) -> Result<()> {
        let back = AuthorizationCallback::from_redirect_url(callback.as_str())?;
        let manager = self.auth.auth_manager.lock().await;
        manager.exchange_code_for_token_with_issuer(&back.code, &back.csrf_token, back.issuer.as_deref()).await?;
        Ok(())
    }

    /// Renews the token, which takes up what was approved in the meantime.
    ///
    /// # Errors
    /// When there is no refresh token, or it is refused.
    pub async fn refresh(&self) -> Result<()> {
        self.auth.auth_manager.lock().await.refresh_token().await.context("refreshing")?;
        Ok(())
    }

    /// The access token as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub async fn token(&self) -> Result<String> {
        Ok(self.auth.get_access_token().await?)
    }

    /// The protocol revision that was agreed upon.
    pub fn revision(&self) -> String {
        self.service.peer_info().map_or_else(|| "none".to_owned(), |info| info.protocol_version.to_string())
    }
}

/// Opens the authorization URL as the person would: sign in if asked, read the consent, allow.
async fn authorize_in(browser: &mut Browser, redirect_uri: &str, authorize: &str, username: &str) -> Result<(url::Url, Option<Page>)> {
    browser.hand_over(redirect_uri);
    let mut arrived = signin::through(browser, authorize.to_owned(), username).await?;
    let mut consent = None;
    if let Arrived::Page(page) = arrived {
        let form = page.form("/authorize").context("expected the consent page")?.press("decision", "allow")?;
        consent = Some(page);
        arrived = browser.submit(form).await?;
    }
    Ok((arrived.callback()?, consent))
}

fn client_config() -> ClientConfig {
    ClientConfig::default()
}

/// Today's revision first, an older one where the server knows no other.
fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: None }
}

fn finished(result: &CallToolResult) -> Called {
    let text = result.content.iter().filter_map(ContentBlock::as_text).map(|text| text.text.clone()).collect::<Vec<_>>().join("\n");
    if result.is_error == Some(true) { Called::Refused(text) } else { Called::Done(text) }
}

fn refused(error: ServiceError) -> Result<Called> {
    if let Some(challenge) = error.auth_challenge() {
        return Ok(match ask::parameter(challenge, "error") {
            Some("insufficient_scope") => Called::Forbidden(ask::parameter(challenge, "scope").unwrap_or_default().to_owned()),
            _ => Called::Unauthorized,
        });
    }
    match error {
        ServiceError::McpError(error) => Ok(Called::Refused(error.message.into_owned())),
        other => Err(other).context("calling a tool"),
    }
}
