//! A code for tokens: RFC 6749 section 4.1.3 with PKCE.

use super::error::{OAuthError, invalid_client, invalid_grant, invalid_request, invalid_target};
use super::mint::{Minted, Origin, mint};
use super::refresh::begin as begin_refresh;
use super::replay::{Family, Shown, Single, to_the_end, used_once};
use super::standing::{Party, Standing, recent_groups};
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::tenancy::keys::token_key;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use store::{Client, Code, Session, User};
use subtle::ConstantTimeEq;

/// How long a code is good for, in milliseconds.
pub const CODE_LIFE_MS: i64 = 60_000;

/// Exchanges a code for tokens.
///
/// # Errors
/// When the database fails, or when the code was used before and the revocation list could not be signed. That the code is refused is an
/// answer, as RFC 6749 section 5.2 words it, or [`crate::Error::Refused`].
pub async fn exchange_code(control: &Control, cx: &Ctx, exchange: ExchangeCode) -> Result<std::result::Result<Minted, OAuthError>> {
    let (control, cx, shown) = (control.clone(), cx.clone(), Shown::code(&exchange.code));
    to_the_end(async move { used_once(&control, &cx, exchange, shown).await }).await
}

/// Exchanges a code. A code that comes a second time takes back everything that came of the first. Run through [`exchange_code`].
pub struct ExchangeCode {
    /// Who asks: a public client, so its name is all it has.
    pub client_id: String,
    /// The code.
    pub code: String,
    /// Must be the one of the authorization request, if it is sent (OAuth 2.1 sends it no more).
    pub redirect_uri: Option<String>,
    /// PKCE.
    pub verifier: String,
    /// Must be the one that was asked for, if it is sent.
    pub resource: Option<String>,
}

impl UseCase for ExchangeCode {
    type Out = std::result::Result<Minted, OAuthError>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        let db = &scene.db;
        let client = db.get::<Client>(&self.client_id).await?.ok_or_else(invalid_client)?;
        let id = sha256_hex(&self.code);
        let known = db.get::<Code>(&id).await?.filter(|code| code.client_id == client.id);
        let code = known.ok_or_else(|| invalid_grant("there is no such code for this client"))?;
        if code.used_ms.is_some() {
            let family = Family { lineage: &code.lineage, user: &code.user_id, client: &client.id, resource: &code.resource };
            let [refused, taken] = family.take_back(scene, Single::Code).await?;
            let answer = invalid_grant("the code was used before; everything that came of it was taken back");
            return Ok(Done::many(Err(answer), refused, [taken]).wake());
        }
        self.check(&code, scene.cx.now_ms)?;
        // Whoever was signed out in between, by themselves or by an administrator, gets nothing.
        if db.get::<Session>(&code.session_id).await?.is_none() {
            return Err(invalid_grant("the session that this code came from has ended").into());
        }
        let user = db.get::<User>(&code.user_id).await?.ok_or_else(|| invalid_grant("the person is gone"))?;
        recent_groups(&user, scene.cx.now_ms)?;

        let standing = Standing::load(db).await?;
        let party = Party { user: &user, client: &client, agents: &[], resource: &code.resource };
        if let Some(why) = standing.blocks(&party) {
            return Err(invalid_grant(why).into());
        }
        let held = standing.held(db, &party, scene.cx.now_s()).await?;
        let scopes = held.bounds.issue(&code.scope, &BTreeSet::new());
        let key = token_key(db, &scene.parts.vault).await?;
        let origin = Origin {
            lineage: &code.lineage,
            sid: &code.sid,
            auth_s: Some(code.auth_s),
            acr: code.acr.as_deref(),
            not_after_s: None,
            by: "authorization_code",
        };
        let (mut minted, event) = mint(scene, key, &standing, &party, &held, scopes, &origin)?;
        minted.refresh_token = Some(begin_refresh(scene, &code).await?);
        db.update(Code { used_ms: Some(scene.cx.now_ms), ..code }).await?;
        Ok(Done::new(Ok(minted), event))
    }
}

impl ExchangeCode {
    fn check(&self, code: &Code, now_ms: i64) -> std::result::Result<(), OAuthError> {
        if now_ms >= code.expires_ms {
            return Err(invalid_grant("the code has ended"));
        }
        if self.redirect_uri.as_ref().is_some_and(|uri| *uri != code.redirect_uri) {
            return Err(invalid_grant("the code was issued for another redirect_uri"));
        }
        if self.resource.as_ref().is_some_and(|resource| *resource != code.resource) {
            return Err(invalid_target("the code was issued for another resource"));
        }
        if !valid_verifier(&self.verifier) {
            return Err(invalid_request("code_verifier must be 43 to 128 unreserved characters"));
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier));
        match bool::from(challenge.as_bytes().ct_eq(code.challenge.as_bytes())) {
            true => Ok(()),
            false => Err(invalid_grant("code_verifier does not fit the code_challenge")),
        }
    }
}

/// RFC 7636 section 4.1.
fn valid_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
