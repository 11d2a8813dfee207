//! Separation of duties: nobody decides for themselves, through any identity that they are known to have.

use crate::error::Result;
use std::collections::BTreeSet;
use store::{Agent, Reader, Request, User};

/// Why somebody may not decide a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// They do not decide requests at all.
    NotAnApprover,
    /// They asked for it.
    Own,
    /// The one who asked is another account of theirs.
    OtherAccount,
    /// The agent that the request is for is theirs.
    OwnsAgent,
    /// They voted before.
    Voted,
    /// It was decided, withdrawn, or went unanswered.
    Closed,
    /// Nothing is known of them, so nothing can be said of their other identities.
    Unknown,
}

impl Barred {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAnApprover => "not_an_approver",
            Self::Own => "own_request",
            Self::OtherAccount => "own_other_account",
            Self::OwnsAgent => "own_agent",
            Self::Voted => "voted_before",
            Self::Closed => "request_closed",
            Self::Unknown => "unknown_approver",
        }
    }

    /// For the person it bars.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotAnApprover => "You do not hold a role that decides requests.",
            Self::Own => "You asked for this; somebody else must decide.",
            Self::OtherAccount => "Another account of yours asked for this (same verified address); somebody else must decide.",
            Self::OwnsAgent => "The agent in this request is yours; somebody else must decide.",
            Self::Voted => "You have voted on this request.",
            Self::Closed => "This request can no longer be decided.",
            Self::Unknown => "Your account is not known here. Sign in again.",
        }
    }
}

/// Whether the duties of asking and deciding would fall together.
pub(super) async fn conflict(db: &Reader<'_>, decider: &str, request: &Request, agent: Option<&Agent>) -> Result<Option<Barred>> {
    if decider == request.user_id {
        return Ok(Some(Barred::Own));
    }
    let Some(person) = db.get::<User>(decider).await? else { return Ok(Some(Barred::Unknown)) };
    let mut accounts = BTreeSet::from([person.id]);
    // A verified address links accounts for this purpose only, never for access.
    if let (1, Some(email)) = (person.email_verified, person.email.as_deref()) {
        accounts.extend(db.users_with_verified_email(email.trim()).await?.into_iter().map(|user| user.id));
    }
    if accounts.contains(&request.user_id) {
        return Ok(Some(Barred::OtherAccount));
    }
    if agent.is_some_and(|agent| !agent.owners.is_disjoint(&accounts)) {
        return Ok(Some(Barred::OwnsAgent));
    }
    Ok(None)
}
