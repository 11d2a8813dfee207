//! What the provider vouches for.

use std::collections::BTreeMap;

use openidconnect::{AdditionalClaims, IdTokenClaims, core::CoreGenderClaim};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who signed in, by a verified ID token. The key of an account is (`issuer`, `subject`), nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The provider, exactly as configured.
    pub issuer: String,
    /// The person, as the provider names them to this client.
    pub subject: String,
    /// The e-mail address, if the provider gave one.
    pub email: Option<String>,
    /// Whether the provider says that it verified the address. Absent means no.
    pub email_verified: bool,
    /// The name to show.
    pub name: Option<String>,
    /// The groups; `None` when the claim is missing, which is not the same as being in none.
    pub groups: Option<Vec<String>>,
    /// The authentication context class.
    pub acr: Option<String>,
    /// The authentication methods.
    pub amr: Vec<String>,
    /// When the person was last asked, unix seconds.
    pub auth_time: Option<i64>,
    /// The provider's session, for back-channel logout.
    pub sid: Option<String>,
    /// When the ID token expires, unix seconds.
    pub expires: i64,
}

/// All claims beside the standard ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

impl AdditionalClaims for Claims {}

impl Identity {
    pub(super) fn from_claims(claims: &IdTokenClaims<Claims, CoreGenderClaim>, groups_claim: &str) -> Self {
        let others = &claims.additional_claims().others;
        Self {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified().unwrap_or(false),
            name: claims
                .name()
                .and_then(|name| name.get(None).or_else(|| name.iter().next().map(|(_, name)| name)))
                .map(|name| name.to_string()),
            groups: others.get(groups_claim).and_then(groups),
            acr: claims.auth_context_ref().map(|acr| acr.to_string()),
            amr: claims.auth_method_refs().into_iter().flatten().map(|amr| amr.to_string()).collect(),
            auth_time: claims.auth_time().map(|time| time.timestamp()),
            sid: others.get("sid").and_then(Value::as_str).map(String::from),
            expires: claims.expiration().timestamp(),
        }
    }
}

/// A list of names, or one name; anything else counts as not told.
fn groups(claim: &Value) -> Option<Vec<String>> {
    match claim {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(list) => list.iter().map(|group| group.as_str().map(String::from)).collect(),
        _ => None,
    }
}
