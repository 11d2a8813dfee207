//! What an MCP server offers: its tools, read over Streamable HTTP.
//!
//! The server is not trusted. Everything it sends is bounded ([`Bounds`]); text is made visible (controls, bidi
//! overrides); and an import is whole or not at all: one tool that breaks a rule refuses the import with an error
//! that names the tool. Both transports of MCP are spoken: the one with `initialize` and sessions (2025-11-25,
//! 2025-06-18, 2025-03-26) and the stateless one (2026-07-28).

mod definition;
mod error;
mod events;
mod exchange;
mod list;
mod message;
mod pages;
mod tool;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    definition::definition_digest,
    error::ImportError,
    events::Events,
    message::Message,
    pages::Pages,
    tool::{Annotations, ImportedTool},
};
use crate::http::Guarded;

/// Bounds of one import.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// From the first packet to the last.
    pub total: Duration,
    /// The largest single response, in bytes.
    pub response: usize,
    /// All responses together, in bytes.
    pub responses: usize,
    /// How many tools.
    pub tools: usize,
    /// How many pages of tools.
    pub pages: usize,
    /// The longest description that is kept whole, in bytes; a longer one is cut and flagged.
    pub description: usize,
    /// The largest input schema as compact JSON, in bytes.
    pub schema: usize,
}

impl Default for Bounds {
    /// 10 s, 4 MiB a response, 16 MiB in all, 2,000 tools on at most 200 pages, 4 KiB of description, 64 KiB of schema.
    fn default() -> Self {
        Self {
            total: Duration::from_secs(10),
            response: 4 * 1024 * 1024,
            responses: 16 * 1024 * 1024,
            tools: 2_000,
            pages: 200,
            description: 4 * 1024,
            schema: 64 * 1024,
        }
    }
}

/// What a server offers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Catalogue {
    /// What the server says about itself; never trusted, only shown.
    pub server: ServerInfo,
    /// The revision of MCP that was spoken, for example `2025-11-25`.
    pub protocol: String,
    /// The tools, in the server's order, no name twice.
    pub tools: Vec<ImportedTool>,
}

/// A server's words about itself, made visible and cut to 200 bytes each.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServerInfo {
    /// Its name; can be empty.
    pub name: String,
    /// A title for people.
    pub title: Option<String>,
    /// Its version; can be empty.
    pub version: String,
}

/// Imports all tools of the MCP server at `server`. `authorization` is the whole value of that header, if the
/// server wants one, for example `Bearer …`.
pub async fn import(http: &Guarded, server: &Url, authorization: Option<&str>, bounds: &Bounds) -> Result<Catalogue, ImportError> {
    tokio::time::timeout(bounds.total, list::import(http, server, authorization, bounds))
        .await
        .unwrap_or(Err(ImportError::TooSlow { limit: bounds.total }))
}

#[cfg(test)]
mod tests;
