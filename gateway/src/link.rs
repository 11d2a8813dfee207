//! Calls to the control plane's delivery endpoints, each with an assertion signed by the gateway's key.

use crate::clock::{Clock, Random};
use crate::following::Shown;
use crate::standing::Ack;
use futures::StreamExt;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use token::{Assertion, AssertionClaims, SigningKey};
use url::Url;

/// How long an answer may take from the first byte of the request to the last of the body, however steadily it trickles in: whoever could
/// keep a gateway busy with one slow answer would keep every later revocation from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Of a watch, which the control plane holds for up to 28 s.
    pub watch: Duration,
    /// Of anything else.
    pub request: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { watch: Duration::from_secs(40), request: Duration::from_secs(20) }
    }
}

/// What one watch reply may hold.
const LARGEST_PUSH: u64 = 16 << 20;
/// What a checkpoint with its proof may hold: 64 hashes and a note.
const LARGEST_PROOF: u64 = 64 << 10;

/// A call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No answer.
    #[error("the control plane cannot be reached ({0})")]
    Unreachable(String),
    /// Another answer than hoped for.
    #[error("the control plane answered {status} to {what}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Which call.
        what: &'static str,
        /// The start of what it said.
        detail: String,
        /// How long it wants to be left alone, milliseconds; 0 if it did not say.
        wait_ms: i64,
    },
    /// An answer that cannot be read.
    #[error("the control plane's answer to {0} cannot be read")]
    Unreadable(&'static str),
    /// The key could not sign.
    #[error("the gateway's key could not sign: {0}")]
    Key(#[from] token::KeyError),
}

impl LinkError {
    /// How long the other side wants to be left alone, milliseconds.
    pub const fn wait_ms(&self) -> i64 {
        match self {
            Self::Refused { wait_ms, .. } => *wait_ms,
            Self::Unreachable(_) | Self::Unreadable(_) | Self::Key(_) => 0,
        }
    }
}

/// The reply to a watch.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Watched {
    /// The newest timestamp version.
    pub timestamp: u64,
    /// Small changed files, by path below the repository's base.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// How long to wait before the next watch, milliseconds.
    #[serde(default)]
    pub wait_ms: i64,
    /// Within how long to acknowledge what came of it, milliseconds.
    #[serde(default)]
    pub ack_within_ms: i64,
}

impl From<Watched> for follow::News {
    fn from(watched: Watched) -> Self {
        let Watched { timestamp, files, wait_ms, ack_within_ms } = watched;
        Self { timestamp, files, wait_ms, ack_within_ms }
    }
}

/// A link to one tenant of a control plane.
#[derive(Debug)]
pub struct Link {
    http: reqwest::Client,
    base: String,
    key: Arc<SigningKey>,
    gateway_id: String,
    clock: Clock,
    random: Random,
    patience: Patience,
    newest: Mutex<Option<Signed>>,
}

/// The newest assertion.
struct Signed {
    assertion: String,
    /// Unix seconds.
    at: i64,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("at", &self.at).finish_non_exhaustive()
    }
}

/// How long an assertion is used, seconds: half of its life, so that it still stands when it arrives. Signing is cheap and verifying is not,
/// for who has ten thousand gateways.
const USED_FOR: i64 = Assertion::LIFE / 2;

/// A client that follows no redirects. Proxies from the environment are for the outside, not for this host.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(base: &str) -> Result<reqwest::Client, reqwest::Error> {
    builder(is_loopback(base)).build()
}

/// What every client of ours begins with.
pub(crate) fn builder(on_this_host: bool) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("writ-gateway/", env!("CARGO_PKG_VERSION")));
    if on_this_host { builder.no_proxy() } else { builder }
}

/// Whether a URL names this host.
pub fn is_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_on_this_host(&url))
}

/// The same of a URL that was read.
pub(crate) fn is_on_this_host(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What went wrong, without the URL: it says nothing new and could one day hold a secret.
pub(crate) fn unreachable(error: reqwest::Error) -> LinkError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    LinkError::Unreachable(text)
}

impl Link {
    /// A link to `control_plane` (`…/t/{tenant}`) as gateway `gateway_id`.
    pub fn new(http: reqwest::Client, control_plane: &str, key: Arc<SigningKey>, gateway_id: &str, clock: Clock, random: Random) -> Self {
        Self {
            http,
            base: format!("{control_plane}/delivery"),
            key,
            gateway_id: gateway_id.to_owned(),
            clock,
            random,
            patience: Patience::default(),
            newest: Mutex::default(),
        }
    }

    /// With another patience than usual.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    fn assertion(&self) -> Result<String, LinkError> {
        let iat = self.clock.now();
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes it one from the future.
        if let Some(signed) = newest.as_ref().filter(|signed| (0..USED_FOR).contains(&(iat - signed.at))) {
            return Ok(signed.assertion.clone());
        }
        let claims = AssertionClaims {
            iss: self.gateway_id.clone(),
            sub: self.gateway_id.clone(),
            aud: self.base.clone(),
            iat,
            exp: iat + Assertion::LIFE,
            jti: self.random.id("asr", self.clock.now_ms()),
            client_id: None,
            agent: None,
            scope: None,
            ..AssertionClaims::default()
        };
        let assertion = Assertion::Gateway.sign(&self.key, &self.gateway_id, &claims)?;
        *newest = Some(Signed { assertion: assertion.clone(), at: iat });
        Ok(assertion)
    }

    async fn send(&self, what: &'static str, request: RequestBuilder) -> Result<Response, LinkError> {
        let response = request.bearer_auth(self.assertion()?).send().await.map_err(unreachable)?;
        if response.status().is_success() || (what == "fetch" && response.status() == StatusCode::NOT_FOUND) {
            return Ok(response);
        }
        Err(refused(what, response).await)
    }

    /// Waits until the control plane has a timestamp newer than `timestamp`, or until it lets go.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn watch(&self, timestamp: u64) -> Result<Watched, LinkError> {
        let request = self.http.get(format!("{}/watch?timestamp={timestamp}", self.base)).timeout(self.patience.watch);
        let response = self.send("watch", request).await?;
        let bytes = read(response, LARGEST_PUSH).await?;
        serde_json::from_slice(&bytes).map_err(|_| LinkError::Unreadable("watch"))
    }

    /// A file of the repository, at most one byte more of it than `max_len`; `None` if there is none.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn fetch(&self, path: &str, max_len: u64) -> Result<Option<Vec<u8>>, LinkError> {
        let request = self.http.get(format!("{}/tuf/{path}", self.base)).timeout(self.patience.request);
        let response = self.send("fetch", request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(response, max_len).await.map(Some)
    }

    /// Says what is in force here. The answer may show the newest checkpoint of the audit log, to be witnessed.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn ack(&self, ack: &Ack) -> Result<Option<Shown>, LinkError> {
        let request = self.http.post(format!("{}/ack", self.base)).json(ack).timeout(self.patience.request);
        let response = self.send("ack", request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let bytes = read(response, LARGEST_PROOF).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| LinkError::Unreadable("ack"))
    }

    /// Hands in one batch of decisions, compressed with gzip.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn decisions(&self, seq: u64, previous: &str, batch: Vec<u8>) -> Result<(), LinkError> {
        let request = self.http.post(format!("{}/decisions", self.base)).timeout(self.patience.request);
        let request = request
            .header("content-type", "application/x-ndjson")
            .header("content-encoding", "gzip")
            .header("x-writ-batch-seq", seq)
            .header("x-writ-prev", previous);
        self.send("decisions", request.body(batch)).await.map(drop)
    }
}

/// What went wrong, by the body of an error: what it gives as the reason, else its start; printable and short.
pub fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let reason = problem
        .as_ref()
        .and_then(|problem| ["detail", "title", "error_description", "message"].iter().find_map(|key| problem.get(key)?.as_str()));
    printable(reason.unwrap_or(&text))
}

/// The start of somebody else's text, without what moves a cursor, turns the direction of what follows, or is not seen.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).take(300).collect()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e01ef}')
}

/// An error with what was said about it.
pub(crate) async fn refused(what: &'static str, response: Response) -> LinkError {
    let status = response.status().as_u16();
    let wait_s = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    let wait_ms = i64::from(wait_s.unwrap_or(0)) * 1000;
    let body = read(response, 2_000).await.unwrap_or_default();
    LinkError::Refused { status, what, detail: said(&body), wait_ms }
}

/// Reads a body, stopping one byte after `limit`: whoever judges it sees that it is too long.
pub(crate) async fn read(response: Response, limit: u64) -> Result<Vec<u8>, LinkError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(unreachable)?;
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() >= most {
            break;
        }
    }
    Ok(body)
}
