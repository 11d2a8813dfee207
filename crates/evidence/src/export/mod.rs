//! An export of audit events that proves itself: NDJSON, `writ-audit-export/1`.
//!
//! * line 1, [`Header`]: what was exported, the log's checkpoint, the key; signed.
//! * one [`mod@line`] for each event: its ordinal `n` in the export, its index in the log, salt, body, inclusion proof.
//! * last line, footer: how many events, SHA-256 of every byte before it, signed.
//!
//! A header also tells how the log's key came to be its key: each earlier key named the next one in a [`Handover`](crate::Handover) that both
//! signed, and the log as it was then has to be the beginning of the log as it is now. So whoever trusts an earlier key can verify, too.
//!
//! And it tells what the tenant's gateways saw: each cosigned the log while it was smaller, and a proof leads from there to this log. So whoever
//! trusts some of the gateways' keys need not trust the server, nor its owner ([`Quorum`]).
//!
//! Each line has one spelling only (the one that this module writes), so a changed byte that changes no meaning is
//! found as well. The Merkle proof finds an edited event, ordinals find a dropped or moved one, the signed footer finds
//! what a forger does who renumbers. What only the footer finds cannot be located more closely than "before it".

mod finding;
pub mod line;
mod verify;
mod witnesses;
mod write;

pub use finding::{Finding, Kind};
pub use line::{Cosigned, Handed, Header, MAX_SEEN, Seen};
pub use verify::{Verified, verify};
pub use witnesses::{Quorum, Word, Words};
pub use write::{Event, ExportError, Exporter};
