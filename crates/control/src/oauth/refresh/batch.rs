//! Refreshes that come together are renewed together.

use super::Refresh;
use super::renewal::{self, Renewed, Verdict};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::Result;
use crate::gather::{Batch, Gather, Open, gathered};
use crate::oauth::error::OAuthError;
use crate::oauth::mint::Minted;
use crate::oauth::replay::{Shown, to_the_end, used_once};
use crate::permission::Permission;
use crate::scene::{Done, Part, Scene, UseCase};
use std::sync::Arc;
use store::TenantId;

/// None: the token was used before, and that has a transaction of its own. It takes back the token's family, which has to be signed; a key
/// management service that takes its time for it would keep everybody else waiting.
type Answer = Option<std::result::Result<Minted, OAuthError>>;

/// Exchanges a refresh token for new tokens.
///
/// # Errors
/// When the database fails, or when the token was used before and the revocation list could not be signed. That the token is refused is
/// an answer, as RFC 6749 section 5.2 words it.
pub async fn refresh(control: &Control, cx: &Ctx, refresh: Refresh) -> Result<std::result::Result<Minted, OAuthError>> {
    let (control, cx) = (control.clone(), cx.clone());
    to_the_end(async move {
        match gathered(&control, &cx, refresh.clone()).await? {
            Some(answer) => Ok(answer),
            None => {
                let shown = Shown::refresh_token(&refresh.refresh_token);
                used_once(&control, &cx, refresh, shown).await
            }
        }
    })
    .await
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
        let verdicts = renewal::renew(scene, || self.0.asked().map(|asked| &asked.what).collect()).await?;
        Ok(Done::each(
            verdicts.into_iter().zip(self.0.asked()).map(|(verdict, asked)| part(verdict).of_request(&asked.cx.request_id)).collect(),
        ))
    }
}

fn part(verdict: Verdict) -> Part<Answer> {
    match verdict {
        Verdict::Renewed(renewed) => {
            let Renewed { minted, event, .. } = *renewed;
            Part::Changed { out: Some(Ok(minted)), first: Box::new(event), rest: Vec::new(), wake: false }
        }
        Verdict::Refused(error) => Part::Refused(Some(Err(error))),
        Verdict::Replayed(_) => Part::Refused(None),
    }
}
