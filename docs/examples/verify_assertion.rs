//! Lets an MCP server accept only the gateway: verifies the assertion that it sends. Needs `jsonwebtoken` 11 and `serde`.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// Who calls, as the gateway says.
#[derive(Debug, Deserialize)]
pub struct Caller {
    /// The person, or whoever the token was issued to.
    pub sub: String,
    /// The OAuth client: the IDE or app.
    pub client_id: Option<String>,
    /// The agent that acts, if one does.
    pub agent: Option<String>,
    /// The scope that the decision rests on.
    pub scope: Option<String>,
    /// The decision: the id of the request in Writ's decision log.
    pub decision: Option<String>,
    iat: i64,
    exp: i64,
}

/// Seconds: no assertion lives longer, and clocks may differ by as much.
const LIFE: i64 = 60;

/// Verifies the bearer token of a request. `keys` is the JSON at the gateway's `/.well-known/jwks.json`, `audience` the address that the
/// gateway forwards to, `now` in Unix seconds. `None`: the request does not come from the gateway.
pub fn verify(token: &str, keys: &JwkSet, audience: &str, now: i64) -> Option<Caller> {
    let header = decode_header(token).ok()?;
    // The type and the algorithm are ours to choose, not the sender's.
    if header.typ.as_deref() != Some("writ-upstream+jwt") || header.alg != Algorithm::ES256 {
        return None;
    }
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref()?)?).ok()?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    // Time is judged below, by the caller's clock.
    validation.validate_exp = false;
    let caller = decode::<Caller>(token, &key, &validation).ok()?.claims;
    let fresh = caller.iat - LIFE <= now && now < caller.exp + LIFE && caller.exp - caller.iat <= LIFE;
    fresh.then_some(caller)
}
