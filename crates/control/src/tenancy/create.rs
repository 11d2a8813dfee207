//! Making a tenant: its row, its keys, its TUF root and the classes every tenant starts with.

use super::keys;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;

/// Makes the context's tenant. Run through [`crate::Control::create_tenant`].
pub struct CreateTenant {
    /// As people say it, at most 80 characters.
    pub name: String,
}

impl UseCase for CreateTenant {
    type Out = ();
    const NEEDS: Permission = Permission::WriteAdmins;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(Error::invalid("name", "give a name of at most 80 characters"));
        }
        scene.db.create_tenant(name, scene.cx.now_ms).await?;

        let (token_key, pkcs8) = token::SigningKey::generate().map_err(|error| Error::internal("making a token key", error))?;
        let public = serde_json::to_string(token_key.public()).map_err(|error| Error::internal("making a token key", error))?;
        keys::add(scene, keys::TOKEN, &pkcs8, public, true).await?;

        let seed = scene.parts.chance.bytes::<32>();
        let origin = evidence::checkpoint::origin(scene.cx.tenant.as_str());
        let signer = evidence::Signer::from_seed(&origin, &seed).map_err(|error| Error::internal("making the log key", error))?;
        keys::add(scene, keys::AUDIT_LOG, &seed, signer.verifier().to_string(), true).await?;

        keys::add(scene, keys::REVOCATION_MARKS, &scene.parts.chance.bytes::<32>(), String::new(), true).await?;

        crate::delivery::repository::initialise(scene).await?;
        crate::config::defaults(scene).await?;
        Ok(Done::new((), Event::new("tenant.create").on(scene.cx.tenant.as_str()).details(json!({ "name": name }))))
    }
}
