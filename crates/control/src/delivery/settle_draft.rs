//! Edits that cancel each other: noting that nothing of the draft waits for a publish.

use super::compile::{compile, live};
use super::publish::same;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;

/// Counts no edit as unpublished any more, when the draft is as the live policy. Nothing is published and no policy changes.
pub struct SettleDraft {
    /// [`super::Draft::draft`] of the draft that was shown.
    pub expected_draft: i64,
}

impl UseCase for SettleDraft {
    /// The live version.
    type Out = u64;
    const NEEDS: Permission = Permission::Publish;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<u64>> {
        let tenant = scene.db.this_tenant().await?.ok_or(Error::NotFound)?;
        if tenant.draft != self.expected_draft {
            return Err(Error::Changed("the draft was edited after you saw it; look at the differences again".to_owned()));
        }
        let compiled = compile(&scene.db, scene.parts).await?;
        let Some(live) = live(&scene.db).await?.filter(|live| same(live, &compiled)) else {
            return Err(Error::refused("draft_differs", "the draft differs from what is live: publish it, or undo the edits"));
        };
        scene.db.set_live_policy(tenant.policy_version, Some(tenant.draft)).await?;
        let details = json!({ "version": live.version, "draft": tenant.draft, "edits": tenant.draft - tenant.published_draft });
        Ok(Done::new(live.version, Event::new("draft.settle").details(details)))
    }
}
