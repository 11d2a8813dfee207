//! Classes of clients and agents: those that every tenant starts with, and bounding one.

use super::ceiling;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Class, Json};

/// Adds them: `ide` for clients, `assistant` for agents. Neither has a bound of its own; roles and grants decide.
///
/// # Errors
/// When the database fails.
pub async fn defaults(scene: &Scene<'_>) -> Result<()> {
    for (kind, name) in [("client", "ide"), ("agent", "assistant")] {
        let row = Class { id: format!("{kind}/{name}"), kind: kind.to_owned(), name: name.to_owned(), ceiling: Json(None) };
        scene.db.insert(row).await?;
    }
    Ok(())
}

/// Sets the most that any member of a class can ever use.
pub struct NarrowClass {
    /// `client/name` or `agent/name`.
    pub id: String,
    /// The bound; none: roles and grants decide alone.
    pub ceiling: Option<BTreeSet<String>>,
}

impl UseCase for NarrowClass {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let mut class = scene.db.get::<Class>(&self.id).await?.ok_or(Error::NotFound)?;
        ceiling(scene, &self.ceiling).await?;
        let details = json!({ "from": class.ceiling.0, "to": self.ceiling });
        let event = Event::new("class.edit").on(&class.id).details(details);
        class.ceiling = Json(self.ceiling.clone());
        scene.db.update(class).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), event))
    }
}
