//! Giving one of Writ's own admin roles to a person or a group of the tenant's identity provider.

use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::{AdminRole, Permission};
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{AdminBinding, IdpConnection};

/// Who gets the role. Never by e-mail address: whoever controls an address at some provider is not thereby an admin here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The person with this `sub` at the tenant's provider.
    Subject(String),
    /// Everyone with this group at the tenant's provider.
    Group(String),
}

impl Holder {
    /// `subject` or `group`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Subject(_) => "subject",
            Self::Group(_) => "group",
        }
    }

    /// The subject or the group.
    pub fn value(&self) -> &str {
        match self {
            Self::Subject(value) | Self::Group(value) => value,
        }
    }
}

/// Gives an admin role.
pub struct GrantAdmin {
    /// Who gets it.
    pub holder: Holder,
    /// Which.
    pub role: AdminRole,
}

impl UseCase for GrantAdmin {
    type Out = String;
    const NEEDS: Permission = Permission::WriteAdmins;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let value = self.holder.value().trim();
        if value.is_empty() || value.len() > 255 {
            return Err(Error::invalid("value", "give a subject or a group of at most 255 characters"));
        }
        let connections = scene.db.all::<IdpConnection>().await?;
        let Some(connection) = connections.first() else {
            return Err(Error::refused("no_idp", "connect the identity provider first: admin roles are given to its subjects and groups"));
        };
        let held = scene.db.all::<AdminBinding>().await?.into_iter().find(|row| {
            row.kind == self.holder.kind() && row.issuer == connection.issuer && row.value == value && row.role == self.role.as_str()
        });
        let event = |id: &str| {
            let details = json!({ "kind": self.holder.kind(), "value": value, "issuer": connection.issuer, "role": self.role.as_str() });
            Event::new("admin.grant").on(id).details(details)
        };
        // Giving what is held already changes nothing, but that somebody tried is still worth a line.
        if let Some(row) = held {
            let event = event(&row.id);
            return Ok(Done::new(row.id, event));
        }
        let id = scene.id("adm");
        let row = AdminBinding {
            id: id.clone(),
            kind: self.holder.kind().to_owned(),
            issuer: connection.issuer.clone(),
            value: value.to_owned(),
            role: self.role.as_str().to_owned(),
            created_ms: scene.cx.now_ms,
        };
        scene.db.insert(row).await?;
        let event = event(&id);
        Ok(Done::new(id, event))
    }
}
