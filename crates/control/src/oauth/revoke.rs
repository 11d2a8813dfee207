//! Giving a token back: RFC 7009.

use super::error::invalid_client;
use super::keys::verifying;
use super::lineage::{take_back, take_back_token};
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{Client, RefreshToken};

/// Takes back what a client gives back: with a refresh token its whole family, with an access token that one.
pub struct RevokeToken {
    /// Who gives it back.
    pub client_id: String,
    /// The token.
    pub token: String,
}

/// What a token is to this client.
enum Own {
    Refresh(RefreshToken),
    Access { jti: String, user: String },
}

impl RevokeToken {
    /// Runs it, if there is something of this client's to take back. A token that is no (longer) good is no error.
    ///
    /// # Errors
    /// When the client is not known or the database fails.
    pub async fn run_on(self, control: &Control, cx: &Ctx) -> Result<()> {
        let db = control.read(cx);
        db.get::<Client>(&self.client_id).await?.ok_or_else(invalid_client)?;
        let refresh = db.get::<RefreshToken>(&sha256_hex(&self.token)).await?;
        let own = match refresh {
            Some(row) => (row.client_id == self.client_id).then_some(Own::Refresh(row)),
            None => {
                let facts = verifying(&db, control.parts()).await?.verify(&self.token, cx.now_s()).ok();
                let facts = facts.filter(|facts| facts.client == self.client_id && facts.tenant == cx.tenant.as_str());
                facts.map(|facts| Own::Access { jti: facts.jti, user: facts.subject })
            }
        };
        match own {
            Some(own) => control.run(cx, TakeBack { client_id: self.client_id, own }).await,
            None => Ok(()),
        }
    }
}

struct TakeBack {
    client_id: String,
    own: Own,
}

impl UseCase for TakeBack {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        const REASON: &str = "given back by its client";
        let event = match &self.own {
            Own::Refresh(row) => take_back(scene, &row.lineage, REASON).await?.by("user", &row.user_id),
            Own::Access { jti, user } => {
                // What was taken back already is no longer among the living; the list does not grow by it.
                // The list does not grow by what is on it already.
                let new = take_back_token(scene, jti, REASON).await?;
                Event::new("revocation.token").on(jti).by("user", user).details(json!({ "reason": REASON, "new": new }))
            }
        };
        Ok(Done::new((), event.through(Some(self.client_id.clone()), None)).wake())
    }
}
