//! Taking back a family of tokens: everything that descends from one code.

use crate::error::Result;
use crate::event::Event;
use crate::governance::{LONGEST_TOKEN_LIFE_S, enter};
use crate::scene::Scene;
use policy::Target;
use serde_json::json;
use store::IssuedToken;

/// How much longer an entry stays than what it takes back, in seconds: gateways' clocks may be behind.
const GRACE_S: i64 = 60;

/// Ends the family's refresh tokens and puts its living access tokens on the revocation list. The caller wakes the gateways.
pub(super) async fn take_back(scene: &Scene<'_>, lineage: &str, reason: &str) -> Result<Event> {
    let refresh = scene.db.end_lineage(lineage).await?;
    let living = scene.db.live_tokens_of(lineage, scene.cx.now_ms).await?;
    let mut tokens = Vec::with_capacity(living.len());
    for token in living {
        // It is no longer one of the living, so that a second time does not revoke it again.
        scene.db.delete::<IssuedToken>(&token.id).await?;
        take_back_token(scene, &token.id, reason).await?;
        tokens.push(token.id);
    }
    let details = json!({ "reason": reason, "refresh_tokens_ended": refresh, "tokens": tokens });
    Ok(Event::new("revocation.lineage").on(lineage).details(details))
}

/// Puts one access token on the revocation list.
pub(super) async fn take_back_token(scene: &Scene<'_>, jti: &str, reason: &str) -> Result<()> {
    let until = scene.cx.now_s() + LONGEST_TOKEN_LIFE_S + GRACE_S;
    enter(scene, &Target::Token(jti.to_owned()), Some(until), reason).await.map(drop)
}
