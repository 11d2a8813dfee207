//! From signed to live.

use super::signing::Signing;
use crate::error::Result;
use crate::scene::Scene;

/// Has gateways run a version that the policy key has signed; `draft` is the draft that it was compiled from, if it came from one. All
/// gateways get it at once: there is one ring.
pub(super) async fn stage(scene: &Scene<'_>, signing: &mut Signing<'_>, version: i64, draft: Option<i64>) -> Result<()> {
    scene.db.set_live_policy(version, draft).await?;
    signing.assign().await
}
