//! Writing down that requests went unanswered.
//!
//! Their state follows from the clock, so nothing depends on this running; it only puts the end of the story into the audit log. Grants
//! have no such step: their end was said when they were made, and an event for it could only repeat that.

use super::requests::RequestState;
use crate::control::Control;
use crate::ctx::Actor;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use store::TenantId;

/// Marks the pending requests whose time is over; how many. Cheap when there are none.
///
/// # Errors
/// When the database fails.
pub async fn expire_requests(control: &Control, tenant: &TenantId) -> Result<usize> {
    let cx = control.ctx(tenant.as_str(), Actor::System, "upkeep").await?;
    if control.read(&cx).requests_unanswered(cx.now_ms).await?.is_empty() {
        return Ok(0);
    }
    match control.run(&cx, ExpireRequests).await {
        // Another replica was first.
        Err(Error::Refused { .. }) => Ok(0),
        other => other,
    }
}

struct ExpireRequests;

impl UseCase for ExpireRequests {
    type Out = usize;
    const NEEDS: Permission = Permission::BeSystem;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<usize>> {
        let mut events = Vec::new();
        for mut request in scene.db.requests_unanswered(scene.cx.now_ms).await? {
            events.push(Event::new("request.expire").on(&request.id).story(&request.id));
            request.state = RequestState::Expired.as_str().to_owned();
            scene.db.update(request).await?;
        }
        let count = events.len();
        let mut events = events.into_iter();
        let first = events.next().ok_or_else(|| Error::refused("nothing_expired", "no request went unanswered"))?;
        Ok(Done::many(count, first, events))
    }
}
