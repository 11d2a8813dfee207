//! The one-time way in that is made on the host's shell.

use crate::chance::sha256_hex;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use store::SignInLink;

/// How long the link is good for.
const LIFE_MS: i64 = 15 * 60 * 1000;

/// Makes a link. It answers with the whole URL, which is shown once.
pub struct CreateSignInLink;

impl UseCase for CreateSignInLink {
    type Out = String;
    const NEEDS: Permission = Permission::WriteAdmins;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let secret = scene.parts.chance.secret();
        let row = SignInLink { id: sha256_hex(&secret), expires_ms: scene.cx.now_ms + LIFE_MS, used_ms: None };
        scene.db.insert(row).await?;
        let url = format!("{}/signin/link?token={secret}", scene.parts.issuer(&scene.cx.tenant));
        Ok(Done::new(url, Event::new("sign_in_link.create")))
    }
}

/// Uses it: once, in time.
pub struct UseSignInLink {
    /// The secret.
    pub token: String,
}

impl UseCase for UseSignInLink {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let id = sha256_hex(&self.token);
        let row = scene.db.get::<SignInLink>(&id).await?.filter(|row| row.used_ms.is_none() && scene.cx.now_ms < row.expires_ms);
        let Some(mut row) = row else {
            return Err(Error::refused("link_not_valid", "this link was used or has ended; make a new one with: writ admin sign-in-link"));
        };
        row.used_ms = Some(scene.cx.now_ms);
        scene.db.update(row).await?;
        Ok(Done::new((), Event::new("sign_in_link.use").by("host", "host")))
    }
}
