//! Sealing everything that lies in the database under another master key.

use super::keys;
use crate::config::secret_place;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Part, Scene, UseCase};
use crate::signin::verifier_place;
use crate::vault::{MasterKey, Sealed, Vault};
use serde_json::json;
use store::{IdpConnection, Key, SignIn, TenantId};

/// What became of a tenant's secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that were sealed under the old master key and are now under the new one.
    pub anew: u64,
    /// Secrets that were under the new one already.
    pub already: u64,
}

/// Seals what a tenant has in the database under another master key. Run through [`Control::reseal`].
struct Reseal {
    new: Vault,
}

impl Reseal {
    /// The secret sealed under the new master key, if it is not yet.
    fn again(&self, scene: &Scene<'_>, what: &str, place: &str, sealed: &str, count: &mut Resealed) -> Result<Option<Sealed>> {
        if let Ok(secret) = scene.parts.vault.open(place, sealed) {
            count.anew += 1;
            let anew = self.new.seal(&scene.parts.chance, place, &secret).map_err(|error| Error::internal("sealing a secret", error))?;
            return Ok(Some(anew));
        }
        if self.new.open(place, sealed).is_ok() {
            count.already += 1;
            return Ok(None);
        }
        let text = format!("{what} of tenant {} does not open with the old master key; nothing was changed", scene.cx.tenant);
        Err(Error::refused("does_not_open", text))
    }

    async fn keys(&self, scene: &Scene<'_>, count: &mut Resealed) -> Result<()> {
        let mut changed = Vec::new();
        // The private half of one that has ended is destroyed.
        for key in scene.db.all::<Key>().await?.into_iter().filter(|key| !key.sealed.is_empty()) {
            let (place, what) = (keys::place(&scene.cx.tenant, &key.purpose, &key.id), format!("the {} key {}", key.purpose, key.id));
            if let Some(sealed) = self.again(scene, &what, &place, &key.sealed, count)? {
                changed.push(Key { sealed, ..key });
            }
        }
        Ok(scene.db.update_all(changed).await?)
    }

    async fn client_secrets(&self, scene: &Scene<'_>, count: &mut Resealed) -> Result<()> {
        for connection in scene.db.all::<IdpConnection>().await? {
            let Some(secret) = &connection.client_secret else { continue };
            let place = secret_place(&scene.cx.tenant, &connection.id);
            if let Some(sealed) = self.again(scene, "the client secret at the identity provider", &place, secret, count)? {
                scene.db.update(IdpConnection { client_secret: Some(sealed), ..connection }).await?;
            }
        }
        Ok(())
    }

    /// Whoever is at the identity provider just now can come back.
    async fn sign_ins(&self, scene: &Scene<'_>, count: &mut Resealed) -> Result<()> {
        let mut changed = Vec::new();
        for under_way in scene.db.all::<SignIn>().await? {
            if under_way.expires_ms <= scene.cx.now_ms {
                scene.db.delete::<SignIn>(&under_way.id).await?;
                continue;
            }
            let place = verifier_place(&scene.cx.tenant, &under_way.id);
            if let Some(verifier) = self.again(scene, "a sign-in under way", &place, &under_way.verifier, count)? {
                changed.push(SignIn { verifier, ..under_way });
            }
        }
        Ok(scene.db.update_all(changed).await?)
    }
}

impl UseCase for Reseal {
    type Out = Resealed;
    const NEEDS: Permission = Permission::WriteKeys;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Resealed>> {
        let mut count = Resealed::default();
        self.keys(scene, &mut count).await?;
        self.client_secrets(scene, &mut count).await?;
        self.sign_ins(scene, &mut count).await?;
        let part = match count.anew {
            0 => Part::Noted(count),
            anew => {
                let first = Box::new(Event::new("key.reseal").details(json!({ "secrets": anew })));
                Part::Changed { out: count, first, rest: Vec::new(), wake: false }
            }
        };
        Ok(Done::each(vec![part]).map(|_| count))
    }
}

impl Control {
    /// Seals everything of every tenant under another master key, in one transaction. This control plane's own master key is the old one, and
    /// it opens nothing any more afterwards: start it again with the new one. Running it again changes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] with `same_master_key`, or with `does_not_open` for the first secret that opens with neither; nothing was changed
    /// then.
    pub async fn reseal(&self, new: &MasterKey) -> Result<Vec<(TenantId, Resealed)>> {
        let vault = Vault::new(new).map_err(|error| Error::internal("taking a master key", error))?;
        let probe = vault.seal(&self.parts().chance, "probe", b"").map_err(|error| Error::internal("sealing a secret", error))?;
        if self.parts().vault.open("probe", &probe).is_ok() {
            return Err(Error::refused("same_master_key", "the new master key is the old one"));
        }
        self.run_everywhere(Reseal { new: vault }).await
    }

    /// Whether what is sealed in the database opens with this control plane's master key. All of it is always under the same one, so the
    /// first tenant answers for all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opens_what_is_sealed(&self) -> Result<bool> {
        let Some(first) = self.tenants().await?.into_iter().next() else { return Ok(true) };
        let cx = self.upkeep_ctx(&first, "start");
        keys::opens(&self.read(&cx), &self.parts().vault).await
    }
}
