//! An export of audit events that proves itself: NDJSON, `writ-audit-export/1`.
//!
//! * line 1, [`Header`]: what was exported, the log's checkpoint, the key; signed.
//! * one [`mod@line`] for each event: its ordinal `n` in the export, its index in the log, salt, body, inclusion proof.
//! * last line, footer: how many events, SHA-256 of every byte before it, signed.
//!
//! A header also tells how the log's key came to be its key: each earlier key named the next one in a [`Handover`](crate::Handover) that both
//! signed, and the log as it was then has to be the beginning of the log as it is now. So whoever trusts an earlier key can verify, too.
//!
//! Each line has one spelling only (the one that this module writes), so a changed byte that changes no meaning is
//! found as well. The Merkle proof finds an edited event, ordinals find a dropped or moved one, the signed footer finds
//! what a forger does who renumbers. What only the footer finds cannot be located more closely than "before it".

mod finding;
pub mod line;
mod verify;
mod write;

pub use finding::{Finding, Kind};
pub use line::{Handed, Header};
pub use verify::{Verified, verify};
pub use write::{Event, ExportError, Exporter};
