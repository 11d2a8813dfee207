//! An OPA as people see it.

use super::archives::{policy_id, public};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::fleet::{GatewayView, fleet};
use crate::error::{Error, Result};
use crate::permission::Permission;
use opa::Lane;
use store::OpaClient;

/// One OPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaView {
    /// As in the fleet.
    pub gateway: GatewayView,
    /// The version that all are to run.
    pub desired_version: Option<i64>,
    /// The tenant's newest revocation sequence.
    pub revocation_seq: i64,
    /// Its tokens, the oldest first.
    pub tokens: Vec<TokenView>,
    /// Why it does not run the policy that it was offered, in its words.
    pub refused_policy: Option<String>,
    /// Why it does not run the revocations that it was offered, in its words.
    pub refused_revocations: Option<String>,
    /// Whether its configuration pins a key that signs no more.
    pub pins_old_key: bool,
    /// Whether the live policy has no bundle yet, since the policy key lies elsewhere.
    pub policy_awaits: bool,
}

/// A token of an OPA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenView {
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When it was first used, Unix milliseconds.
    pub used_ms: Option<i64>,
}

/// One OPA.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn opa(control: &Control, cx: &Ctx, id: &str) -> Result<OpaView> {
    cx.needs(Permission::ReadFleet)?;
    let fleet = fleet(control, cx).await?;
    let gateway = fleet.gateways.into_iter().find(|gateway| gateway.id == id && gateway.is_opa).ok_or(Error::NotFound)?;
    let db = control.read(cx);
    let client = db.get::<OpaClient>(id).await?.ok_or(Error::NotFound)?;
    let mut tokens: Vec<TokenView> =
        db.opa_tokens(id).await?.iter().map(|token| TokenView { created_ms: token.created_ms, used_ms: token.used_ms }).collect();
    tokens.sort_by_key(|token| token.created_ms);
    let (policy, revocations) = (public(&db, Lane::Policy).await?, public(&db, Lane::Revocations).await?);
    let policy_awaits = match fleet.desired_version {
        Some(version) => !db.opa_archive_heads().await?.iter().any(|head| head.id == policy_id(version)),
        None => false,
    };
    Ok(OpaView {
        gateway,
        desired_version: fleet.desired_version,
        revocation_seq: fleet.revocation_seq,
        tokens,
        refused_policy: client.refused_policy_text,
        refused_revocations: client.refused_revocations_text,
        pins_old_key: policy.id() != client.policy_key || revocations.id() != client.revocations_key,
        policy_awaits,
    })
}
