//! Enforcement as a library: verify → decide → discharge → record.
//!
//! [`Enforcer`] holds what is in force and answers calls from it; [`rpc`] reads the bytes of a call so that policy and the server
//! behind it cannot understand two different things. Nothing here does IO or reads a clock: whoever serves requests brings bytes and
//! the time, so any Rust MCP server can enforce for itself what `writ-gateway` enforces in front of others.
//!
//! Times are Unix milliseconds as `i64` at the edge ([`Ask::now_ms`], [`Record::at_ms`]) and Unix seconds where policy and tokens are
//! concerned.

mod active;
mod cause;
mod definition;
mod enforcer;
mod generations;
mod outcome;
mod rate;
mod record;
pub mod rpc;

pub use active::{Active, Freshness, Unusable};
pub use cause::Cause;
pub use definition::definition_digest;
pub use enforcer::{Answer, Ask, Enforcer};
pub use generations::Generations;
pub use outcome::{Challenge, ChallengeError, Outcome, StepUp};
pub use record::{Record, Rule};
pub use rpc::MethodOwned;
