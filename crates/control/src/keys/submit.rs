//! Taking a root that was signed elsewhere.

use super::sync::sync;
use crate::delivery::repository::root_sha256;
use crate::delivery::signing::{Signing, damaged, unsigned};
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::ceremony::{CeremonyError, Proposal};
use bundle::{Role, SignError, Unsigned};
use serde_json::{Value, json};

/// The roles whose keys a root lists.
pub(super) const LISTED: [Role; 4] = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];

/// Takes a root that enough keys of the root before and of its own have signed. Keys that lie here sign now. Answers the root's version.
pub struct SubmitRoot {
    /// Copies of one proposal, signed on different machines.
    pub copies: Vec<Proposal>,
}

impl UseCase for SubmitRoot {
    type Out = u64;
    const NEEDS: Permission = Permission::WriteKeys;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<u64>> {
        let Some(first) = self.copies.first() else {
            return Err(Error::invalid("file", "give the proposal, as it was signed"));
        };
        let mut merged = first.clone();
        if merged.tenant() != scene.cx.tenant.as_str() {
            return Err(Error::refused("other_tenant", format!("the proposal is for tenant {}", merged.tenant())));
        }
        // The first with itself, too: what is no signature is dropped from it, and neither published nor named in the audit log.
        for copy in &self.copies {
            merged.merge(copy).map_err(unfit)?;
        }
        merged.examine(Some(&root_sha256(&scene.db).await?)).map_err(unfit)?;
        let signing = Signing::open(scene).await?;
        let version = merged.root().version();
        let changed = enact_root(scene, signing, merged.root().clone(), merged.list().cloned()).await?;
        let details = json!({
            "version": version, "changes": merged.changes(), "keys": changed.keys, "signed_by": changed.signed_by,
        });
        let event = Event::new("root.submit").on(format!("root/{version}")).details(details);
        Ok(Done::all(version, Events::new(event).and(changed.outdated)).wake())
    }
}

/// What a new root did.
pub(super) struct Enacted {
    /// Keys that began and ended to sign.
    pub(super) keys: Value,
    /// Ids of the keys that signed the root.
    pub(super) signed_by: Vec<String>,
    /// A candidate that fits no more.
    pub(super) outdated: Option<Event>,
}

/// Signs a root and, where there is one, the list that goes with it, with what lies here; takes both on, and has everything signed anew
/// whose keys changed.
pub(super) async fn enact_root(scene: &Scene<'_>, mut signing: Signing<'_>, mut root: Unsigned, list: Option<Unsigned>) -> Result<Enacted> {
    signing.sign_here(&mut root)?;
    signing.accept(&root)?.map_err(refused)?;
    let keys = sync(scene, &mut signing, &LISTED).await?;
    for role in [Role::Snapshot, Role::Timestamp] {
        if !signing.can_sign(role)? {
            return Err(Error::refused(
                "online_role",
                format!("{role} is signed all the time, so its key has to lie here, or in a service"),
            ));
        }
    }
    if let Some(mut list) = list {
        if !signing.repository().is_renewed_by(&list).map_err(unsigned)? {
            return Err(Error::refused("outdated", "the list of policies was signed anew since this was proposed; propose it again"));
        }
        signing.sign_here(&mut list)?;
        signing.accept(&list)?.map_err(refused)?;
    } else if signing.is_published() && !signing.repository().stands(Role::Targets).map_err(damaged)? {
        if !signing.can_sign(Role::Targets)? {
            let text = "the new policy key has not signed the list of policies, so no gateway could follow; propose it again";
            return Err(Error::refused("outdated", text));
        }
        signing.renew_targets().await?;
    }
    let signed_by = root.signed_by().map(str::to_owned).collect();
    // A candidate is judged by the keys of now when it is signed; it only fits no more if the list itself was signed.
    let outdated = signing.outdate().await?;
    signing.seal().await?;
    Ok(Enacted { keys, signed_by, outdated })
}

fn unfit(error: CeremonyError) -> Error {
    match error {
        CeremonyError::OtherDocument => Error::refused("other_document", "these are copies of different proposals"),
        other => Error::refused("unfit", other.to_string()),
    }
}

fn refused(error: SignError) -> Error {
    let text = error.to_string();
    match error {
        SignError::NotSigned { .. } => Error::refused("below_threshold", text),
        SignError::NotNewer { .. } | SignError::Outdated => {
            Error::refused("outdated", format!("{text}: the proposal was made for another state, or was submitted already"))
        }
        other => unsigned(other),
    }
}
