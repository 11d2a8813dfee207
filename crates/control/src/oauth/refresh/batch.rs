//! Refreshes that come together are renewed together.

use super::{Refresh, renewal};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::Result;
use crate::gather::{Asked, Batch, Gather, gathered};
use crate::oauth::error::OAuthError;
use crate::oauth::mint::Issued;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use std::sync::Arc;
use store::TenantId;

type Answer = std::result::Result<Issued, OAuthError>;

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

    async fn answer(control: &Control, tenant: &TenantId, asked: &[Arc<Asked<Self>>]) -> Result<Vec<Answer>> {
        let now_ms = control.parts().clock.now_ms();
        let cx = Ctx { tenant: tenant.clone(), actor: Actor::Anonymous, request_id: "refreshes".to_owned(), now_ms };
        control.run(&cx, RefreshMany(asked.to_vec())).await
    }
}

struct RefreshMany(Vec<Arc<Asked<Refresh>>>);

impl UseCase for RefreshMany {
    type Out = Vec<Answer>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        let requests: Vec<&Refresh> = self.0.iter().map(|asked| &asked.what).collect();
        let parts = renewal::renew(scene, &requests).await?;
        Ok(Done::each(parts.into_iter().zip(&self.0).map(|(part, asked)| part.of_request(&asked.cx.request_id)).collect()))
    }
}
