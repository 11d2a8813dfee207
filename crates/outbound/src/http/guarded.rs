//! The guarded client.

use std::{sync::Arc, time::Duration};

use ::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use url::{Host, Url};

use super::{
    OutboundError, Reach,
    address::{Refused, Resolver},
};
use crate::text::brief;

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// From the first packet to an established connection.
    pub connect: Duration,
    /// From the start to the last byte of the answer.
    pub total: Duration,
    /// The largest answer body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    /// 3 s to connect, 10 s in all, 1 MiB.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10), body: 1024 * 1024 }
    }
}

/// An HTTP client for addresses that others chose. Cheap to clone; make one per installation.
///
/// `https` goes wherever [`Reach`] allows. Plain `http` goes only *inside*: to loopback or private addresses
/// that [`Reach`] allows, so nothing crosses a public network in the clear.
#[derive(Clone, Debug)]
pub struct Guarded {
    secure: Client,
    plain: Client,
    reach: Reach,
    limits: Limits,
}

impl Guarded {
    /// A client with the given reach and bounds. Fails only when the system's trust store cannot be read.
    pub fn new(reach: Reach, limits: Limits) -> Result<Self, OutboundError> {
        Self::build(reach, limits, Client::builder)
    }

    /// The same for servers whose certificates come from these authorities, in PEM, and from no other.
    pub fn trusting(reach: Reach, limits: Limits, authorities: &[u8]) -> Result<Self, OutboundError> {
        let unreadable = || OutboundError::Malformed("no certificates in PEM".into());
        let authorities = Certificate::from_pem_bundle(authorities).map_err(|_| unreadable())?;
        if authorities.is_empty() {
            return Err(unreadable());
        }
        Self::build(reach, limits, || Client::builder().tls_certs_only(authorities.clone()))
    }

    fn build(reach: Reach, limits: Limits, begin: impl Fn() -> ClientBuilder) -> Result<Self, OutboundError> {
        let build = |public| {
            begin()
                .redirect(redirect::Policy::none())
                .referer(false)
                // A proxy would resolve names itself, past the check.
                .no_proxy()
                .connect_timeout(limits.connect)
                .timeout(limits.total)
                .dns_resolver(Arc::new(Resolver { reach, public }))
                .user_agent(concat!("writ/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| OutboundError::Unreachable(innermost(&error)))
        };
        Ok(Self { secure: build(true)?, plain: build(false)?, reach, limits })
    }

    /// The same client with other bounds on time and size of an answer (its connections are shared; the
    /// connect bound stays).
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// The bounds in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether this URL could be called at all, as far as can be seen without looking its name up.
    pub fn check(&self, url: &Url) -> Result<(), OutboundError> {
        self.client_for(url).map(|_| ())
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub async fn call(&self, request: ::http::Request<Vec<u8>>) -> Result<::http::Response<Vec<u8>>, OutboundError> {
        let mut reply = self.open(request).await?;
        let mut response = ::http::Response::new(reply.read_to_end().await?);
        *response.status_mut() = reply.status;
        *response.headers_mut() = std::mem::take(&mut reply.headers);
        Ok(response)
    }

    /// Gets a JSON document: status 200 and nothing else will do.
    pub async fn get_json<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T, OutboundError> {
        let request = ::http::Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| OutboundError::Malformed(error.to_string()))?;
        let response = self.call(request).await?;
        if response.status() != StatusCode::OK {
            return Err(OutboundError::BadStatus(response.status().as_u16()));
        }
        serde_json::from_slice(response.body()).map_err(|error| OutboundError::Malformed(brief(&error.to_string())))
    }

    /// Sends a request and hands back the answer's head, its body still to be read.
    pub async fn open(&self, request: ::http::Request<Vec<u8>>) -> Result<Reply, OutboundError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|_| OutboundError::Malformed("the address is not a URL".into()))?;
        let response = self
            .client_for(&url)?
            .request(head.method, url)
            .headers(head.headers)
            .timeout(self.limits.total)
            .body(body)
            .send()
            .await
            .map_err(classify)?;
        let limit = self.limits.body;
        if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > limit)) {
            return Err(OutboundError::TooLarge { limit });
        }
        let status = response.status();
        let headers = response.headers().clone();
        Ok(Reply { status, headers, response, left: limit, limit })
    }

    fn client_for(&self, url: &Url) -> Result<&Client, OutboundError> {
        let inside = self.reach.allow_loopback || self.reach.allow_private;
        let (client, public) = match url.scheme() {
            "https" => (&self.secure, true),
            "http" if inside => (&self.plain, false),
            other => return Err(OutboundError::RefusedScheme(other.into())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Malformed("the address carries credentials".into()));
        }
        let resolver = Resolver { reach: self.reach, public };
        // Literal addresses never see the resolver.
        let accepted = match url.host() {
            Some(Host::Ipv4(address)) => resolver.accepts(address.into()),
            Some(Host::Ipv6(address)) => resolver.accepts(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if accepted { Ok(client) } else { Err(OutboundError::RefusedAddress) }
    }
}

/// An answer whose body is read piece by piece, up to the limit.
#[derive(Debug)]
pub struct Reply {
    /// The status, not judged.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    left: usize,
    limit: usize,
}

impl Reply {
    /// The next piece of the body, `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let Some(chunk) = self.response.chunk().await.map_err(classify)? else { return Ok(None) };
        self.left = self.left.checked_sub(chunk.len()).ok_or(OutboundError::TooLarge { limit: self.limit })?;
        Ok(Some(chunk))
    }

    /// What is left of the body.
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>, OutboundError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn classify(error: reqwest::Error) -> OutboundError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = source {
        if cause.is::<Refused>() {
            return OutboundError::RefusedAddress;
        }
        source = cause.source();
    }
    if error.is_timeout() {
        OutboundError::TimedOut
    } else if error.is_builder() {
        OutboundError::Malformed(innermost(&error))
    } else {
        OutboundError::Unreachable(innermost(&error))
    }
}

/// The last cause is the one that says something; those before repeat the URL, which may be nobody's business.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
