//! Rows of identity, as the database holds them.

use super::table;

table! {
    /// A key. Its private half is sealed under the master key, lies in a key management service or elsewhere, or was destroyed.
    "keys" keys, Key {
        /// What it signs: `token`, `tuf-root`, …, `audit-log`.
        purpose: String,
        /// The private half, sealed, base64; empty when it is not here.
        sealed: String,
        /// Public half: JWK, PEM or note key, by purpose.
        public: String,
        /// 1 while it signs, here or elsewhere.
        active: i64,
        /// When it was made here, or came to be known.
        created_ms: i64,
        /// When it stopped signing. A key that is neither active nor ended waits to become active.
        ended_ms: Option<i64>,
        /// From when on nothing counts that it signed.
        retired_ms: Option<i64>,
        /// Of a key of the audit log: the note by which the key before handed the log over to it.
        handover: Option<String>,
        /// Where it lies in a key management service that signs with it for us, such as `vault:transit/acme-timestamp@1`.
        service: Option<String>,
    }
}

table! {
    /// An OpenID provider people sign in at.
    "idp_connections" idp_connections, IdpConnection {
        /// Exact issuer.
        issuer: String,
        /// Our client id there.
        client_id: String,
        /// Sealed client secret, base64.
        client_secret: Option<String>,
        /// The claim that holds the groups.
        groups_claim: String,
        /// Rises with every edit.
        version: i64,
        /// Last edit.
        updated_ms: i64,
    }
}

table! {
    /// A person, known by issuer and subject.
    "users" users, User {
        /// Who vouches.
        issuer: String,
        /// Their subject there.
        subject: String,
        /// Shown, and used to separate duties; never for access.
        email: Option<String>,
        /// 1 when the provider says so.
        email_verified: i64,
        /// Display name.
        name: String,
        /// Groups at the last sign-in.
        groups: crate::StringList,
        /// When the groups were read.
        groups_ms: i64,
        /// Last sign-in.
        signed_in_ms: i64,
        /// First sign-in.
        created_ms: i64,
    }
}

table! {
    /// Who holds one of Writ's own admin roles.
    "admin_bindings" admin_bindings, AdminBinding {
        /// `subject` or `group`.
        kind: String,
        /// The provider that the value is from.
        issuer: String,
        /// The subject or the group.
        value: String,
        /// `owner`, `iam_admin`, `approver`, `operator` or `auditor`.
        role: String,
        /// When it was given.
        created_ms: i64,
    }
}

table! {
    /// A one-time way in made from the host's shell.
    "sign_in_links" sign_in_links, SignInLink {
        /// Ends at.
        expires_ms: i64,
        /// When it was used.
        used_ms: Option<i64>,
    }
}

table! {
    /// A sign-in that is under way; its id is the hash of `state`. Single use.
    "sign_ins" sign_ins, SignIn {
        /// Expected in the ID token.
        nonce: String,
        /// PKCE verifier, sealed.
        verifier: String,
        /// Hash of the cookie that binds it to one browser.
        browser: String,
        /// Path to go on to.
        return_to: String,
        /// Ends at.
        expires_ms: i64,
    }
}

table! {
    /// A signed-in browser; its id is the hash of the cookie.
    "sessions" sessions, Session {
        /// The person; none for the host's link.
        user_id: Option<String>,
        /// JSON of tower-sessions.
        data: String,
        /// The provider's session id.
        idp_sid: Option<String>,
        /// Our own public id of it, as tokens carry it.
        sid: Option<String>,
        /// When they signed in.
        auth_ms: i64,
        /// Last use, to the minute.
        seen_ms: i64,
        /// Absolute end.
        expires_ms: i64,
    }
}
