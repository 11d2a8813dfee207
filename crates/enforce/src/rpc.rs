//! Reading a JSON-RPC message so strictly that no two readers can differ about it.
//!
//! The bytes that were read are the bytes that are forwarded. So whatever another parser could understand differently is refused here,
//! before policy is asked: an object with a key twice (which one counts?), a key that differs from a known one in its case only (some
//! parsers fold it), bytes after the message, a batch. MCP took batches out with 2025-06-18; a batch of a 2025-03-26 client is refused.
//!
//! ```
//! use enforce::{MethodOwned, rpc};
//!
//! let message = rpc::read(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read"}}"#)?;
//! assert_eq!(message.method, MethodOwned::CallTool("logs.read".into()));
//! // Which of the two would the server behind us take?
//! let twice = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","name":"logs.delete"}}"#;
//! assert_eq!(rpc::read(twice).unwrap_err().code, rpc::PARSE_ERROR);
//! # Ok::<(), rpc::Unreadable>(())
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// The largest message that [`read`] reads, in bytes.
pub const LARGEST: usize = 1 << 20;

/// The revisions of MCP that are understood, newest first.
pub const REVISIONS: [&str; 5] = [STATELESS, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The revision since which a request carries all it needs: no `initialize`, no session, no `GET`, and headers that repeat the body.
pub const STATELESS: &str = "2026-07-28";

/// JSON-RPC code: the bytes are no JSON that everyone reads alike.
pub const PARSE_ERROR: i64 = -32700;
/// JSON-RPC code: JSON, but no message.
pub const INVALID_REQUEST: i64 = -32600;
/// JSON-RPC code: there is no such method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC code: a `tools/call` without a tool.
pub const INVALID_PARAMS: i64 = -32602;
/// MCP 2026-07-28: a header says something else than the body.
pub const HEADER_MISMATCH: i64 = -32020;
/// MCP 2026-07-28: a revision that is not understood.
pub const UNSUPPORTED_REVISION: i64 = -32022;
/// The call was denied.
pub const DENIED: i64 = -32001;

/// What is asked, owned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MethodOwned {
    /// `tools/call` of this tool.
    CallTool(String),
    /// Any other JSON-RPC method.
    Other(String),
    /// A client's response to a request of the server. It goes with the session and is judged as lifecycle.
    Response,
    /// `GET`: the session's stream of server messages.
    Stream,
    /// `DELETE`: the session's end.
    EndSession,
}

impl MethodOwned {
    /// As policy sees it.
    pub fn as_policy(&self) -> policy::Method<'_> {
        match self {
            Self::CallTool(tool) => policy::Method::CallTool(tool),
            Self::Other(method) => policy::Method::of(method, None),
            Self::Response | Self::Stream | Self::EndSession => policy::Method::Lifecycle,
        }
    }

    /// The name in the log.
    pub fn name(&self) -> &str {
        match self {
            Self::CallTool(_) => "tools/call",
            Self::Other(method) => method,
            Self::Response => "response",
            Self::Stream => "GET",
            Self::EndSession => "DELETE",
        }
    }

    /// The tool of a `tools/call`.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::CallTool(tool) => Some(tool),
            _ => None,
        }
    }

    /// Whether policy treats it as what holds a conversation together.
    pub fn is_lifecycle(&self) -> bool {
        matches!(self.as_policy(), policy::Method::Lifecycle)
    }

    /// Whether it asks for the list of tools.
    pub fn is_list(&self) -> bool {
        matches!(self.as_policy(), policy::Method::ListTools)
    }
}

/// A message that everyone reads alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id; `None` for a notification.
    pub id: Option<Value>,
    /// What it asks.
    pub method: MethodOwned,
    /// What `Mcp-Name` has to say: `params.name` or `params.uri`.
    pub name: Option<String>,
    /// `params.arguments`.
    pub arguments: Option<Value>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]`: the revision that the message says it is written in.
    pub revision: Option<String>,
}

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// JSON-RPC code.
    pub code: i64,
    /// For the developer of the client.
    pub why: String,
    /// The message's id, where it got that far.
    pub id: Option<Value>,
}

fn refuse<T>(code: i64, why: impl Into<String>, id: Option<&Value>) -> Result<T, Unreadable> {
    Err(Unreadable { code, why: why.into(), id: id.cloned() })
}

/// Reads one message of at most [`LARGEST`] bytes.
///
/// # Errors
/// [`Unreadable`], to be answered with HTTP 400.
pub fn read(bytes: &[u8]) -> Result<Message, Unreadable> {
    read_within(bytes, LARGEST)
}

/// Reads one message of at most `largest` bytes.
///
/// # Errors
/// [`Unreadable`], to be answered with HTTP 400.
pub fn read_within(bytes: &[u8], largest: usize) -> Result<Message, Unreadable> {
    if bytes.len() > largest {
        return refuse(INVALID_REQUEST, format!("the message is larger than {} KiB", largest / 1024), None);
    }
    let Strict(value) = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => return refuse(PARSE_ERROR, format!("not JSON that can be read in one way only: {error}"), None),
    };
    let members = match value {
        Value::Object(members) => members,
        Value::Array(_) => return refuse(INVALID_REQUEST, "batches are not accepted: send one message a request", None),
        _ => return refuse(INVALID_REQUEST, "a JSON-RPC message is an object", None),
    };
    let id = members.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
    let id = id.as_ref();
    if members.get("id").is_some_and(|given| Some(given) != id) {
        return refuse(INVALID_REQUEST, "`id` must be a string or a number", None);
    }
    spelled(&members, &["jsonrpc", "id", "method", "params", "result", "error"], id)?;
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return refuse(INVALID_REQUEST, "`jsonrpc` must be \"2.0\"", id);
    }
    let Some(method) = members.get("method") else {
        let answers = members.contains_key("result") != members.contains_key("error");
        return match (answers, id) {
            (true, Some(_)) => Ok(Message { id: id.cloned(), method: MethodOwned::Response, name: None, arguments: None, revision: None }),
            _ => refuse(INVALID_REQUEST, "neither a request nor a response", id),
        };
    };
    let Some(method) = method.as_str() else { return refuse(INVALID_REQUEST, "`method` must be a string", id) };
    if members.contains_key("result") || members.contains_key("error") {
        return refuse(INVALID_REQUEST, "both a request and a response", id);
    }
    request(method, members.get("params"), id)
}

fn request(method: &str, params: Option<&Value>, id: Option<&Value>) -> Result<Message, Unreadable> {
    let empty = Map::new();
    let params = match params {
        None => &empty,
        Some(Value::Object(params)) => params,
        Some(_) => return refuse(INVALID_PARAMS, "`params` must be an object", id),
    };
    spelled(params, &["name", "arguments", "uri", "taskId", "_meta"], id)?;
    let revision = params.get("_meta").and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion"));
    let revision = revision.and_then(Value::as_str).map(str::to_owned);
    let text = |key: &str| params.get(key).and_then(Value::as_str).map(str::to_owned);
    let (method, name) = match method {
        "tools/call" => {
            if id.is_none() {
                return refuse(INVALID_REQUEST, "`tools/call` needs an `id`", id);
            }
            let Some(tool) = text("name") else { return refuse(INVALID_PARAMS, "`tools/call` needs `params.name`", id) };
            if params.get("arguments").is_some_and(|arguments| !arguments.is_object()) {
                return refuse(INVALID_PARAMS, "`params.arguments` must be an object", id);
            }
            (MethodOwned::CallTool(tool.clone()), Some(tool))
        }
        other => (MethodOwned::Other(other.to_owned()), named_by(other).and_then(text)),
    };
    Ok(Message { id: id.cloned(), method, name, arguments: params.get("arguments").cloned(), revision })
}

/// Refuses keys that differ from a known one in case only.
fn spelled(members: &Map<String, Value>, known: &[&str], id: Option<&Value>) -> Result<(), Unreadable> {
    for key in members.keys() {
        let folded = folded(key);
        if let Some(known) = known.iter().find(|known| key != *known && folded.eq_ignore_ascii_case(known)) {
            return refuse(INVALID_REQUEST, format!("the key `{}` looks like `{known}` but is not", key.escape_default()), id);
        }
    }
    Ok(())
}

/// Folds whatever some parser may fold onto ASCII: by lower case (the Kelvin sign, the capital i with a dot), by upper case (the long s, the i
/// without a dot, ligatures), by both.
fn folded(key: &str) -> Cow<'_, str> {
    // Nearly all keys: the comparison ignores the case of ASCII by itself.
    if key.is_ascii() {
        return Cow::Borrowed(key);
    }
    let lower: String = key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    Cow::Owned(lower.replace("i\u{307}", "i"))
}

/// Which member of `params` `Mcp-Name` repeats, for methods that have one.
fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "prompts/get" => Some("name"),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// What the request's headers say about the message (MCP 2026-07-28).
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// `MCP-Protocol-Version`.
    pub revision: Option<&'a str>,
    /// `Mcp-Method`.
    pub method: Option<&'a str>,
    /// `Mcp-Name`.
    pub name: Option<&'a str>,
}

impl Headers<'_> {
    /// Whether the request is of the revision in which each stands alone.
    pub fn are_stateless(&self) -> bool {
        self.revision == Some(STATELESS)
    }
}

/// Headers that are there must agree with the body, which is what policy judges; with [`STATELESS`] they must be there.
///
/// # Errors
/// [`Unreadable`] with [`HEADER_MISMATCH`] or [`UNSUPPORTED_REVISION`].
pub fn agree(message: &Message, headers: Headers<'_>) -> Result<(), Unreadable> {
    let id = message.id.as_ref();
    if let Some(said) = headers.revision.filter(|said| !REVISIONS.contains(said)) {
        let said: String = said.chars().take(40).collect();
        return refuse(UNSUPPORTED_REVISION, format!("revision {said} of MCP is not supported: use {}", REVISIONS.join(", ")), id);
    }
    if message.revision.as_deref().is_some_and(|said| headers.revision.is_none_or(|header| header != said)) {
        return refuse(HEADER_MISMATCH, "MCP-Protocol-Version differs from the body's `_meta`", id);
    }
    match headers.method {
        None if headers.are_stateless() => return refuse(HEADER_MISMATCH, "Mcp-Method is missing", id),
        Some(said) if said != message.method.name() => return refuse(HEADER_MISMATCH, "Mcp-Method differs from the body's `method`", id),
        _ => {}
    }
    match (headers.name, message.name.as_deref()) {
        (None, Some(_)) if headers.are_stateless() => refuse(HEADER_MISMATCH, "Mcp-Name is missing", id),
        (Some(said), expected) if decoded(said).as_deref() != expected => {
            refuse(HEADER_MISMATCH, "Mcp-Name differs from what the body names", id)
        }
        _ => Ok(()),
    }
}

/// Which arguments of a tool its callers repeat in `Mcp-Param-…` headers: those whose schema says `x-mcp-header` (MCP 2026-07-28).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParamHeaders(Vec<(Vec<String>, String)>);

impl ParamHeaders {
    /// How deep annotated arguments are looked for.
    const DEEPEST: usize = 16;

    /// Of a tool's definition.
    pub fn of(definition: &Value) -> Self {
        let mut found = Self::default();
        if let Some(schema) = definition.get("inputSchema") {
            found.collect(schema, &mut Vec::new());
        }
        found
    }

    fn collect(&mut self, schema: &Value, path: &mut Vec<String>) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|_| path.len() < Self::DEEPEST) else { return };
        for (name, schema) in properties {
            path.push(name.clone());
            if let Some(header) = schema.get("x-mcp-header").and_then(Value::as_str).filter(|header| !header.is_empty()) {
                self.0.push((path.clone(), format!("mcp-param-{}", header.to_ascii_lowercase())));
            }
            self.collect(schema, path);
            path.pop();
        }
    }

    /// Whether a header, in lower case, is one of the tool's.
    pub fn has(&self, header: &str) -> bool {
        self.0.iter().any(|(_, name)| name == header)
    }

    /// Each header must be there exactly if its argument is, and say the same. `value` gives a header's value by its lower-case name.
    ///
    /// # Errors
    /// [`Unreadable`] with [`HEADER_MISMATCH`].
    pub fn agree<'h>(&self, message: &Message, value: impl Fn(&str) -> Option<&'h str>) -> Result<(), Unreadable> {
        for (path, header) in &self.0 {
            let argument = message.arguments.as_ref().and_then(|whole| path.iter().try_fold(whole, |at, key| at.get(key)));
            let expected = argument.and_then(|argument| match argument {
                Value::String(text) => Some(text.clone()),
                Value::Bool(_) | Value::Number(_) => Some(argument.to_string()),
                _ => None,
            });
            let said = value(header);
            if said.is_some() != expected.is_some() || said.is_some_and(|said| decoded(said) != expected) {
                return refuse(HEADER_MISMATCH, format!("{header} differs from the argument `{}`", path.join(".")), message.id.as_ref());
            }
        }
        Ok(())
    }
}

/// A header value as MCP writes it: plain, or `=?base64?…?=` where it holds more than visible ASCII.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// A JSON value in which no object has a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut members, mut seen) = (Map::new(), BTreeSet::new());
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key `{}` is there twice", key.escape_default())));
            }
            let Strict(value) = map.next_value()?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}
