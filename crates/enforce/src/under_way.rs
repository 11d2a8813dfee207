//! What was allowed when it began, and whether it may go on: calls, standing streams and sessions outlast the moment that they were decided in.

use crate::enforcer::Enforcer;
use crate::rpc::MethodOwned;
use policy::{CALL_OUTLIVES_TOKEN_S, Reason, TokenFacts};

impl Enforcer {
    /// Why a call or stream that was allowed at `began`, Unix seconds, has to end by what is in force now; `None` while it may go on.
    ///
    /// A call may outlive its token, by [`CALL_OUTLIVES_TOKEN_S`], and the grants that it began under. It is not to outlive that either was
    /// taken away, and which of the two came first does not matter: so its times are judged as they were. A standing stream may not outlive
    /// its token, and is judged as if it began now.
    pub fn ends(&self, facts: &TokenFacts, resource: &str, method: &MethodOwned, began: i64, now: i64) -> Option<Reason> {
        if matches!(method, MethodOwned::Stream) {
            return self.decides(facts, resource, method, now, now).err().filter(|reason| is_news(*reason));
        }
        let mut reason = self.decides(facts, resource, method, began, now).err();
        if reason == Some(Reason::StaleTokenAge) {
            // That the gateway has heard nothing for a while shortens the life of tokens, not of calls that began with them. It is not to hide
            // what else there is.
            let young = TokenFacts { iat: i64::MAX, ..facts.clone() };
            reason = self.decides(&young, resource, method, began, now).err();
        }
        let is_over = now >= facts.exp.saturating_add(CALL_OUTLIVES_TOKEN_S);
        reason.filter(|reason| is_news(*reason)).or(is_over.then_some(Reason::TokenExpired))
    }

    /// Why a session that was begun with this token has to be forgotten; `None` while it may be kept.
    ///
    /// Sessions outlive tokens, so no time that is over ends one. What was taken away is not to come back with a session when it is given
    /// again.
    pub fn ends_session(&self, facts: &TokenFacts, resource: &str, now: i64) -> Option<Reason> {
        let at = now.min(facts.exp.saturating_sub(1));
        self.decides(facts, resource, &MethodOwned::Stream, at, at).err().filter(|reason| takes_away(*reason))
    }
}

/// A list that is behind says nothing new about what it did not stop before.
const fn is_news(reason: Reason) -> bool {
    !matches!(reason, Reason::BehindRevocations)
}

/// Whether the reason is that something was taken away, rather than that a time is over or the gateway is behind.
const fn takes_away(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::TokenExpired
            | Reason::GrantExpired
            | Reason::AuthenticationTooOld
            | Reason::StaleTokenAge
            | Reason::StaleHighRisk
            | Reason::StaleAll
            | Reason::BehindRevocations
    )
}
