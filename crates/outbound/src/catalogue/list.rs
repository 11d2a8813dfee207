//! The conversation: find the revision, then list page by page.

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::{
    Bounds, Catalogue, ImportError, ImportedTool, ServerInfo,
    exchange::{Answer, Line, PROTOCOL, SESSION},
    pages::Pages,
    tool::short,
};
use crate::http::{Guarded, Limits, OutboundError};

/// The newest revision with `initialize`, which is what we offer there.
const WITH_SESSIONS: &str = "2025-11-25";
/// What a server may choose instead; none of them differs in what is used here.
const OLDER: [&str; 2] = ["2025-06-18", "2025-03-26"];
/// The revision without `initialize`.
const STATELESS: &str = "2026-07-28";

/// JSON-RPC codes by which a server says that it does not do it that way: method not found, invalid params,
/// invalid request, header mismatch, missing capability, unsupported protocol version.
const OTHER_WAY: [i64; 6] = [-32601, -32602, -32600, -32020, -32021, -32022];

pub(super) async fn import(http: &Guarded, server: &Url, authorization: Option<&str>, bounds: &Bounds) -> Result<Catalogue, ImportError> {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| OutboundError::Malformed("the credential cannot be sent in a header".into()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    let limits = Limits { total: bounds.total, body: bounds.response, ..http.limits() };
    let mut line = Line { http: http.with_limits(limits), server, headers, left: bounds.responses, limit: bounds.responses, last_id: 0 };
    match initialize(&mut line).await? {
        Some((protocol, info)) => {
            let listed = list(&mut line, bounds, false).await;
            line.hang_up().await;
            Ok(Catalogue { server: info, protocol, tools: listed?.tools })
        }
        None => {
            line.headers.insert(PROTOCOL, HeaderValue::from_static(STATELESS));
            let listed = list(&mut line, bounds, true).await?;
            let info = match listed.server {
                Some(info) => info,
                None => discover(&mut line).await?,
            };
            Ok(Catalogue { server: info, protocol: STATELESS.into(), tools: listed.tools })
        }
    }
}

/// Opens a session; `None` if the server knows no such thing.
async fn initialize(line: &mut Line<'_>) -> Result<Option<(String, ServerInfo)>, ImportError> {
    let params = json!({ "protocolVersion": WITH_SESSIONS, "capabilities": {}, "clientInfo": client_info() });
    let (result, session) = match line.ask("initialize", params).await? {
        Answer::Result { result, session } => (result, session),
        Answer::Error { code, .. } if OTHER_WAY.contains(&code) => return Ok(None),
        Answer::Error { code, message } => return Err(ImportError::Refused { code, message }),
        Answer::Status(StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => {
            return Ok(None);
        }
        Answer::Status(status) => return Err(OutboundError::BadStatus(status.as_u16()).into()),
    };
    let chosen = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    if chosen == STATELESS {
        return Ok(None);
    }
    if chosen != WITH_SESSIONS && !OLDER.contains(&chosen) {
        return Err(ImportError::Protocol(format!("it speaks revision “{}” of MCP", short(chosen))));
    }
    let version = HeaderValue::from_str(chosen).map_err(|_| ImportError::Protocol("its revision is no text".into()))?;
    line.headers.insert(PROTOCOL, version);
    if let Some(session) = session {
        if session.len() > 1024 {
            return Err(ImportError::Protocol("its session id is longer than 1024 bytes".into()));
        }
        line.headers.insert(SESSION, session);
    }
    line.tell("notifications/initialized").await?;
    Ok(Some((chosen.into(), server_info(result.get("serverInfo")))))
}

/// Asks a stateless server who it is; one that does not say stays nameless.
async fn discover(line: &mut Line<'_>) -> Result<ServerInfo, ImportError> {
    match line.ask("server/discover", json!({ "_meta": request_meta() })).await? {
        Answer::Result { result, .. } => Ok(info_in_meta(&result).unwrap_or_default()),
        _ => Ok(ServerInfo::default()),
    }
}

struct Listed {
    tools: Vec<ImportedTool>,
    server: Option<ServerInfo>,
}

async fn list(line: &mut Line<'_>, bounds: &Bounds, stateless: bool) -> Result<Listed, ImportError> {
    let mut pages = Pages::new(*bounds);
    let mut server = None;
    loop {
        let mut params = json!({});
        if let Some(cursor) = pages.cursor() {
            params["cursor"] = cursor.into();
        }
        if stateless {
            params["_meta"] = request_meta();
        }
        let result = match line.ask("tools/list", params).await? {
            Answer::Result { result, .. } => result,
            Answer::Error { code, message } => return Err(ImportError::Refused { code, message }),
            Answer::Status(status) => return Err(OutboundError::BadStatus(status.as_u16()).into()),
        };
        server = server.or_else(|| info_in_meta(&result));
        if !pages.take(&result)? {
            return Ok(Listed { tools: pages.into_tools(), server });
        }
    }
}

fn client_info() -> Value {
    json!({ "name": "writ", "title": "Writ", "version": env!("CARGO_PKG_VERSION") })
}

/// What every request says about itself since 2026-07-28.
fn request_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": client_info(),
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn info_in_meta(result: &Value) -> Option<ServerInfo> {
    let info = result.get("_meta")?.get("io.modelcontextprotocol/serverInfo")?;
    Some(server_info(Some(info)))
}

fn server_info(info: Option<&Value>) -> ServerInfo {
    let text = |member| info.and_then(|info| info.get(member)).and_then(Value::as_str).map(short);
    ServerInfo { name: text("name").unwrap_or_default(), title: text("title"), version: text("version").unwrap_or_default() }
}
