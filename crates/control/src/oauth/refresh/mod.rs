//! Refresh tokens: each is good for once and replaced by the next; one that comes twice ends its family.
//!
//! They are by far the most frequent writes of a tenant, so those that come while others are under way are renewed together: a batch
//! costs about as many statements as a single one ([`batch`]). One that comes twice is none of the batch's business: ending its family takes signatures,
//! which others need not wait for.

mod batch;
mod renewal;

pub use batch::refresh;

use self::renewal::{Renewed, Verdict};
use super::error::{OAuthError, invalid_grant, invalid_scope};
use super::mint::Minted;
use super::replay::{Family, Single};
use crate::chance::sha256_hex;
use crate::error::Result;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use std::collections::BTreeSet;
use store::{Code, RefreshToken};

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
    };
    scene.db.insert(row).await?;
    Ok(secret)
}

/// Exchanges a refresh token for new tokens. Run through [`refresh`].
///
/// Roles come from the person's groups anew, and a grant that was approved meanwhile comes along,
/// as far as the person allowed it for later when they gave consent.
#[derive(Clone)]
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
    type Out = std::result::Result<Minted, OAuthError>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        match renewal::renew(scene, || vec![self]).await?.remove(0) {
            Verdict::Renewed(renewed) => {
                let Renewed { minted, event, .. } = *renewed;
                Ok(Done::new(Ok(minted), event))
            }
            Verdict::Refused(error) => Err(error.into()),
            Verdict::Replayed(row) => {
                let family = Family { lineage: &row.lineage, user: &row.user_id, client: &row.client_id, resource: &row.resource };
                let [refused, taken] = family.take_back(scene, Single::RefreshToken).await?;
                let answer = invalid_grant("the refresh token was used before; its whole family was taken back");
                Ok(Done::many(Err(answer), refused, [taken]).wake())
            }
        }
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
