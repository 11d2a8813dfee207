//! Gateways that run another version than their ring, for a while.

use super::super::signing::{damaged, read_repository};
use super::course::sign;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{Gateway, Pin};

/// The longest that a gateway may be pinned, seconds: 90 days.
pub const LONGEST_PIN_S: i64 = 90 * 24 * 3600;

/// Pins a gateway, or pins it otherwise than it is.
pub struct PinGateway {
    /// `gw_…`.
    pub gateway: String,
    /// The version that it is to run.
    pub version: u64,
    /// Until when, Unix seconds.
    pub until_s: i64,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

impl UseCase for PinGateway {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let (db, now_s) = (&scene.db, scene.cx.now_s());
        let reason = self.reason.trim();
        if !(1..=500).contains(&reason.chars().count()) {
            return Err(Error::invalid("reason", "say why, in at most 500 characters"));
        }
        if self.until_s <= now_s || self.until_s > now_s + LONGEST_PIN_S {
            return Err(Error::invalid("until", "use a time to come, within 90 days"));
        }
        let gateway = db.get::<Gateway>(&self.gateway).await?.ok_or(Error::NotFound)?;
        let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
        let repository = read_repository(&state)?;
        if self.version < repository.min_version() || !repository.policy_versions().contains(&self.version) {
            return Err(Error::invalid("version", format!("policy {} may not run", self.version)));
        }
        let pin = Pin {
            id: gateway.id.clone(),
            version: i64::try_from(self.version).map_err(damaged)?,
            until_s: self.until_s,
            reason: reason.to_owned(),
            created_ms: scene.cx.now_ms,
            created_by: scene.cx.actor.id().to_owned(),
        };
        db.put(pin).await?;
        sign(scene).await?;
        let details = json!({ "name": gateway.name, "version": self.version, "until_s": self.until_s, "reason": reason });
        Ok(Done::new((), Event::new("gateway.pin").on(&gateway.id).details(details)).wake())
    }
}

/// Has a gateway run its ring's version again.
pub struct UnpinGateway {
    /// `gw_…`.
    pub gateway: String,
}

impl UseCase for UnpinGateway {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let gateway = scene.db.get::<Gateway>(&self.gateway).await?.ok_or(Error::NotFound)?;
        if !scene.db.delete::<Pin>(&self.gateway).await? {
            return Err(Error::refused("not_pinned", format!("{} is not pinned", gateway.name)));
        }
        sign(scene).await?;
        Ok(Done::new((), Event::new("gateway.unpin").on(&gateway.id).details(json!({ "name": gateway.name }))).wake())
    }
}

/// Pins whose time is over, or whose gateway is gone. Gateways obey the end by themselves; this takes it off the list.
pub(super) async fn ended(db: &store::Reader<'_>, now_s: i64) -> Result<Vec<Pin>> {
    let pins = db.all::<Pin>().await?;
    if pins.is_empty() {
        return Ok(pins);
    }
    let known = db.many::<Gateway>(pins.iter().map(|pin| pin.id.clone())).await?;
    Ok(pins.into_iter().filter(|pin| pin.until_s <= now_s || !known.contains_key(&pin.id)).collect())
}

/// Takes ended pins off the list.
pub(super) struct EndPins;

impl UseCase for EndPins {
    type Out = ();
    const NEEDS: Permission = Permission::BeSystem;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let ended = ended(&scene.db, scene.cx.now_s()).await?;
        for pin in &ended {
            scene.db.delete::<Pin>(&pin.id).await?;
        }
        let why = |pin: &Pin| if pin.until_s <= scene.cx.now_s() { "its time is over" } else { "the gateway is gone" };
        let mut events = ended.iter().map(|pin| Event::new("gateway.unpin").on(&pin.id).details(json!({ "why": why(pin) })));
        let first = events.next().ok_or_else(|| Error::refused("nothing_ended", "no pin has ended"))?;
        sign(scene).await?;
        Ok(Done::many((), first, events).wake())
    }
}
