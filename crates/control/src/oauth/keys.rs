//! The keys of the tenant's access tokens: the active one signs, all of them verify.

use crate::control::{Control, Parts};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::tenancy::keys::TOKEN;
use policy::Issuer;
use serde_json::{Value, json};
use store::Reader;
use token::VerifyingKeys;

/// The public keys as a JWK set (RFC 7517): also those that no longer sign, since tokens of theirs may still live.
///
/// # Errors
/// When the database fails or holds no key.
pub async fn jwks(control: &Control, cx: &Ctx) -> Result<Value> {
    set(&control.read(cx)).await
}

async fn set(db: &Reader<'_>) -> Result<Value> {
    let mut keys = Vec::new();
    for key in db.keys_for(TOKEN).await? {
        let jwk: Value = serde_json::from_str(&key.public).map_err(|error| Error::internal("reading a token key", error))?;
        keys.push(jwk);
    }
    Ok(json!({ "keys": keys }))
}

/// What verifies the tenant's own access tokens.
pub(super) async fn verifying(db: &Reader<'_>, parts: &Parts) -> Result<VerifyingKeys> {
    let issuer = Issuer { issuer: parts.issuer(db.tenant()), jwks: set(db).await? };
    Ok(VerifyingKeys::from_issuers(&[issuer]))
}
