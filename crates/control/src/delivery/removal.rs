//! What taking a gateway out of the fleet would end, for whoever is about to.

use super::fleet::{GatewayView, view_of};
use super::gateways::OPA;
use super::rollout::waits_for;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use store::{Gateway, Pin};

/// A gateway, and what ends with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// How it stands.
    pub view: GatewayView,
    /// The tenant's newest revocation sequence: what it has not confirmed of that, it may still let through if it runs.
    pub newest_seq: i64,
    /// The policy on its way that waits for it, if one does.
    pub holds_up: Option<u64>,
    /// How it is pinned, if it is. The pin is taken off the list by the tenant's upkeep.
    pub pin: Option<Pin>,
}

/// What [`super::RemoveGateway`] would end, of a gateway of our own.
///
/// # Errors
/// [`Error::NotFound`], also for an OPA; [`Error::Forbidden`] without [`Permission::WriteFleet`].
pub async fn removal(control: &Control, cx: &Ctx, id: &str) -> Result<Removal> {
    cx.needs(Permission::WriteFleet)?;
    let db = control.read(cx);
    let row = db.get::<Gateway>(id).await?.filter(|row| row.kind != OPA).ok_or(Error::NotFound)?;
    Ok(Removal {
        newest_seq: db.this_tenant().await?.ok_or(Error::NotFound)?.revocation_seq,
        holds_up: waits_for(&db, cx, &row).await?,
        pin: db.get::<Pin>(id).await?,
        view: view_of(&db, cx, row).await?,
    })
}
