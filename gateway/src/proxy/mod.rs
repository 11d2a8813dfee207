//! The data plane: every request is read, decided, written down, and only then challenged, refused or forwarded.
//!
//! What reads bytes of callers and of MCP servers is public, so that it can be tried from outside: [`door`], [`listing`], [`sse`], [`trace`].

mod caller;
mod definitions;
pub mod door;
mod forward;
mod handle;
pub mod listing;
mod metadata;
mod probe;
mod refuse;
pub mod sse;
mod streams;
pub mod trace;
mod upstreams;

pub use caller::Caller;
pub use definitions::{Definitions, Drifted};
pub use handle::{Parts, Plane, router};
pub use streams::Streams;
pub use upstreams::problems as upstream_problems;
