//! A sign-in under way: kept in a row of its own, bound to one browser, taken once.

use crate::chance::sha256_hex;
use crate::error::{Error, Result};
use crate::scene::{Scene, Upkeep};
use store::{SignIn, TenantId};
use zeroize::Zeroizing;

/// How long a person may take at the identity provider.
const LIFE_MS: i64 = 10 * 60 * 1000;

/// Begins one.
pub struct BeginSignIn {
    /// The secret of the browser's cookie: the callback has to come from the same browser.
    pub browser: String,
    /// Path to go on to.
    pub return_to: String,
}

/// What goes to the provider.
pub struct Begun {
    /// `state`.
    pub state: String,
    /// `nonce`.
    pub nonce: String,
    /// PKCE verifier.
    pub verifier: String,
}

impl Upkeep for BeginSignIn {
    type Out = Begun;

    async fn run(&self, scene: &Scene<'_>) -> Result<(Begun, bool)> {
        let chance = &scene.parts.chance;
        let begun = Begun { state: chance.secret(), nonce: chance.secret(), verifier: chance.secret() };
        let id = sha256_hex(&begun.state);
        let verifier = scene.seal(&verifier_place(&scene.cx.tenant, &id), begun.verifier.as_bytes()).await?;
        let row = SignIn {
            id,
            nonce: begun.nonce.clone(),
            verifier,
            browser: sha256_hex(&self.browser),
            return_to: self.return_to.clone(),
            expires_ms: scene.cx.now_ms + LIFE_MS,
        };
        scene.db.insert(row).await?;
        Ok((begun, false))
    }
}

/// What a sealed verifier is bound to.
pub(crate) fn verifier_place(tenant: &TenantId, id: &str) -> String {
    format!("{tenant}/sign-in/{id}")
}

/// Takes it at the callback: once, in time, from the same browser.
pub struct TakeSignIn {
    /// `state` as it came back.
    pub state: String,
    /// The browser's cookie.
    pub browser: String,
}

impl Upkeep for TakeSignIn {
    /// Nonce, verifier and the path to go on to.
    type Out = Option<(String, Zeroizing<String>, String)>;

    async fn run(&self, scene: &Scene<'_>) -> Result<(Self::Out, bool)> {
        let id = sha256_hex(&self.state);
        let Some(row) = scene.db.get::<SignIn>(&id).await? else { return Ok((None, false)) };
        scene.db.delete::<SignIn>(&id).await?;
        if row.expires_ms <= scene.cx.now_ms || row.browser != sha256_hex(&self.browser) {
            return Ok((None, false));
        }
        let place = verifier_place(&scene.cx.tenant, &id);
        let opened = scene.parts.vault.open(&place, &row.verifier).map_err(|error| Error::internal("opening a verifier", error))?;
        let verifier = String::from_utf8(opened.to_vec()).map_err(|error| Error::internal("reading a verifier", error))?;
        Ok((Some((row.nonce, Zeroizing::new(verifier), row.return_to)), false))
    }
}
