//! Who a gateway is, and taking one out of the fleet.

use super::Callers;
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{Gateway, OpaClient};
use token::{Assertion, PublicJwk};

/// What a gateway of our own is called among the rows of the fleet.
pub(super) const GATEWAY: &str = "gateway";
/// What an OPA is called there.
pub(super) const OPA: &str = "opa";

/// Whom an assertion says to come from, if it is signed with that gateway's key, for this tenant, now.
///
/// # Errors
/// [`Error::Forbidden`] for whatever is wrong with it, an unknown tenant included: strangers learn nothing.
pub async fn authenticate(control: &Control, tenant: &str, assertion: &str, request_id: &str) -> Result<Ctx> {
    let stranger = || Error::Forbidden(Permission::BeGateway);
    let id = Assertion::Gateway.kid_unverified(assertion).map_err(|_| stranger())?;
    let mut cx = match control.ctx(tenant, Actor::Anonymous, request_id).await {
        Err(Error::NotFound) => return Err(stranger()),
        cx => cx?,
    };
    let gateway = Callers::key(control, &cx, id.clone()).await?.filter(|gateway| gateway.kind == GATEWAY).ok_or_else(stranger)?;
    let key: PublicJwk = serde_json::from_str(&gateway.public_key).map_err(|error| Error::internal("reading a gateway's key", error))?;
    let audience = format!("{}/delivery", control.parts().issuer(&cx.tenant));
    let claims = control.callers().signed(assertion, &key, cx.now_s()).map_err(|_| stranger())?;
    claims.stand(&audience, cx.now_s()).map_err(|_| stranger())?;
    if claims.iss != id || claims.sub != id {
        return Err(stranger());
    }
    cx.actor = Actor::Gateway(id);
    Ok(cx)
}

/// The id of the gateway that acts.
pub(super) fn acting(cx: &Ctx) -> Result<&str> {
    match &cx.actor {
        Actor::Gateway(id) => Ok(id),
        _ => Err(Error::Forbidden(Permission::BeGateway)),
    }
}

/// The id of the gateway of our own with this name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn own_gateway_named(control: &Control, cx: &Ctx, name: &str) -> Result<String> {
    cx.needs(Permission::ReadFleet)?;
    let row = control.read(cx).gateway_named(name).await?.filter(|row| row.kind != OPA);
    row.map(|row| row.id).ok_or(Error::NotFound)
}

/// Takes a gateway or an OPA out of the fleet: its key or token counts no more. What it confirmed stays on record.
pub struct RemoveGateway {
    /// `gw_…` or `opa_…`.
    pub id: String,
}

impl UseCase for RemoveGateway {
    type Out = ();
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let gateway = scene.db.get::<Gateway>(&self.id).await?.ok_or(Error::NotFound)?;
        scene.db.delete::<Gateway>(&gateway.id).await?;
        if gateway.kind == OPA {
            scene.db.forget_opa_tokens(&gateway.id, None).await?;
            scene.db.delete::<OpaClient>(&gateway.id).await?;
        }
        let details =
            json!({ "name": gateway.name, "kind": gateway.kind, "batch_seq": gateway.batch_seq, "batch_hash": gateway.batch_hash });
        Ok(Done::new((), Event::new("gateway.remove").on(gateway.id).details(details)))
    }
}
