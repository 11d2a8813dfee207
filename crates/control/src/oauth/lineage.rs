//! Taking back a family of tokens: everything that descends from one code.

use crate::error::Result;
use crate::event::Event;
use crate::governance::{enter, is_listed, until};
use crate::scene::Scene;
use policy::Target;
use serde_json::json;

/// Ends the family's refresh tokens and puts the family on the revocation list, unless it is there already: none of it can have been issued
/// since. The caller wakes the gateways.
pub(super) async fn take_back(scene: &Scene<'_>, lineage: &str, reason: &str) -> Result<Event> {
    let refresh = scene.db.end_lineage(lineage).await?;
    let new = list(scene, &Target::Lineage(lineage.to_owned()), reason).await?;
    let details = json!({ "reason": reason, "refresh_tokens_ended": refresh, "new": new });
    Ok(Event::new("revocation.lineage").on(lineage).details(details))
}

/// Puts one access token on the revocation list, unless it is there already; whether it was put there.
pub(super) async fn take_back_token(scene: &Scene<'_>, jti: &str, reason: &str) -> Result<bool> {
    list(scene, &Target::Token(jti.to_owned()), reason).await
}

async fn list(scene: &Scene<'_>, target: &Target, reason: &str) -> Result<bool> {
    if is_listed(scene, target).await? {
        return Ok(false);
    }
    enter(scene, target, Some(until(scene.cx.now_s())), reason).await?;
    Ok(true)
}
