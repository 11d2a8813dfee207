//! Everything that calls out: guarded HTTP, OpenID Connect, MCP catalogues, keys in Vault.
//!
//! Writ fetches addresses that people type in (an identity provider's issuer, an MCP server's URL), so each
//! request goes through [`http::Guarded`]: no redirects, bounded in time and size, and never to an address that
//! the installation does not allow. [`oidc`] signs people in at their identity provider; [`catalogue`] imports
//! the tools of an MCP server; [`transit`] signs with keys in Vault or OpenBao. Nothing here stores anything, reads a clock or makes up a random value.

pub mod catalogue;
pub mod http;
pub mod oidc;
mod text;
pub mod transit;

pub use self::http::{Guarded, Limits, OutboundError, Reach};
