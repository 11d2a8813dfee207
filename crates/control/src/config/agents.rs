//! Agents that act for people.

use super::{ceiling, display_name, fingerprint};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Agent, Class, Json, User};
use token::PublicJwk;

/// Registers an agent with the public key that it proves itself by.
pub struct RegisterAgent {
    /// Display name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// People it may act for, by user id.
    pub owners: BTreeSet<String>,
    /// A P-256 public key as a JWK, or a JWK set that holds exactly one.
    pub jwks: String,
    /// Its own, lower ceiling.
    pub ceiling: Option<BTreeSet<String>>,
}

impl RegisterAgent {
    async fn checked(&self, scene: &Scene<'_>) -> Result<(String, PublicJwk)> {
        let name = display_name("name", &self.name)?;
        if scene.db.get::<Class>(&format!("agent/{}", self.class)).await?.is_none() {
            return Err(Error::invalid("class", "there is no such class of agents"));
        }
        if self.owners.is_empty() {
            return Err(Error::invalid("owner", "choose whom it acts for"));
        }
        for owner in &self.owners {
            if scene.db.get::<User>(owner).await?.is_none() {
                return Err(Error::invalid("owner", "there is no such person"));
            }
        }
        ceiling(scene, &self.ceiling).await?;
        Ok((name, public_key(&self.jwks)?))
    }
}

/// An agent's key as people paste it: a JWK, or a JWK set of one.
///
/// # Errors
/// [`Error::Invalid`] for the field `jwks`, in words for who pasted it; never with any part of what may be a private key.
pub fn public_key(text: &str) -> Result<PublicJwk> {
    let wrong = |reason: &str| Error::invalid("jwks", reason.to_owned());
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| wrong(&format!("this is no JSON: {error}")))?;
    let key = match value.get("keys").and_then(|keys| keys.as_array()) {
        Some(keys) => match keys.as_slice() {
            [only] => only.clone(),
            _ => return Err(wrong("give exactly one key")),
        },
        None => value,
    };
    if key.get("d").is_some() {
        return Err(wrong("this is a private key, and must now be considered lost: make a new one and give its public half only"));
    }
    let key: PublicJwk = serde_json::from_value(key).map_err(|_| wrong("this is no public key as a JWK"))?;
    if key.is_p256() { Ok(key) } else { Err(wrong("give an EC key on the curve P-256")) }
}

impl UseCase for RegisterAgent {
    type Out = String;
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let (name, key) = self.checked(scene).await?;
        let id = scene.id("agt");
        let details = json!({ "name": name, "class": self.class, "owners": self.owners, "ceiling": self.ceiling });
        let row = Agent {
            id: id.clone(),
            name,
            class: self.class.clone(),
            owners: Json(self.owners.clone()),
            public_key: serde_json::to_string(&key).map_err(|error| Error::internal("writing a public key", error))?,
            ceiling: Json(self.ceiling.clone()),
            created_ms: scene.cx.now_ms,
        };
        scene.db.insert(row).await?;
        if self.ceiling.is_some() {
            scene.db.touch_draft().await?;
        }
        let event = Event::new("agent.register").on(&id).details(details);
        Ok(Done::new(id, event))
    }
}

/// Changes an agent. Its key can be left as it is.
pub struct EditAgent {
    /// Which.
    pub id: String,
    /// [`agent_version`] of what the editor saw.
    pub version: u64,
    /// What it is from now on; empty `jwks` keeps the key.
    pub to: RegisterAgent,
}

impl UseCase for EditAgent {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let old = scene.db.get::<Agent>(&self.id).await?.ok_or(Error::NotFound)?;
        if agent_version(&old) != self.version {
            return Err(Error::Changed(format!("the agent {} was changed by somebody else", old.name)));
        }
        let jwks = if self.to.jwks.trim().is_empty() { old.public_key.clone() } else { self.to.jwks.clone() };
        let to = RegisterAgent {
            name: self.to.name.clone(),
            class: self.to.class.clone(),
            owners: self.to.owners.clone(),
            ceiling: self.to.ceiling.clone(),
            jwks,
        };
        let (name, key) = to.checked(scene).await?;
        let public_key = serde_json::to_string(&key).map_err(|error| Error::internal("writing a public key", error))?;
        let details =
            json!({ "name": name, "class": to.class, "owners": to.owners, "ceiling": to.ceiling, "new_key": public_key != old.public_key });
        if old.ceiling.0 != to.ceiling {
            scene.db.touch_draft().await?;
        }
        let row = Agent { name, class: to.class, owners: Json(to.owners), public_key, ceiling: Json(to.ceiling), ..old };
        scene.db.update(row).await?;
        Ok(Done::new((), Event::new("agent.edit").on(&self.id).details(details)))
    }
}

/// Tells one state of an agent's registration from another.
pub fn agent_version(agent: &Agent) -> u64 {
    fingerprint(&json!([agent.name, agent.class, agent.owners.0, agent.public_key, agent.ceiling.0]))
}
