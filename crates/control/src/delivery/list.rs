//! The revocation list as gateways get it.

use crate::control::Parts;
use crate::error::{Error, Result};
use crate::tenancy::keys;
use policy::{Entry, Revocations, Target};
use store::Reader;

/// The list as the rows have it at `now_s`, Unix seconds.
///
/// # Errors
/// When the database fails, or the key under which it is hashed cannot be opened.
pub async fn revocation_list(db: &Reader<'_>, parts: &Parts, now_s: i64) -> Result<Revocations> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let key = keys::revocation_key(db, &parts.vault).await?;
    let mut entries = Vec::new();
    for row in db.revocations_in_force(now_s).await? {
        let target: Target = serde_json::from_str(&row.target).map_err(|error| Error::internal("reading a revocation", error))?;
        entries.push(Entry::new(&key, row.id, number(row.seq)?, &target, row.until_s));
    }
    Ok(Revocations::new(tenant.id, number(tenant.revocation_seq)?, entries))
}

fn number(stored: i64) -> Result<u64> {
    u64::try_from(stored).map_err(|error| Error::internal("reading a revocation", error))
}
