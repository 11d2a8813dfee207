//! Why a call was denied. The codes are an API: stable strings, each with its remedy.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $remedy:literal;)*) => {
        /// Why a call was denied.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            pub const fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }

            /// What would fix it, as a sentence for the person who was denied.
            pub const fn remedy(self) -> &'static str { match self { $(Self::$name => $remedy,)* } }
        }
    };
}

reasons! {
    /// The kill switch is on.
    TenantBlocked => "tenant_blocked", "An administrator has stopped all calls. Only they can lift this.";
    /// The token belongs to another tenant.
    WrongTenant => "wrong_tenant", "Sign in at the tenant that this server belongs to.";
    /// The token is for another resource.
    WrongAudience => "wrong_audience", "Ask for a token with `resource` set to this server's URI.";
    /// The issuer is not in the policy.
    UnknownIssuer => "unknown_issuer", "Sign in at the issuer that the protected resource metadata names.";
    /// The resource is not in the policy.
    UnknownResource => "unknown_resource", "The server is not part of the published policy. An administrator can register and publish it.";
    /// The token has ended.
    TokenExpired => "token_expired", "Refresh the token, or sign in again.";
    /// The gateway's list is older than the token.
    BehindRevocations => "behind_revocations", "The gateway is catching up with the control plane. Try again in a moment.";
    /// This token was revoked.
    TokenRevoked => "token_revoked", "Sign in again.";
    /// The session was revoked.
    SessionRevoked => "session_revoked", "Sign in again.";
    /// Everything that descends from the same sign-in at the issuer was revoked.
    LineageRevoked => "lineage_revoked", "Sign in again.";
    /// All earlier tokens of this subject were revoked.
    SubjectRevoked => "subject_revoked", "Sign in again.";
    /// The person is blocked.
    UserBlocked => "user_blocked", "An administrator has blocked this person. Only they can lift this.";
    /// The client is blocked.
    ClientBlocked => "client_blocked", "An administrator has blocked this client. Use another, or ask them.";
    /// The agent, or one it acts for, is blocked.
    AgentBlocked => "agent_blocked", "An administrator has blocked this agent. Act without it, or ask them.";
    /// The server is blocked.
    ServerBlocked => "server_blocked", "An administrator has blocked this server. Only they can lift this.";
    /// The client's class is not in the policy.
    UnknownClientClass => "unknown_client_class", "The client's class is not part of the published policy. An administrator can publish it.";
    /// The agent's class is not in the policy.
    UnknownAgentClass => "unknown_agent_class", "The agent's class is not part of the published policy. An administrator can publish it.";
    /// The method is not one that policy knows.
    UnknownMethod => "unknown_method", "This method is not offered through the gateway.";
    /// The server has no such reviewed tool.
    UnknownTool => "unknown_tool", "The tool was not reviewed. An administrator can import and bind it.";
    /// The tool is bound to no scope.
    ToolUnbound => "tool_unbound", "The tool is bound to no scope. An administrator can bind it.";
    /// The tool is not what was reviewed.
    ToolDrifted => "tool_drifted", "The tool's definition changed since its review. An administrator can review the difference.";
    /// No role and no grant gives the scope.
    ScopeNotHeld => "scope_not_held", "No role of yours gives this scope. Request it for a while.";
    /// The scope is held but not in the token.
    ScopeNotInToken => "scope_not_in_token", "Ask for this scope as well: authorize again with the union of scopes.";
    /// The grant that gave the scope was revoked.
    GrantRevoked => "grant_revoked", "The grant was revoked. Request the scope again if you still need it.";
    /// The grant that gave the scope has ended.
    GrantExpired => "grant_expired", "The grant has ended. Request the scope again if you still need it.";
    /// A grant gives the scope, but for another resource, client or agent.
    GrantElsewhere => "grant_elsewhere", "The grant is for another client, agent or server. Request the scope for this one.";
    /// The scope was taken from the role that gave it.
    RoleScopeBlocked => "role_scope_blocked", "An administrator has blocked this scope for your role. Only they can lift this.";
    /// Above the client's ceiling.
    ClientCeiling => "client_ceiling", "This client may never use the scope. Use another client.";
    /// Above the agent's ceiling.
    AgentCeiling => "agent_ceiling", "This agent may never use the scope. Do it without the agent.";
    /// The sign-in is too old for the scope.
    AuthenticationTooOld => "authentication_too_old", "Sign in again: this scope wants a recent sign-in.";
    /// The sign-in was not strong enough.
    AuthenticationTooWeak => "authentication_too_weak", "Sign in again with the stronger method that this scope wants.";
    /// Stale gateway: the token is older than the ladder allows.
    StaleTokenAge => "stale_token_age", "The gateway cannot reach the control plane and accepts only newer tokens.";
    /// Stale gateway: high risk is denied.
    StaleHighRisk => "stale_high_risk", "The gateway cannot reach the control plane and denies high-risk calls meanwhile.";
    /// Stale gateway: everything is denied.
    StaleAll => "stale_all", "The gateway has not reached the control plane for too long and denies all calls.";
}

impl Reason {
    /// Whether a token with more scopes could make the same call succeed, which MCP answers with 403 `insufficient_scope`.
    pub const fn is_insufficient_scope(self) -> bool {
        matches!(
            self,
            Self::ScopeNotHeld
                | Self::ScopeNotInToken
                | Self::GrantRevoked
                | Self::GrantExpired
                | Self::GrantElsewhere
                | Self::RoleScopeBlocked
        )
    }

    /// Whether the token itself is no good any more, which is answered with 401 `invalid_token`.
    pub const fn is_invalid_token(self) -> bool {
        matches!(
            self,
            Self::WrongTenant
                | Self::WrongAudience
                | Self::UnknownIssuer
                | Self::TokenExpired
                | Self::TokenRevoked
                | Self::SessionRevoked
                | Self::LineageRevoked
                | Self::SubjectRevoked
                | Self::StaleTokenAge
        )
    }

    /// Whether a new sign-in would help, which RFC 9470 answers with 401 `insufficient_user_authentication`.
    pub const fn is_step_up(self) -> bool {
        matches!(self, Self::AuthenticationTooOld | Self::AuthenticationTooWeak)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
