//! Another key for access tokens.
//!
//! In ordinary times nobody notices: the new key is listed first, signs once every gateway knows it, and the old one stays listed until the
//! last token that it signed has ended ([`super::settle_keys`] takes these steps). A stolen key is dropped at once: from the policy, from
//! every older version that could run, and with it every token that it signed.

use crate::delivery::candidate::{Added, Fate, Offer, settle};
use crate::delivery::compile::{issuer, read};
use crate::delivery::rollout::{course, lowest_floor};
use crate::delivery::signing::Signing;
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::tenancy::keys::{self, AUDIT_LOG, TOKEN};
use bundle::ceremony::Kind;
use policy::Configuration;
use serde_json::json;
use store::Bundle;
use token::SigningKey;

/// Replaces the key that signs access tokens.
pub struct RotateTokenKey {
    /// The old one was stolen: everything that it signed is cut off.
    pub compromised: bool,
}

/// A rotation of a key that policy names: of tokens, of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// The new key: its `kid`, or its verifier key.
    pub key: String,
    /// How gateways come to know it.
    pub carried: Carried,
}

/// How gateways come to know a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// Nothing was published yet, so nobody has to.
    Unneeded,
    /// By this policy version, which is live: the one before with other keys, whatever the draft holds.
    Live(u64),
    /// By this candidate, which awaits its signature.
    Awaits(u64),
    /// By the next publish, since a candidate awaits its signature already.
    NextPublish,
}

impl UseCase for RotateTokenKey {
    type Out = KeyRotation;
    const NEEDS: Permission = Permission::WriteKeys;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<KeyRotation>> {
        let held = keys::counting(&scene.db, TOKEN).await?;
        if !self.compromised && held.iter().any(|key| key.active == 0 && key.ended_ms.is_none()) {
            let text = "a new token key waits already until every gateway knows it; `writ keys list` says for which it waits";
            return Err(Error::refused("rotation_under_way", text));
        }
        let failed = |error| Error::internal("making a token key", error);
        let pkcs8 = scene.new_key(TOKEN, || Ok(SigningKey::generate().map_err(failed)?.1.to_vec()))?;
        let new = SigningKey::from_pkcs8(&pkcs8).map_err(failed)?;
        let public = serde_json::to_string(new.public()).map_err(|error| Error::internal("making a token key", error))?;
        let published = scene.db.this_tenant().await?.ok_or(Error::NotFound)?.policy_version > 0;
        // Before the first publish nobody has to know it first.
        let at_once = self.compromised || !published;
        if at_once {
            for key in held {
                keys::end(scene, key, self.compromised).await?;
            }
        }
        keys::add(scene, TOKEN, &pkcs8, public, at_once).await?;
        let event = |carried| {
            let details = json!({ "key": new.kid(), "compromised": self.compromised, "carried": format!("{carried:?}") });
            Event::new("key.rotate").on("token").details(details)
        };
        let (carried, events) = carry(scene, "The token key is rotated", self.compromised).await?;
        let done = Done::all(KeyRotation { key: new.kid().to_owned(), carried }, Events::new(event(carried)).and(events));
        Ok(if matches!(carried, Carried::Live(_)) { done.wake() } else { done })
    }
}

/// Has gateways know the keys of now: what everybody runs again with these keys and nothing else changed. With `cut_off` no older version may
/// run any more, since those name keys that were stolen. A policy that is on its way through the rings gives way then: what it changes is
/// in the draft again, to be published anew. Otherwise it comes first.
pub(super) async fn carry(scene: &Scene<'_>, note: &str, cut_off: bool) -> Result<(Carried, Vec<Event>)> {
    let course = course(&scene.db).await?;
    if let Some(rollout) = course.rollout().filter(|_| !cut_off) {
        let text = format!("policy {} is being rolled out; finish or revert it first", rollout.version);
        return Err(Error::refused("rollout_under_way", text));
    }
    let Some(row) = scene.db.get::<Bundle>(&course.stable().to_string()).await? else { return Ok((Carried::Unneeded, Vec::new())) };
    let stable = read(&row.policy)?;
    let configuration = Configuration {
        issuers: vec![issuer(&scene.db, scene.parts).await?],
        audit_log: keys::public(&scene.db, AUDIT_LOG).await?,
        ..Configuration::of(&stable)
    };
    let signing = Signing::open(scene).await?;
    if !cut_off && scene.db.candidate_awaiting().await?.is_some() {
        scene.db.touch_draft().await?;
        return Ok((Carried::NextPublish, Vec::new()));
    }
    let added = Added::compile(scene, configuration).await?;
    let version = added.number();
    let floor = if cut_off { version } else { lowest_floor(&scene.db, version).await? };
    let offer = Offer::policy(&signing, Kind::Keys, added, floor, None, note.to_owned()).await?;
    Ok(match settle(scene, signing, offer).await? {
        Fate::Live(events) => (Carried::Live(version), events.into_vec()),
        Fate::Awaits(number, events) => (Carried::Awaits(number), events.into_vec()),
    })
}
