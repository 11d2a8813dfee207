//! Another key for the audit log.
//!
//! The old key hands over: it signs the log's head together with the name of the new one ([`evidence::Handover`]), so that whoever trusts
//! the old key can follow. Until gateways know the new key, checkpoints carry both signatures, and so does the newest one of before. A
//! stolen key is not asked to hand anything over: what it says of its successor is worth nothing any more.

use super::token::{Carried, KeyRotation, carry};
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::tenancy::keys::{self, AUDIT_LOG};
use evidence::{Checkpoint, Handover, Signer, Tree, checkpoint};
use serde_json::json;
use store::Key;

/// Replaces the key that signs the audit log.
pub struct RotateAuditLog {
    /// The old one was stolen.
    pub compromised: bool,
}

impl UseCase for RotateAuditLog {
    type Out = KeyRotation;
    const NEEDS: Permission = Permission::WriteKeys;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<KeyRotation>> {
        let (tenant, vault) = (&scene.cx.tenant, &scene.parts.vault);
        let mut held: Vec<Key> = scene.db.keys_for(AUDIT_LOG).await?.into_iter().filter(|key| key.active == 1).collect();
        held.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        if !self.compromised && held.len() > 1 {
            let text =
                "the log's key was rotated lately, and gateways do not all know the new one yet; `writ keys list` says for which it waits";
            return Err(Error::refused("rotation_under_way", text));
        }
        let seed = scene.new_key(AUDIT_LOG, || Ok(scene.parts.chance.bytes::<32>().to_vec()))?;
        let seed: [u8; 32] = seed.as_slice().try_into().map_err(|error| Error::internal("making the log key", error))?;
        let failed = |error| Error::internal("making the log key", error);
        let new = Signer::from_seed(&checkpoint::origin(tenant.as_str()), &seed).map_err(failed)?;
        let handover = match (self.compromised, held.last()) {
            (false, Some(old)) => Some(handover(scene, &keys::log_signer_of(tenant, vault, old)?, &new).await?),
            _ => None,
        };
        let public = new.verifier().to_string();
        let row = keys::add(scene, AUDIT_LOG, &seed, public.clone(), true).await?;
        scene.db.update(Key { handover, ..row }).await?;
        if self.compromised {
            for key in held {
                keys::end(scene, key, true).await?;
            }
        }
        crate::evidence::sign_anew(scene).await?;
        let (carried, events) = carry(scene, "The key of the audit log is rotated", false).await?;
        let details = json!({ "key": public, "compromised": self.compromised, "carried": format!("{carried:?}") });
        let event = Event::new("key.rotate").on("audit-log").details(details);
        let done = Done::all(KeyRotation { key: public, carried }, Events::new(event).and(events));
        Ok(if matches!(carried, Carried::Live(_)) { done.wake() } else { done })
    }
}

/// The handover at the log's newest head.
async fn handover(scene: &Scene<'_>, old: &Signer, new: &Signer) -> Result<String> {
    let tree = match scene.db.newest_checkpoint().await? {
        Some(newest) => crate::evidence::read_tree(&newest)?,
        None => Tree::new(),
    };
    let head = Checkpoint { origin: checkpoint::origin(scene.cx.tenant.as_str()), size: tree.size(), root: tree.root() };
    Handover::sign(&head, old, new).map_err(|error| Error::internal("handing the log over", error))
}
