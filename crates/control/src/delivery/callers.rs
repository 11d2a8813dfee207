//! Who calls, for thousands that call at once: after a revocation every gateway acknowledges it and watches again.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::gather::{Batch, Gather, Open, gathered};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{GatewayKey, TenantId};
use token::{Assertion, AssertionClaims, AssertionError, PublicJwk};

/// The most verified assertions that are remembered. What does not fit is verified again.
const MOST: usize = 32_768;

/// A gateway whose key is wanted. Those that are wanted together are read together.
pub(crate) struct Wanted(String);

impl Batch for Wanted {
    /// Nothing if there is none.
    type Answer = Option<GatewayKey>;
    const MOST: usize = 256;

    fn queue(control: &Control) -> &Gather<Self> {
        &control.callers().wanted
    }

    async fn answer(control: &Control, tenant: &TenantId, batch: &Arc<Open<Self>>) -> Result<Vec<Self::Answer>> {
        let cx = control.upkeep_ctx(tenant, "callers");
        let rows = control.read(&cx).gateway_keys(batch.asked().map(|asked| asked.what.0.clone())).await?;
        Ok(batch.asked().map(|asked| rows.get(&asked.what.0).cloned()).collect())
    }
}

/// Keys that are wanted, and assertions that were verified.
#[derive(Default, Clone)]
pub(crate) struct Callers {
    wanted: Gather<Wanted>,
    /// By digest of key and assertion. A gateway uses an assertion for half of its life.
    signed: Arc<Mutex<HashMap<[u8; 32], AssertionClaims>>>,
}

impl Callers {
    /// How the gateway is known now.
    pub(super) async fn key(control: &Control, cx: &Ctx, id: String) -> Result<Option<GatewayKey>> {
        gathered(control, cx, Wanted(id)).await
    }

    /// What the assertion says, if it is signed with this key. Only that is remembered: whether the key still counts, and the assertion still
    /// stands, is asked each time.
    pub(super) fn signed(&self, assertion: &str, key: &PublicJwk, now_s: i64) -> std::result::Result<AssertionClaims, AssertionError> {
        let digest = Sha256::new().chain_update(&key.x).chain_update(".").chain_update(&key.y).chain_update(".").chain_update(assertion);
        let digest: [u8; 32] = digest.finalize().into();
        let held = || self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = held().get(&digest) {
            return Ok(claims.clone());
        }
        let claims = Assertion::Gateway.signed(assertion, key)?;
        let mut held = held();
        if held.len() >= MOST {
            held.retain(|_, claims| claims.exp > now_s);
        }
        if held.len() < MOST {
            held.insert(digest, claims.clone());
        }
        Ok(claims)
    }
}
