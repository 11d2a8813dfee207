//! Refresh tokens: each is good for once and replaced by the next; one that comes twice ends its family.

use super::error::{OAuthError, invalid_client, invalid_grant, invalid_scope, invalid_target};
use super::lineage::take_back;
use super::mint::{Issued, Origin, mint};
use super::question::consent_id;
use super::standing::{Party, Standing, recent_groups};
use crate::chance::sha256_hex;
use crate::error::Result;
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Client, Code, Consent, RefreshToken, User};

/// How long a family lives, whatever its members do, in milliseconds.
pub const REFRESH_LIFE_MS: i64 = 8 * 3600 * 1000;

/// The first of a family.
pub(super) async fn begin(scene: &Scene<'_>, code: &Code) -> Result<String> {
    let secret = scene.parts.chance.secret();
    let row = RefreshToken {
        id: sha256_hex(&secret),
        user_id: code.user_id.clone(),
        client_id: code.client_id.clone(),
        resource: code.resource.clone(),
        scope: code.scope.clone(),
        lineage: code.lineage.clone(),
        sid: code.sid.clone(),
        auth_s: code.auth_s,
        acr: code.acr.clone(),
        expires_ms: scene.cx.now_ms + REFRESH_LIFE_MS,
        used_ms: None,
        successor: None,
    };
    scene.db.insert(row).await?;
    Ok(secret)
}

/// Exchanges a refresh token for new tokens. Roles come from the person's groups anew, and a grant that was approved meanwhile comes along,
/// as far as the person allowed it for later when they gave consent.
pub struct Refresh {
    /// Who asks.
    pub client_id: String,
    /// The refresh token.
    pub refresh_token: String,
    /// Must be the one that it is for, if it is sent.
    pub resource: Option<String>,
    /// Fewer scopes; empty: all that can be had.
    pub scope: BTreeSet<String>,
}

impl UseCase for Refresh {
    type Out = std::result::Result<Issued, OAuthError>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        let db = &scene.db;
        let client = db.get::<Client>(&self.client_id).await?.ok_or_else(invalid_client)?;
        let known = db.get::<RefreshToken>(&sha256_hex(&self.refresh_token)).await?.filter(|row| row.client_id == client.id);
        let row = known.ok_or_else(|| invalid_grant("there is no such refresh token for this client"))?;
        if row.used_ms.is_some() {
            let taken = take_back(scene, &row.lineage, "a refresh token was used twice").await?;
            let taken = taken.by("user", &row.user_id).through(Some(client.id.clone()), None);
            let refused = Event::new("token.refuse").denied().by("user", &row.user_id).through(Some(client.id), None);
            let refused = refused.on(&row.lineage).details(json!({ "reason": "refresh_token_replayed", "resource": row.resource }));
            return Ok(Done::many(
                Err(invalid_grant("the refresh token was used before; its whole family was taken back")),
                refused,
                [taken],
            )
            .wake());
        }
        if scene.cx.now_ms >= row.expires_ms {
            return Err(invalid_grant("the refresh token has ended; sign in again").into());
        }
        if self.resource.as_ref().is_some_and(|resource| *resource != row.resource) {
            return Err(invalid_target("the refresh token is for another resource").into());
        }
        let user = db.get::<User>(&row.user_id).await?.ok_or_else(|| invalid_grant("the person is gone"))?;
        recent_groups(&user, scene.cx.now_ms)?;
        let consent = db.get::<Consent>(&consent_id(&user.id, &client.id, &row.resource)).await?;
        let consent = consent.ok_or_else(|| invalid_grant("the person has withdrawn their consent"))?;

        let standing = Standing::load(db).await?;
        let party = Party { user: &user, client: &client, agents: &[], resource: &row.resource };
        if let Some(why) = standing.blocks(&party) {
            return Err(invalid_grant(why).into());
        }
        let held = standing.held(db, &party, scene.cx.now_s()).await?;
        let later: BTreeSet<String> = consent.scope.union(&consent.later).cloned().collect();
        // All that the person allowed and holds by now, not only what the code was for: clients that are told `insufficient_scope`
        // refresh before they authorize again, and some do nothing else.
        let scopes = held.bounds.issue(&later, &later);
        let scopes = self.narrow(scopes, &row, &later)?;
        let origin = Origin {
            lineage: &row.lineage,
            sid: &row.sid,
            auth_s: Some(row.auth_s),
            acr: row.acr.as_deref(),
            not_after_s: None,
            by: "refresh_token",
        };
        let (mut issued, event) = mint(scene, &standing, &party, &held, scopes, &origin).await?;

        let secret = scene.parts.chance.secret();
        let successor = sha256_hex(&secret);
        db.insert(RefreshToken { id: successor.clone(), ..row.clone() }).await?;
        db.update(RefreshToken { used_ms: Some(scene.cx.now_ms), successor: Some(successor), ..row }).await?;
        issued.refresh_token = Some(secret);
        Ok(Done::new(Ok(issued), event))
    }
}

impl Refresh {
    /// A client may ask for less, never for what was not allowed (RFC 6749 section 6). What it may have but cannot have now is left out.
    fn narrow(
        &self,
        scopes: BTreeSet<String>,
        row: &RefreshToken,
        later: &BTreeSet<String>,
    ) -> std::result::Result<BTreeSet<String>, OAuthError> {
        if self.scope.is_empty() {
            return Ok(scopes);
        }
        if let Some(foreign) = self.scope.iter().find(|scope| !row.scope.contains(*scope) && !later.contains(*scope)) {
            return Err(invalid_scope(format!("{foreign} was not allowed; authorize again to ask for it")));
        }
        Ok(scopes.intersection(&self.scope).cloned().collect())
    }
}
