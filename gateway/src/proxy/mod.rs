//! The data plane: every request is read, decided, written down, and only then challenged, refused or forwarded.

mod caller;
mod definitions;
mod door;
mod forward;
mod handle;
mod listing;
mod metadata;
mod probe;
mod refuse;
mod sse;
mod streams;
mod trace;
mod upstreams;

pub use caller::Caller;
pub use definitions::{Definitions, Drifted};
pub use handle::{Parts, Plane, router};
pub use streams::Streams;
pub use upstreams::problems as upstream_problems;
