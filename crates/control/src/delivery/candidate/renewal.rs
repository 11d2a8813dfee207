//! Asking the policy key for another while, before the list of policies ends.

use super::super::signing::{Signing, life, read_repository, signs_here, unsigned};
use super::{Fate, Offer, settle};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::Role;
use bundle::ceremony::Kind;
use store::TenantId;

/// Offers the list of policies for renewal when it nears its end, the policy key lies elsewhere, and nothing awaits its signature: whatever
/// is signed next renews the list anyway. Answers whether it did.
///
/// # Errors
/// When the database fails.
pub async fn offer_renewal(control: &Control, tenant: &TenantId) -> Result<bool> {
    let cx = control.ctx(tenant.as_str(), Actor::System, "upkeep").await?;
    if !is_due(control, &cx).await? {
        return Ok(false);
    }
    match control.run(&cx, OfferRenewal).await {
        Ok(()) => Ok(true),
        // Another replica was first.
        Err(Error::Refused { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

async fn is_due(control: &Control, cx: &Ctx) -> Result<bool> {
    let db = control.read(cx);
    let Some(state) = db.tuf_state().await?.filter(|state| state.targets > 0) else { return Ok(false) };
    let repository = read_repository(&state)?;
    let ends = repository.stamp(Role::Targets).map_or(i64::MAX, |held| held.expires);
    if ends - cx.now_s() > life(Role::Targets).renew_before || signs_here(&repository, &db.tuf_keys().await?, Role::Targets)? {
        return Ok(false);
    }
    Ok(db.candidate_awaiting().await?.is_none())
}

struct OfferRenewal;

impl UseCase for OfferRenewal {
    type Out = ();
    const NEEDS: Permission = Permission::BeSystem;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let signing = Signing::open(scene).await?;
        let due = signing.is_published() && signing.is_due(Role::Targets) && !signing.can_sign(Role::Targets)?;
        if !due || scene.db.candidate_awaiting().await?.is_some() {
            return Err(Error::refused("nothing_due", "nothing has to be renewed"));
        }
        let document = signing.repository().prepare_targets(None, 0, signing.list_stamp().await?).map_err(unsigned)?;
        let offer = Offer::list(Kind::Renewal, document, "The list of policies nears its end".to_owned());
        let (Fate::Live(events) | Fate::Awaits(_, events)) = settle(scene, signing, offer).await?;
        Ok(Done::all((), events))
    }
}
