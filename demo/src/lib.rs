//! Demo identity provider and demo MCP servers, programs of their own on loopback.

pub mod idp;
pub mod mcp;
