//! Demo identity provider, demo MCP servers and a stand-in for a key management service, programs of their own on loopback.

pub mod idp;
pub mod mcp;
pub mod transit;
