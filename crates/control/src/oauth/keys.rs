//! The keys of the tenant's access tokens: the active one signs, all of them verify.

use crate::control::{Control, Parts};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::tenancy::keys::jwk_set;
use policy::Issuer;
use serde_json::Value;
use store::Reader;
use token::VerifyingKeys;

/// The public keys as a JWK set (RFC 7517): also those that no longer sign, since tokens of theirs may still live.
///
/// # Errors
/// When the database fails or holds no key.
pub async fn jwks(control: &Control, cx: &Ctx) -> Result<Value> {
    jwk_set(&control.read(cx)).await
}

/// What verifies the tenant's own access tokens.
pub(super) async fn verifying(db: &Reader<'_>, parts: &Parts) -> Result<VerifyingKeys> {
    let issuer = Issuer { issuer: parts.issuer(db.tenant()), jwks: jwk_set(db).await? };
    Ok(VerifyingKeys::from_issuers(&[issuer]))
}
