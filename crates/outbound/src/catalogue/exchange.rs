//! One JSON-RPC request over Streamable HTTP, answered by JSON or by an event stream.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::ImportError;
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

#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

impl RpcError {
    /// Whether a gateway of Writ speaks, rather than a server: it says so by what it gives as the reason.
    fn is_of_a_gateway(&self) -> bool {
        let reason = self.data["reason"].as_str().unwrap_or_default();
        self.data["remedy"].is_string() && GATEWAY_REASONS.contains(&reason)
    }
}

/// What a gateway answers to somebody who brings no token, whether or not it has a policy and knows the address.
const GATEWAY_REASONS: [&str; 3] = ["gateway_closed", "token_missing", "unknown_resource"];

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
            "application/json" => match serde_json::from_slice::<Message>(&self.read(&mut reply).await?) {
                Ok(Message { error: Some(error), .. }) if error.is_of_a_gateway() => return Err(ImportError::Gateway),
                _ if refused => return Err(ImportError::Unauthorized(reply.status.as_u16())),
                Ok(message) => message,
                Err(_) if !reply.status.is_success() => return Ok(Answer::Status(reply.status)),
                Err(error) => return Err(ImportError::Protocol(format!("its answer is not JSON-RPC ({error})"))),
            },
            _ if refused => return Err(ImportError::Unauthorized(reply.status.as_u16())),
            _ if !reply.status.is_success() => return Ok(Answer::Status(reply.status)),
            other => return Err(ImportError::Protocol(format!("it answers with “{}”", brief(other)))),
        };
        match message {
            Message { error: Some(error), .. } => Ok(Answer::Error { code: error.code, message: brief(&error.message) }),
            _ if !reply.status.is_success() => Ok(Answer::Status(reply.status)),
            Message { id: Some(answered), result: Some(result), .. } if answered == id => Ok(Answer::Result { result, session }),
            _ => Err(ImportError::Protocol("its answer belongs to no request".into())),
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
                if let Ok(message) = serde_json::from_slice::<Message>(&data)
                    && message.id.as_ref().is_some_and(|answered| *answered == id)
                    && (message.result.is_some() || message.error.is_some())
                {
                    return Ok(message);
                }
            }
        }
        Err(ImportError::Protocol("its event stream ended without an answer".into()))
    }
}

/// A reader of `text/event-stream` (WHATWG HTML, section 9.2) that keeps nothing but the data.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    after_return: bool,
}

impl Events {
    /// The data of the events that these bytes complete. Lines end in CR, LF or both.
    fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' => complete.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        complete
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty()).then_some(data);
        }
        let value = line.strip_prefix(b"data:")?;
        if !self.data.is_empty() {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn events_arrive_whole_however_they_are_cut() {
        let stream = b": hello\r\n\r\nevent: message\r\ndata: {\"a\":\r\ndata:1}\r\nid: 7\r\n\r\ndata: two\n\ndata: three\r\r";
        let expected = [b"{\"a\":\n1}".to_vec(), b"two".to_vec(), b"three".to_vec()];
        for size in 1..stream.len() {
            let mut events = Events::default();
            let got: Vec<_> = stream.chunks(size).flat_map(|chunk| events.push(chunk)).collect();
            assert_eq!(got, expected, "cut into {size}");
        }
    }
}
