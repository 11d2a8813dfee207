//! Access tokens and assertions, as an issuer and a gateway make them.

use policy::{GrantFact, Issuer, SubjectKind};
use serde_json::json;
use token::{ActClaim, Assertion, AssertionClaims, Claims};

use super::keys::{signed_again, token_key};
use super::policy::RESOURCE;
use super::{NOW, TENANT};

/// The tenant's issuer.
pub const ISSUER: &str = "https://writ.example/t/acme";
/// Which key signs its tokens; see [`token_key`].
pub const KEY: u8 = 31;
/// For whom the sample assertions are.
pub const AUDIENCE: &str = "https://writ.example/t/acme/delivery";

/// The issuers that verify the sample tokens.
#[must_use]
pub fn issuers() -> Vec<Issuer> {
    vec![Issuer { issuer: ISSUER.into(), jwks: json!({"keys": [token_key(KEY).public()]}) }]
}

/// Claims of a developer through an IDE, of an SRE with a grant, and of an SRE's agent.
#[must_use]
pub fn claims() -> Vec<Claims> {
    let developer = Claims {
        iss: ISSUER.into(),
        aud: RESOURCE.into(),
        sub: "usr_dev".into(),
        sub_profile: SubjectKind::User,
        client_id: "cli_ide".into(),
        client_class: "ide".into(),
        scope: "logs.read".into(),
        iat: NOW,
        exp: NOW + 600,
        jti: "tok_1".into(),
        sid: "ses_1".into(),
        lineage: "lin_1".into(),
        tenant: TENANT.into(),
        roles: vec!["developer".into()],
        grants: Vec::new(),
        act: None,
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        seq: 1,
    };
    let grant = GrantFact {
        id: "grt_1".into(),
        scopes: ["logs.debug.write".to_owned()].into(),
        resource: RESOURCE.into(),
        client: "cli_ide".into(),
        agent: None,
        exp: NOW + 300,
    };
    let granted = Claims {
        scope: "logs.read logs.debug.write".into(),
        grants: vec![grant],
        acr: Some("mfa".into()),
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: Some(NOW - 10),
        ..developer.clone()
    };
    let act = |sub: &str, act| ActClaim { sub: sub.into(), sub_profile: "ai_agent".into(), class: "coding".into(), act };
    let acting = Claims {
        sub: "usr_sam".into(),
        roles: vec!["sre".into(), "developer".into()],
        scope: "logs.read logs.debug.write incidents.trigger".into(),
        act: Some(act("agt_outer", Some(Box::new(act("agt_inner", None))))),
        auth_time: Some(NOW - 10),
        ..developer.clone()
    };
    vec![developer, granted, acting]
}

/// The tokens with those claims.
///
/// # Panics
/// Never: the key signs.
#[must_use]
pub fn tokens() -> Vec<String> {
    let key = token_key(KEY);
    claims().iter().map(|claims| signed_again(KEY, &claims.sign(&key).expect("signs"))).collect()
}

/// Claims of an assertion of each kind.
#[must_use]
pub fn assertion_claims() -> [(Assertion, AssertionClaims); 2] {
    let own = AssertionClaims {
        iss: "gw_1".into(),
        sub: "gw_1".into(),
        aud: AUDIENCE.into(),
        iat: NOW,
        exp: NOW + Assertion::LIFE,
        jti: "asr_1".into(),
        ..AssertionClaims::default()
    };
    let of_a_call = AssertionClaims {
        sub: "usr_dev".into(),
        client_id: Some("cli_ide".into()),
        agent: Some("agt_1".into()),
        scope: Some("logs.read".into()),
        decision: Some("req_1".into()),
        policy_version: Some(3),
        ..own.clone()
    };
    [(Assertion::Gateway, own), (Assertion::Upstream, of_a_call)]
}
