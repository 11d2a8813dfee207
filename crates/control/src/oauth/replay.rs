//! What is good for once and comes twice, a code or a refresh token: somebody else has it, so everything that came of it is taken back.
//!
//! Gateways learn that from the revocation list, and when its key lies in a service that does not answer, nothing can be put on it. What was
//! issued lives on until it ends then, an hour at the most, but nothing more comes of it: the family's refresh tokens count as used. Whoever comes
//! with one of them, the thief or the person's own client, is the next attempt at taking the family back.

use super::error::OAuthError;
use super::lineage::take_back;
use super::mint::Minted;
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use std::future::Future;
use store::{Code, RefreshToken, StoreError};
use tracing::Instrument;

/// What is good for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    Code,
    RefreshToken,
}

impl Single {
    /// For the audit log.
    const fn replayed(self) -> &'static str {
        match self {
            Self::Code => "code_replayed",
            Self::RefreshToken => "refresh_token_replayed",
        }
    }

    /// For the revocation list.
    const fn used_twice(self) -> &'static str {
        match self {
            Self::Code => "an authorization code was used twice",
            Self::RefreshToken => "a refresh token was used twice",
        }
    }
}

/// All tokens that descend from one code.
pub(super) struct Family<'r> {
    pub lineage: &'r str,
    pub user: &'r str,
    pub client: &'r str,
    pub resource: &'r str,
}

impl Family<'_> {
    /// Takes it back: the refusal, and what was done. The caller wakes the gateways.
    pub(super) async fn take_back(&self, scene: &Scene<'_>, single: Single) -> Result<[Event; 2]> {
        let taken = take_back(scene, self.lineage, single.used_twice()).await?;
        let taken = taken.by("user", self.user).through(Some(self.client.to_owned()), None);
        Ok([self.refused().details(json!({ "reason": single.replayed(), "resource": self.resource })), taken])
    }

    fn refused(&self) -> Event {
        Event::new("token.refuse").denied().by("user", self.user).through(Some(self.client.to_owned()), None).on(self.lineage)
    }
}

/// What somebody has shown, by the id under which it is kept.
pub(super) struct Shown {
    single: Single,
    id: String,
}

impl Shown {
    pub(super) fn code(code: &str) -> Self {
        Self { single: Single::Code, id: sha256_hex(code) }
    }

    pub(super) fn refresh_token(token: &str) -> Self {
        Self { single: Single::RefreshToken, id: sha256_hex(token) }
    }
}

/// Does this whatever becomes of whoever asked. A client that has gone before it is told that its token came twice, on purpose or because it
/// takes long, does not keep the family from being taken back.
pub(super) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work.in_current_span()).await.map_err(|_| StoreError::Stopped)?
}

/// Runs an exchange of what is good for once. When it takes back a family and cannot be signed, the family is spent, and the error is the same.
pub(super) async fn used_once<U>(control: &Control, cx: &Ctx, exchange: U, shown: Shown) -> Result<U::Out>
where
    U: UseCase<Out = std::result::Result<Minted, OAuthError>>,
{
    let answer = control.run(cx, exchange).await;
    if matches!(answer, Err(Error::NotSigned(_))) {
        match control.run(cx, Spend(shown)).await {
            // It was spent before, or somebody else has taken it back meanwhile.
            Ok(()) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    answer
}

/// Has all refresh tokens of a family count as used.
struct Spend(Shown);

impl UseCase for Spend {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let Shown { single, id } = &self.0;
        let (code, token);
        let family = match single {
            Single::Code => {
                code = scene.db.get::<Code>(id).await?.filter(|code| code.used_ms.is_some()).ok_or(Error::NotFound)?;
                Family { lineage: &code.lineage, user: &code.user_id, client: &code.client_id, resource: &code.resource }
            }
            Single::RefreshToken => {
                token = scene.db.get::<RefreshToken>(id).await?.filter(|token| token.used_ms.is_some()).ok_or(Error::NotFound)?;
                Family { lineage: &token.lineage, user: &token.user_id, client: &token.client_id, resource: &token.resource }
            }
        };
        let spent = scene.db.spend_lineage(family.lineage, scene.cx.now_ms).await?;
        if spent == 0 {
            // That it came before was written down then.
            return Err(Error::NotFound);
        }
        let details = json!({ "reason": single.replayed(), "resource": family.resource, "refresh_tokens_spent": spent, "listed": false });
        Ok(Done::new((), family.refused().details(details)))
    }
}
