//! Refreshes that come together are renewed together.

use super::{Refresh, renewal};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::Result;
use crate::gather::{Batch, Gather, Open, gathered};
use crate::oauth::error::OAuthError;
use crate::oauth::mint::Minted;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use std::sync::Arc;
use store::TenantId;

type Answer = std::result::Result<Minted, OAuthError>;

/// Exchanges a refresh token for new tokens.
///
/// # Errors
/// When the database fails. That the token is refused is an answer, as RFC 6749 section 5.2 words it.
pub async fn refresh(control: &Control, cx: &Ctx, refresh: Refresh) -> Result<Answer> {
    gathered(control, cx, refresh).await
}

impl Batch for Refresh {
    type Answer = Answer;
    const MOST: usize = 64;

    fn queue(control: &Control) -> &Gather<Self> {
        control.refreshes()
    }

    async fn answer(control: &Control, tenant: &TenantId, batch: &Arc<Open<Self>>) -> Result<Vec<Answer>> {
        let now_ms = control.parts().clock.now_ms();
        let cx = Ctx { tenant: tenant.clone(), actor: Actor::Anonymous, request_id: "refreshes".to_owned(), now_ms };
        control.run(&cx, RefreshMany(Arc::clone(batch))).await
    }
}

/// Those that come while the tenant's rules are being read still go along, where the transaction cannot miss what they hold.
struct RefreshMany(Arc<Open<Refresh>>);

impl UseCase for RefreshMany {
    type Out = Vec<Answer>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        if !scene.db.is_alone() {
            // Whoever comes later may have been given their token after what this transaction sees.
            self.0.close();
        }
        let parts = renewal::renew(scene, || self.0.asked().map(|asked| &asked.what).collect()).await?;
        Ok(Done::each(parts.into_iter().zip(self.0.asked()).map(|(part, asked)| part.of_request(&asked.cx.request_id)).collect()))
    }
}
