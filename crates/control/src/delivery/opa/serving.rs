//! Which bundle an OPA is served, and the bytes of it.

use super::archives::{REVOCATIONS, policy_id};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::gateways::acting;
use crate::error::{Error, Result};
use crate::permission::Permission;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opa::Lane;
use std::collections::BTreeMap;
use store::{OpaArchive, OpaClient};

/// What lies ready for a tenant's OPAs, without the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The newest version that lies ready; none before the first publish.
    pub live: Option<i64>,
    /// All archives, by id.
    pub archives: BTreeMap<String, Offer>,
}

/// One archive, as it can be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The row's id.
    pub id: String,
    /// What its manifest says that it holds.
    pub revision: String,
    /// Digest of the archive, hex; in quotes it is the entity tag.
    pub sha256: String,
}

impl Shelf {
    /// What this OPA is to have on this lane; `None` before there is anything.
    pub fn offer(&self, client: &str, lane: Lane) -> Option<&Offer> {
        match lane {
            Lane::Policy => self.archives.get(&policy_id(version_for(self.live?, client))),
            Lane::Revocations => self.archives.get(REVOCATIONS),
        }
    }
}

/// Which version of the policy an OPA is to run: the live one. Rings will choose here.
pub const fn version_for(live: i64, _client: &str) -> i64 {
    live
}

/// What lies ready. Two small queries; the bytes are fetched by whoever lacks them.
///
/// # Errors
/// [`Error::Forbidden`] unless Writ itself acts.
pub async fn heads(control: &Control, cx: &Ctx) -> Result<Shelf> {
    cx.needs(Permission::BeSystem)?;
    let db = control.read(cx);
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let heads = db.opa_archive_heads().await?;
    // A version whose bundle is not signed yet leaves the one before in force.
    let versions = heads.iter().filter(|head| head.id == policy_id(head.number) && head.number <= tenant.policy_version);
    let live = versions.map(|head| head.number).max();
    let offer = |head: store::OpaArchiveHead| (head.id.clone(), Offer { id: head.id, revision: head.revision, sha256: head.sha256 });
    Ok(Shelf { live, archives: heads.into_iter().map(offer).collect() })
}

/// The bytes of an archive, if they are still those.
///
/// # Errors
/// [`Error::Forbidden`] unless Writ itself acts.
pub async fn archive(control: &Control, cx: &Ctx, offer: &Offer) -> Result<Option<Vec<u8>>> {
    cx.needs(Permission::BeSystem)?;
    let Some(row) = control.read(cx).get::<OpaArchive>(&offer.id).await?.filter(|row| row.sha256 == offer.sha256) else { return Ok(None) };
    STANDARD.decode(&row.body).map(Some).map_err(|error| Error::internal("reading a bundle for OPAs", error))
}

/// The digest of the archive that this OPA reported not to put in force.
///
/// # Errors
/// [`Error::Forbidden`] unless an OPA acts.
pub async fn refused(control: &Control, cx: &Ctx, lane: Lane) -> Result<Option<String>> {
    cx.needs(Permission::BeGateway)?;
    let client = control.read(cx).get::<OpaClient>(acting(cx)?).await?;
    Ok(client.and_then(|client| match lane {
        Lane::Policy => client.refused_policy,
        Lane::Revocations => client.refused_revocations,
    }))
}
