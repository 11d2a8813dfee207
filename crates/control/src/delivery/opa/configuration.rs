//! The configuration that an OPA is given.

use super::archives::public;
use crate::delivery::gateways::OPA;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use opa::Lane;
use opa::config::{ClientConfig, PinnedKey};
use serde_json::json;
use store::{Gateway, OpaClient};

/// Where things are on the OPA's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The file with its token.
    pub token: String,
    /// The folder that it keeps verified bundles in.
    pub state: String,
}

/// Prints an OPA's configuration with the keys that sign now, and notes that it pins them. Holds no secret.
pub struct PrintConfiguration {
    /// `opa_…`.
    pub client: String,
    /// Where things are there.
    pub paths: Paths,
}

impl UseCase for PrintConfiguration {
    type Out = String;
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let row = scene.db.get::<Gateway>(&self.client).await?.filter(|row| row.kind == OPA).ok_or(Error::NotFound)?;
        let client = scene.db.get::<OpaClient>(&row.id).await?.ok_or(Error::NotFound)?;
        let mut pinned = Vec::new();
        for lane in Lane::ALL {
            let key = public(&scene.db, lane).await?;
            pinned.push(PinnedKey { id: key.id().to_owned(), pem: key.to_pem() });
        }
        let [policy_key, revocations_key] =
            <[PinnedKey; 2]>::try_from(pinned).map_err(|_| Error::internal("pinning keys", "there are two"))?;
        scene.db.update(OpaClient { policy_key: policy_key.id.clone(), revocations_key: revocations_key.id.clone(), ..client }).await?;
        let details = json!({ "name": row.name, "policy_key": policy_key.id, "revocations_key": revocations_key.id });
        let config = ClientConfig {
            name: row.name,
            tenant: scene.cx.tenant.to_string(),
            service_url: format!("{}/opa", scene.parts.issuer(&scene.cx.tenant)),
            token_path: self.paths.token.clone(),
            state_folder: self.paths.state.clone(),
            policy_key,
            revocations_key,
        };
        Ok(Done::new(config.to_string(), Event::new("opa.configure").on(row.id).details(details)))
    }
}
