//! From signed to live.

use super::rollout::{Way, begin};
use super::signing::Signing;
use crate::error::Result;
use crate::event::Event;
use crate::scene::Scene;
use bundle::ceremony::Kind;

/// Has gateways run a version that the policy key has signed; `draft` is the draft that it was compiled from, if it came from one. What people
/// edited goes through the rings; the same policy with other keys goes to everybody. Answers what happened beside.
pub(super) async fn stage(
    scene: &Scene<'_>,
    signing: &mut Signing<'_>,
    version: i64,
    draft: Option<i64>,
    kind: Kind,
) -> Result<Vec<Event>> {
    let way = if kind == Kind::Publish { Way::Rings } else { Way::Everywhere };
    let events = begin(scene, signing, version, way).await?;
    scene.db.set_live_policy(version, draft).await?;
    Ok(events)
}
