//! The published policy, as the issuer reads it.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use policy::PolicySet;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use store::{Bundle, Reader};

/// Parsed policies by the digest of their bytes. A digest names its content for ever, so an entry cannot become wrong, and any replica can
/// make it again: this saves parsing megabytes for every token, and nothing else.
static PARSED: LazyLock<Mutex<HashMap<String, Arc<PolicySet>>>> = LazyLock::new(Mutex::default);

/// How many are kept.
const MOST: usize = 64;

/// The live policy; an empty one, which admits nothing, before the first publish.
pub(super) async fn live(db: &Reader<'_>) -> Result<Arc<PolicySet>> {
    let Some((id, digest)) = db.live_policy_head().await? else { return Ok(Arc::default()) };
    if let Some(policy) = PARSED.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
        return Ok(Arc::clone(policy));
    }
    let gone = || Error::internal("reading the published policy", format!("version {id} is gone"));
    let row = db.get::<Bundle>(&id).await?.ok_or_else(gone)?;
    let policy: PolicySet = serde_json::from_str(&row.policy).map_err(|error| Error::internal("reading the published policy", error))?;
    let policy = Arc::new(policy);
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if parsed.len() >= MOST {
        parsed.clear();
    }
    parsed.insert(digest, Arc::clone(&policy));
    Ok(policy)
}

/// All scopes of the published policy, for the metadata document.
///
/// # Errors
/// When the database fails.
pub async fn scopes_supported(control: &Control, cx: &Ctx) -> Result<Vec<String>> {
    Ok(live(&control.read(cx)).await?.scopes.keys().cloned().collect())
}
