//! A next root, written down for those who must sign it.

use super::change::{KeyChange, apply};
use crate::delivery::candidate::roots;
use crate::delivery::signing::{Signing, damaged, is_signed_by_itself, unsigned};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::Role;
use bundle::ceremony::Proposal;
use bundle::repository::RootKeys;
use serde_json::json;

/// Writes a next root down. Nothing changes until it is signed and submitted; without changes it is the same root for another year.
pub struct ProposeRoot {
    /// What it is to list otherwise, in this order.
    pub changes: Vec<KeyChange>,
}

impl UseCase for ProposeRoot {
    type Out = Proposal;
    const NEEDS: Permission = Permission::WriteKeys;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Proposal>> {
        let mut signing = Signing::open(scene).await?;
        let keys = apply(scene, &mut signing, &self.changes).await?;
        let proposal = propose(scene, &signing, &keys).await?;
        let event = proposed(&proposal);
        Ok(Done::new(proposal, event))
    }
}

/// That something was written down.
pub(super) fn proposed(proposal: &Proposal) -> Event {
    let version = proposal.root().version();
    Event::new("root.propose").on(format!("root/{version}")).details(json!({ "version": version, "changes": proposal.changes() }))
}

/// The document for a root that lists these keys.
pub(super) async fn propose(scene: &Scene<'_>, signing: &Signing<'_>, keys: &RootKeys) -> Result<Proposal> {
    let repository = signing.repository();
    let root = repository.prepare_root(keys, signing.root_expires()).map_err(unsigned)?;
    let after = repository.supposing(&root).map_err(damaged)?;
    for role in [Role::Snapshot, Role::Timestamp] {
        if !is_signed_by_itself(&after, signing.keys(), role)? {
            return Err(Error::refused(
                "online_role",
                format!("{role} is signed all the time, so enough of its keys have to lie here, or in a service"),
            ));
        }
    }
    // Under other policy keys the present list would count for nothing. If those do not lie here, they have to sign it along with the root.
    let stands = !signing.is_published() || after.stands(Role::Targets).map_err(damaged)?;
    let list = match stands || is_signed_by_itself(&after, signing.keys(), Role::Targets)? {
        true => None,
        false => Some(after.prepare_targets(None, 0, signing.list_stamp().await?).map_err(unsigned)?),
    };
    let present = repository.metadata(Role::Targets).map(str::to_owned);
    Proposal::new(scene.cx.tenant.as_str(), roots(&scene.db).await?, present, root, list)
        .map_err(|error| Error::internal("writing a root down", error))
}
