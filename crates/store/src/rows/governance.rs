//! Rows of governance, as the database holds them.

use super::table;

table! {
    /// Someone asks for scopes for a while.
    "requests" requests, Request {
        /// Who.
        user_id: String,
        /// Through what.
        client_id: String,
        /// With which agent.
        agent_id: Option<String>,
        /// On what.
        server_id: String,
        /// Its resource URI.
        resource: String,
        /// What.
        scopes: crate::StringSet,
        /// How long.
        duration_s: i64,
        /// Why; untrusted.
        reason: String,
        /// `pending`, `approved`, `denied`, `withdrawn`, `expired`.
        state: String,
        /// When.
        created_ms: i64,
        /// Until when it can be decided.
        expires_ms: i64,
        /// When it was decided.
        decided_ms: Option<i64>,
        /// What it became.
        grant_id: Option<String>,
    }
}

table! {
    /// A decision on a request.
    "votes" votes, Vote {
        /// On what.
        request_id: String,
        /// Who.
        user_id: String,
        /// 1 or 0.
        approve: i64,
        /// Why.
        reason: String,
        /// Digest of what was shown.
        digest: String,
        /// When.
        at_ms: i64,
    }
}

table! {
    /// A time-bound permission.
    "grants" grants, Grant {
        /// From which request.
        request_id: String,
        /// Whose.
        user_id: String,
        /// Through what only.
        client_id: String,
        /// With which agent only.
        agent_id: Option<String>,
        /// On what only.
        resource: String,
        /// What.
        scopes: crate::StringSet,
        /// From, Unix seconds.
        starts_s: i64,
        /// Until, Unix seconds.
        exp_s: i64,
        /// When it was revoked.
        revoked_ms: Option<i64>,
        /// When it first let a call through.
        first_used_ms: Option<i64>,
    }
}

table! {
    /// An entry of the revocation list.
    "revocations" revocations, Revocation {
        /// Its sequence.
        seq: i64,
        /// JSON of `policy::Target`.
        target: String,
        /// When it can leave the list, Unix seconds; none: when lifted.
        until_s: Option<i64>,
        /// Why.
        reason: String,
        /// When.
        created_ms: i64,
        /// Who.
        created_by: String,
        /// When a person lifted it.
        lifted_ms: Option<i64>,
        /// Sequence of that.
        lifted_seq: Option<i64>,
    }
}
