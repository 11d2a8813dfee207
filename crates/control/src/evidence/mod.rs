//! The audit log: giving events their place, finding them, and exporting them so that anybody can check.
//!
//! Use cases write their events without a place (see [`crate::Event`]), since giving it in their transactions would make each wait for
//! the one before. [`PlaceEvents`] follows within a second: it appends committed events to the tenant's Merkle tree and signs a
//! checkpoint. An [`export()`] carries its own proof, which [`verify_export`] checks without this installation.

mod actions;
mod export;
mod proofs;
mod query;
mod sequence;
mod showing;

pub use ::evidence::Verifier;
pub use ::evidence::export::{Finding, Verified, verify as verify_export};
pub use actions::ACTIONS;
pub use export::{Exported, export};
pub use query::{ActorView, AuditList, EventDetail, EventView, Proof, audit, event, log_key, story};
pub use sequence::{PlaceEvents, Placed, place_all};
pub(crate) use sequence::{read_tree, sign_anew};
pub use showing::Shown;
pub(crate) use showing::{Showing, checkpoint_text, show};
pub use store::{AuditFilter, Page};
