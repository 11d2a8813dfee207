//! One JSON-RPC request over Streamable HTTP, answered by JSON or by an event stream.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::{ImportError, Message, events::Events};
use crate::{
    http::{Guarded, OutboundError, Reply},
    text::brief,
};

/// A connection to one server: where, as whom, and what has been read so far.
pub(super) struct Line<'a> {
    pub(super) http: Guarded,
    pub(super) server: &'a Url,
    /// Headers of every request: authorization, then protocol version and session once they are known.
    pub(super) headers: HeaderMap,
    pub(super) left: usize,
    pub(super) limit: usize,
    pub(super) last_id: u64,
}

/// What came back.
pub(super) enum Answer {
    /// A JSON-RPC result, and the session that the response opened.
    Result { result: Value, session: Option<HeaderValue> },
    /// A JSON-RPC error, whatever the status.
    Error { code: i64, message: String },
    /// A status that carries no JSON-RPC.
    Status(StatusCode),
}

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const PROTOCOL: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const METHOD: HeaderName = HeaderName::from_static("mcp-method");

impl Line<'_> {
    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Result<Answer, ImportError> {
        self.last_id += 1;
        let id = self.last_id;
        let mut reply = self.post(method, json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await?;
        let refused = matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let session = reply.headers.get(&SESSION).cloned();
        let kind = reply.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let message = match kind.as_str() {
            "text/event-stream" if reply.status.is_success() => self.await_event(&mut reply, id).await?,
            "application/json" => match Message::read(&self.read(&mut reply).await?) {
                Ok(message) if message.is_of_a_gateway() => return Err(ImportError::Gateway),
                _ if refused => return Err(ImportError::Unauthorized(reply.status.as_u16())),
                Ok(message) => message,
                Err(_) if !reply.status.is_success() => return Ok(Answer::Status(reply.status)),
                Err(error) => return Err(error),
            },
            _ if refused => return Err(ImportError::Unauthorized(reply.status.as_u16())),
            _ if !reply.status.is_success() => return Ok(Answer::Status(reply.status)),
            other => return Err(ImportError::Protocol(format!("it answers with “{}”", brief(other)))),
        };
        match message.error() {
            Some((code, message)) => Ok(Answer::Error { code, message }),
            None if !reply.status.is_success() => Ok(Answer::Status(reply.status)),
            None => message.into_result(id).map(|result| Answer::Result { result, session }),
        }
    }

    /// Sends a notification; any 2xx will do.
    pub(super) async fn tell(&mut self, method: &str) -> Result<(), ImportError> {
        let reply = self.post(method, json!({ "jsonrpc": "2.0", "method": method })).await?;
        if reply.status.is_success() { Ok(()) } else { Err(OutboundError::BadStatus(reply.status.as_u16()).into()) }
    }

    /// Ends the session; servers need not offer that, so whatever comes of it is fine.
    pub(super) async fn hang_up(&self) {
        if self.headers.contains_key(&SESSION)
            && let Ok(request) = self.request(Method::DELETE, Vec::new())
            && let Err(error) = self.http.open(request).await
        {
            tracing::debug!(code = error.code(), "the MCP session was not ended");
        }
    }

    async fn post(&self, method: &str, message: Value) -> Result<Reply, ImportError> {
        let mut request = self.request(Method::POST, message.to_string().into_bytes())?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        // New in 2026-07-28; older servers do not look at it.
        if let Ok(method) = HeaderValue::from_str(method) {
            headers.insert(METHOD, method);
        }
        Ok(self.http.open(request).await?)
    }

    fn request(&self, method: Method, body: Vec<u8>) -> Result<Request<Vec<u8>>, OutboundError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.server.as_str())
            .body(body)
            .map_err(|error| OutboundError::Malformed(error.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    async fn read(&mut self, reply: &mut Reply) -> Result<Vec<u8>, ImportError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(reply).await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn chunk(&mut self, reply: &mut Reply) -> Result<Option<bytes::Bytes>, ImportError> {
        let Some(chunk) = reply.chunk().await? else { return Ok(None) };
        let too_large = ImportError::TooLarge { limit: self.limit, unit: "bytes" };
        self.left = self.left.checked_sub(chunk.len()).ok_or(too_large)?;
        Ok(Some(chunk))
    }

    /// Reads events until the answer to `id` comes; what the server says meanwhile is its own business.
    async fn await_event(&mut self, reply: &mut Reply, id: u64) -> Result<Message, ImportError> {
        let mut events = Events::default();
        while let Some(chunk) = self.chunk(reply).await? {
            for data in events.push(&chunk) {
                if let Ok(message) = Message::read(&data)
                    && message.ends(id)
                {
                    return Ok(message);
                }
            }
        }
        Err(ImportError::Protocol("its event stream ended without an answer".into()))
    }
}
