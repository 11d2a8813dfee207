//! The OAuth 2.1 issuer: authorize, consent, code, refresh, token exchange, revocation.
//!
//! - [`receive`] validates an authorization request and keeps it under a handle; [`consider`] says what is to be done about it for the
//!   person who is signed in; [`Authorize`] does it and answers a code.
//! - [`ExchangeCode`], [`Refresh`] and [`ExchangeToken`] answer tokens. All three mint through one function, and the scopes of every token
//!   pass through one other: [`Bounds::issue`]. Nothing else decides what a token may say.
//! - Facts about people, clients, agents, grants and groups are of this moment. Rules (which role gives which scope, ceilings of classes,
//!   what a server's tools need, how long a scope's token lives) are those of the *published* policy, the one that gateways enforce: a draft
//!   changes no token.
//! - A refusal that changes nothing is an [`crate::Error::Refused`] with the OAuth error code. One that takes something back (a code or a refresh
//!   token that comes twice) is the use case's own answer, so that what it took stays taken.
//!
//! Formats: RFC 6749, 7009, 7636, 8414, 8693, 8707, 9068, 9207, and the MCP authorization specification of 2026-07-28.

pub mod actor;
mod assigned;
mod authorize;
mod bounds;
mod code;
mod consider;
mod error;
mod exchange;
mod keys;
mod lineage;
mod mint;
mod question;
mod receive;
mod redirect;
mod refresh;
mod replay;
mod revoke;
mod standing;
mod upkeep;

pub use assigned::scopes_supported;
pub use authorize::{Authorize, Authorized, Decision};
pub use bounds::Bounds;
pub use code::{CODE_LIFE_MS, ExchangeCode, exchange_code};
pub use consider::{Considered, consider};
pub use error::OAuthError;
pub use exchange::{ACCESS_TOKEN_TYPE, ExchangeToken, JWT_TYPE};
pub use keys::jwks;
pub use mint::{Issued, Minted};
pub use question::{Question, ScopeWords};
pub use receive::{AUTHORIZATION_LIFE_MS, Asked, Back, Received, parse_scope, receive, well_formed};
pub use redirect::{form_target, is_loopback, matches};
pub use refresh::{REFRESH_LIFE_MS, Refresh, refresh};
pub use revoke::RevokeToken;
pub use upkeep::ForgetEnded;
