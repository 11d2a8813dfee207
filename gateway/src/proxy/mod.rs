//! The data plane: every request is read, decided, written down, and only then challenged, refused or forwarded.

mod caller;
mod door;
mod forward;
mod handle;
mod listing;
mod metadata;
mod refuse;
mod sse;
mod streams;

pub use caller::Caller;
pub use handle::{Parts, Plane, router};
pub use listing::Definitions;
pub use streams::Streams;
