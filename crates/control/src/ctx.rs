//! The context of a use case: always its first argument.

use crate::error::{Error, Result};
use crate::permission::{AdminRole, Permission};
use store::TenantId;

/// Who asks, for which tenant, when, and under which request id.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The tenant, which exists.
    pub tenant: TenantId,
    /// Who.
    pub actor: Actor,
    /// Correlates log lines, error pages and audit events.
    pub request_id: String,
    /// Unix milliseconds, read once.
    pub now_ms: i64,
}

/// Who asks. The kinds are never merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who has not said who they are.
    Anonymous,
    /// A signed-in person, with the admin roles they hold now.
    Person {
        /// `usr_…`.
        user: String,
        /// Display name.
        name: String,
        /// Their admin roles.
        roles: Vec<AdminRole>,
    },
    /// Someone on the host's shell, or through a link made there.
    Host,
    /// An enrolled gateway.
    Gateway(String),
    /// Writ itself.
    System,
}

impl Actor {
    /// `user`, `host`, `gateway`, `system` or `anonymous`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Person { .. } => "user",
            Self::Host => "host",
            Self::Gateway(_) => "gateway",
            Self::System => "system",
        }
    }

    /// Its id, or its kind where there is only one.
    pub fn id(&self) -> &str {
        match self {
            Self::Person { user, .. } => user,
            Self::Gateway(id) => id,
            other => other.kind(),
        }
    }

    /// Whether it has the permission.
    pub fn may(&self, permission: Permission) -> bool {
        match (self, permission) {
            (_, Permission::Anyone) => true,
            (Self::Person { .. }, Permission::SignedIn) => true,
            (Self::Gateway(_), Permission::BeGateway) | (Self::System, Permission::BeSystem) => true,
            (_, Permission::BeGateway | Permission::BeSystem) => false,
            (Self::Person { roles, .. }, permission) => roles.iter().any(|role| role.may(permission)),
            // The host's shell is an owner: it has the database file anyway. It is nobody's account, so it cannot ask for scopes.
            (Self::Host, permission) => permission as u8 != Permission::SignedIn as u8,
            (Self::Anonymous | Self::Gateway(_) | Self::System, _) => false,
        }
    }
}

impl Ctx {
    /// Unix seconds.
    pub const fn now_s(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    /// The signed-in person's id.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody else.
    pub fn person(&self) -> Result<&str> {
        match &self.actor {
            Actor::Person { user, .. } => Ok(user),
            _ => Err(Error::Forbidden(Permission::SignedIn)),
        }
    }

    /// Goes on only with this permission.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn needs(&self, permission: Permission) -> Result<()> {
        if self.actor.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission)) }
    }
}
