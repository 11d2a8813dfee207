//! Which bundle an OPA is served, and the bytes of it.

use super::archives::{REVOCATIONS, policy_id};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::gateways::acting;
use crate::delivery::rollout::course;
use crate::error::{Error, Result};
use crate::permission::Permission;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::assignment::{Assignment, Member};
use opa::Lane;
use std::collections::{BTreeMap, BTreeSet};
use store::{OpaArchive, OpaClient};

/// What lies ready for a tenant's OPAs, without the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Which version each is to run, by its ring or pin; nothing before the first publish. Pins count until they are taken off the list.
    pub assigned: Assignment,
    /// The versions of policies that lie ready.
    pub versions: BTreeSet<u64>,
    /// The tenant's slug.
    pub tenant: String,
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
            Lane::Policy => self.archives.get(&policy_id(i64::try_from(self.version_for(client)?).ok()?)),
            Lane::Revocations => self.archives.get(REVOCATIONS),
        }
    }

    /// Which version of the policy an OPA is to run: that of its ring or pin, or, while the bundle of that is not signed, the one before. An
    /// OPA has no labels.
    pub fn version_for(&self, client: &str) -> Option<u64> {
        let member = Member { tenant: &self.tenant, gateway: client, labels: &BTreeMap::new() };
        let assigned = self.assigned.version_for(&member, i64::MIN)?;
        self.versions.range(..=assigned).next_back().copied()
    }
}

/// What lies ready. Two small queries; the bytes are fetched by whoever lacks them.
///
/// # Errors
/// [`Error::Forbidden`] unless Writ itself acts.
pub async fn heads(control: &Control, cx: &Ctx) -> Result<Shelf> {
    cx.needs(Permission::BeSystem)?;
    let db = control.read(cx);
    let heads = db.opa_archive_heads().await?;
    let versions = heads.iter().filter(|head| head.id == policy_id(head.number)).filter_map(|head| u64::try_from(head.number).ok());
    let versions = versions.collect();
    let assigned = course(&db).await?.assignment();
    let offer = |head: store::OpaArchiveHead| (head.id.clone(), Offer { id: head.id, revision: head.revision, sha256: head.sha256 });
    Ok(Shelf { assigned, versions, tenant: cx.tenant.to_string(), archives: heads.into_iter().map(offer).collect() })
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
