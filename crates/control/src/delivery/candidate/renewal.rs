//! Asking the policy key for another while, before the list of policies ends.

use super::super::opa::lacks_bundles;
use super::super::signing::{Signing, is_signed_by_itself, life, read_repository, unsigned};
use super::{Fate, Offer, settle};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::Role;
use bundle::ceremony::Kind;
use store::TenantId;

/// Offers the list of policies for renewal when it nears its end, or OPAs lack bundles, the policy key lies elsewhere, and nothing awaits its
/// signature: whatever is signed next renews the list anyway, and those bundles. Answers whether it did.
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
    let keys = db.tuf_keys().await?;
    if is_signed_by_itself(&repository, &keys, Role::Targets)? || db.candidate_awaiting().await?.is_some() {
        return Ok(false);
    }
    let nears_end = ends - cx.now_s() <= life(Role::Targets).renew_before;
    Ok(nears_end || lacks_bundles(&db, &repository, &keys, cx.now_s()).await?)
}

struct OfferRenewal;

impl UseCase for OfferRenewal {
    type Out = ();
    const NEEDS: Permission = Permission::BeSystem;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let signing = Signing::open(scene).await?;
        let elsewhere = signing.is_published() && !signing.can_sign(Role::Targets)?;
        if !elsewhere || scene.db.candidate_awaiting().await?.is_some() {
            return Err(nothing_due());
        }
        let nears_end = signing.is_due(Role::Targets);
        if !nears_end && !lacks_bundles(&scene.db, signing.repository(), signing.keys(), scene.cx.now_s()).await? {
            return Err(nothing_due());
        }
        let why = if nears_end { "The list of policies nears its end" } else { "OPAs lack bundles that the policy key signs" };
        let document = signing.repository().prepare_targets(None, 0, signing.list_stamp().await?).map_err(unsigned)?;
        let offer = Offer::list(Kind::Renewal, document, why.to_owned());
        let (Fate::Live(events) | Fate::Awaits(_, events)) = settle(scene, signing, offer).await?;
        Ok(Done::all((), events))
    }
}

fn nothing_due() -> Error {
    Error::refused("nothing_due", "nothing has to be renewed")
}
