//! Taking back a family of tokens: everything that descends from one code.

use crate::error::Result;
use crate::event::Event;
use crate::governance::{LONGEST_TOKEN_LIFE_S, enter, is_listed};
use crate::scene::Scene;
use policy::Target;
use serde_json::json;

/// How much longer an entry stays than what it takes back, in seconds: gateways' clocks may be behind.
const GRACE_S: i64 = 60;

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
    let until = scene.cx.now_s() + LONGEST_TOKEN_LIFE_S + GRACE_S;
    enter(scene, target, Some(until), reason).await?;
    Ok(true)
}
