//! What can be taken away.

use serde::{Deserialize, Serialize};

/// What an entry of the revocation list takes away, as people and rows name it. The first group *invalidates* what exists and leaves the
/// list when that has expired; the second *blocks* for as long as a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One access token, by `jti`.
    Token(String),
    /// All tokens of a session, by `sid`.
    Session(String),
    /// All tokens that descend from one code, by lineage.
    Lineage(String),
    /// One grant: tokens that carry it keep their other scopes.
    Grant(String),
    /// All tokens of a subject that were issued before this entry.
    Subject(String),
    /// A person, until lifted.
    User(String),
    /// An OAuth client.
    Client(String),
    /// An agent, also as an inner actor.
    Agent(String),
    /// An MCP server, by resource URI.
    Server(String),
    /// A scope as given by one role.
    RoleScope {
        /// The role.
        role: String,
        /// The scope.
        scope: String,
    },
    /// Everything of the tenant: the kill switch.
    Tenant,
}

/// The kind of a [`Target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Target::Token`].
    Token,
    /// [`Target::Session`].
    Session,
    /// [`Target::Lineage`].
    Lineage,
    /// [`Target::Grant`].
    Grant,
    /// [`Target::Subject`].
    Subject,
    /// [`Target::User`].
    User,
    /// [`Target::Client`].
    Client,
    /// [`Target::Agent`].
    Agent,
    /// [`Target::Server`].
    Server,
    /// [`Target::RoleScope`].
    RoleScope,
    /// [`Target::Tenant`].
    Tenant,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Token,
        Self::Session,
        Self::Lineage,
        Self::Grant,
        Self::Subject,
        Self::User,
        Self::Client,
        Self::Agent,
        Self::Server,
        Self::RoleScope,
        Self::Tenant,
    ];

    /// The stable name, as on the list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Lineage => "lineage",
            Self::Grant => "grant",
            Self::Subject => "subject",
            Self::User => "user",
            Self::Client => "client",
            Self::Agent => "agent",
            Self::Server => "server",
            Self::RoleScope => "role_scope",
            Self::Tenant => "tenant",
        }
    }

    /// Whether entries of this kind stay until a person lifts them.
    pub const fn is_block(self) -> bool {
        matches!(self, Self::User | Self::Client | Self::Agent | Self::Server | Self::RoleScope | Self::Tenant)
    }
}

impl Target {
    /// What kind of thing it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Token(_) => Kind::Token,
            Self::Session(_) => Kind::Session,
            Self::Lineage(_) => Kind::Lineage,
            Self::Grant(_) => Kind::Grant,
            Self::Subject(_) => Kind::Subject,
            Self::User(_) => Kind::User,
            Self::Client(_) => Kind::Client,
            Self::Agent(_) => Kind::Agent,
            Self::Server(_) => Kind::Server,
            Self::RoleScope { .. } => Kind::RoleScope,
            Self::Tenant => Kind::Tenant,
        }
    }

    /// Whether it stays until a person lifts it.
    pub const fn is_block(&self) -> bool {
        self.kind().is_block()
    }
}
