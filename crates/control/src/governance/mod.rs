//! Who gets what for how long, who said so, and how it is taken back.
//!
//! - [`RequestAccess`] asks, [`Decide`] answers, and an approval becomes a grant in the same transaction. What is decided is what was
//!   shown: a decision carries the digest of the inputs that it depends on, and counts only while they are the same.
//! - Nobody decides for themselves, through any identity that they are known to have.
//! - Grants end by themselves at `exp`; nothing runs at that time, so nothing can fail to run. That a grant has ended, and that a request
//!   went unanswered, follows from the row and the clock. [`expire_requests`] only writes down the latter, for the record.
//! - [`RevokeGrant`], [`Block`], [`InvalidateSubject`] and the like put an entry on the tenant's revocation list, which reaches gateways
//!   on a lane of its own.

mod basis;
mod blast;
mod decide;
mod detail;
mod duties;
mod expiry;
mod grants;
mod invalidate;
mod names;
mod receipt;
mod requests;
mod revocations;
mod revoke;

pub use basis::max_duration_s;
pub use blast::{BlastRadius, Trace, blast_radius};
pub use decide::{Decide, Decided};
pub use detail::{AgentView, ClientView, Detail, Flag, PersonView, ScopeView, Similar, ToolView, VoteView, request};
pub use duties::Barred;
pub use expiry::expire_requests;
pub use grants::{GiveUpGrant, GrantDetail, GrantState, GrantView, RevokeGrant, Revoked, grant, grants, own_grants};
pub use invalidate::{InvalidateLineage, InvalidateSession, InvalidateSubject, InvalidateToken, cut_off_subjects};
pub use names::Named;
pub(crate) use names::Names;
pub use policy::LONGEST_TOKEN_LIFE_S;
pub use receipt::{GatewayReceipt, Receipt, receipt};
pub use requests::{Inbox, RequestAccess, RequestState, RequestView, Tab, Withdraw, inbox, own_requests, scopes_held};
pub(crate) use revocations::until;
pub use revocations::{Block, Entered, Lift, RevocationView, blocked_scopes, enter, is_blocked, is_listed, revocations, standing_block};
pub use revoke::{lift, person_called, revoke};
pub use store::{GrantFilter, GrantIs, Page};

use crate::error::{Error, Result};

/// Takes the words of a person: trimmed, one to a thousand characters.
fn reason(given: &str) -> Result<&str> {
    let reason = given.trim();
    match reason.chars().count() {
        0 => Err(Error::invalid("reason", "say why")),
        1..=1000 => Ok(reason),
        _ => Err(Error::invalid("reason", "use at most 1,000 characters")),
    }
}
