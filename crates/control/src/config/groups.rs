//! Directory groups to roles. No publish is needed: the issuer reads them at every token.

use super::reach::Reach;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::governance::cut_off_subjects;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{GroupRole, Role};

/// Members of a group hold a role.
pub struct MapGroup {
    /// The group, as the identity provider names it.
    pub group: String,
    /// The role.
    pub role: String,
}

impl UseCase for MapGroup {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let group = self.group.trim();
        if group.is_empty() || group.len() > 255 || group.chars().any(char::is_control) {
            return Err(Error::invalid("group", "give the group as the identity provider names it, at most 255 characters"));
        }
        if scene.db.get::<Role>(&self.role).await?.is_none() {
            return Err(Error::invalid("role", "there is no such role"));
        }
        if scene.db.all::<GroupRole>().await?.iter().any(|row| row.group_name == group && row.role == self.role) {
            return Err(Error::invalid("group", "this group has that role already"));
        }
        let id = scene.id("grp");
        let row = GroupRole { id: id.clone(), group_name: group.to_owned(), role: self.role.clone(), created_ms: scene.cx.now_ms };
        scene.db.insert(row).await?;
        Ok(Done::new((), Event::new("group.map").on(id).details(json!({ "group": group, "role": self.role }))))
    }
}

/// Members of a group no longer hold a role. Those who lose it thereby are cut off: what they do next, they do with new tokens.
pub struct UnmapGroup {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
}

impl UseCase for UnmapGroup {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let rows = scene.db.all::<GroupRole>().await?;
        let row = rows.into_iter().find(|row| row.group_name == self.group && row.role == self.role).ok_or(Error::NotFound)?;
        let reach = Reach::load(&scene.db).await?;
        scene.db.delete::<GroupRole>(&row.id).await?;
        // Tokens in their hands still name the role, and nothing but a cut-off reaches those before they end.
        let reason = format!("the group {} no longer gives the role {}", self.group, self.role);
        let losers: Vec<&str> = reach.losers(&self.group, &self.role).map(|user| user.id.as_str()).collect();
        let cut_offs = cut_off_subjects(scene, losers, &reason).await?;
        let details = json!({ "group": self.group, "role": self.role, "cut_off": cut_offs.len() });
        Ok(Done::many((), Event::new("group.unmap").on(row.id).details(details), cut_offs).wake())
    }
}
