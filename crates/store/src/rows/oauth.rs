//! Rows of oauth, as the database holds them.

use super::table;

table! {
    /// An authorization request on its way through sign-in and consent; its id is the hash of its handle.
    "authorizations" authorizations, Authorization {
        /// Who asks.
        client_id: String,
        /// Validated.
        redirect_uri: String,
        /// For which resource.
        resource: String,
        /// What is asked.
        scope: crate::StringSet,
        /// The client's.
        state: Option<String>,
        /// PKCE S256.
        challenge: String,
        /// Authentication context classes that the client wishes for, space-separated.
        acr_values: Option<String>,
        /// The oldest sign-in that will do, Unix seconds.
        auth_after_s: Option<i64>,
        /// 1 when the person is to be asked even if they allowed it before.
        ask_again: i64,
        /// Ends at.
        expires_ms: i64,
    }
}

table! {
    /// What a person allowed a client; its id is `user/client/resource`.
    "consents" consents, Consent {
        /// Who.
        user_id: String,
        /// To whom.
        client_id: String,
        /// For what.
        resource: String,
        /// What was allowed.
        scope: crate::StringSet,
        /// What was allowed for later, once somebody approves it.
        later: crate::StringSet,
        /// When.
        at_ms: i64,
    }
}

table! {
    /// An authorization code, by hash. Single use.
    "codes" codes, Code {
        /// Who.
        user_id: String,
        /// From which session.
        session_id: String,
        /// For whom.
        client_id: String,
        /// Must be repeated.
        redirect_uri: String,
        /// Audience.
        resource: String,
        /// Consented.
        scope: crate::StringSet,
        /// PKCE S256.
        challenge: String,
        /// Shared by all that descends.
        lineage: String,
        /// Public session id.
        sid: String,
        /// When the person signed in, Unix seconds.
        auth_s: i64,
        /// How.
        acr: Option<String>,
        /// Ends at.
        expires_ms: i64,
        /// When it was exchanged.
        used_ms: Option<i64>,
    }
}

table! {
    /// A refresh token, by hash. Rotates.
    "refresh_tokens" refresh_tokens, RefreshToken {
        /// Who.
        user_id: String,
        /// For whom.
        client_id: String,
        /// Audience.
        resource: String,
        /// Consented.
        scope: crate::StringSet,
        /// Family.
        lineage: String,
        /// Public session id.
        sid: String,
        /// When the person signed in, Unix seconds.
        auth_s: i64,
        /// How.
        acr: Option<String>,
        /// Absolute end.
        expires_ms: i64,
        /// When it was rotated.
        used_ms: Option<i64>,
    }
}

table! {
    /// A `jti` that may not be used again; its id is the hash of `issuer/jti`.
    "used_assertions" used_assertions, UsedAssertion {
        /// When it can be forgotten.
        expires_ms: i64,
    }
}
