//! Forgetting what has ended.

use super::refresh::REFRESH_LIFE_MS;
use crate::error::Result;
use crate::scene::{Scene, Upkeep};

/// Forgets authorization requests, sign-ins, codes, tokens and assertions that have ended. Used codes and refresh tokens are kept as long
/// as their families can live, so that a second use is recognised.
pub struct ForgetEnded;

impl Upkeep for ForgetEnded {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        let now_ms = scene.cx.now_ms;
        scene.db.forget_ended_oauth(now_ms, REFRESH_LIFE_MS).await?;
        scene.db.forget_ended_sign_ins(now_ms).await?;
        Ok(((), false))
    }
}
