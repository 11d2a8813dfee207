//! The claims of an access token: RFC 9068, RFC 8693 `act` with the OAuth actor profile's `sub_profile`, and Writ's own.

use crate::key::{KeyError, SigningKey};
use policy::{Actor, GrantFact, SubjectKind, TokenFacts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an access token says. Unknown claims are ignored on reading, as RFC 7519 wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The tenant's issuer URL.
    pub iss: String,
    /// The one resource it is for.
    pub aud: String,
    /// Who it is about.
    pub sub: String,
    /// What kind of principal that is.
    pub sub_profile: SubjectKind,
    /// The OAuth client.
    pub client_id: String,
    /// The client's class in the policy.
    pub client_class: String,
    /// Space-separated scopes.
    pub scope: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Ends at, Unix seconds.
    pub exp: i64,
    /// Token id.
    pub jti: String,
    /// Session id.
    pub sid: String,
    /// Shared by every token that descends from one sign-in.
    pub lineage: String,
    /// Tenant slug.
    pub tenant: String,
    /// The subject's roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Grants in force.
    #[serde(default)]
    pub grants: Vec<GrantFact>,
    /// The agent acting, on a real delegation only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActClaim>,
    /// Authentication context class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the person signed in, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The tenant's revocation sequence in the issuing transaction.
    pub seq: u64,
}

/// An actor; the outermost acts now, inner ones did before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActClaim {
    /// The agent's id.
    pub sub: String,
    /// `ai_agent`.
    pub sub_profile: String,
    /// The agent's class in the policy.
    pub class: String,
    /// Whom it took over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<ActClaim>>,
}

/// The longest chain of actors that is issued or accepted. Longer ones are refused, never cut.
pub const DEEPEST_CHAIN: usize = 4;

impl Claims {
    /// Signs the claims as `at+jwt`.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn sign(&self, key: &SigningKey) -> Result<String, KeyError> {
        key.sign("at+jwt", key.kid(), self)
    }

    /// The facts that policy judges; `None` when the actor chain is deeper than [`DEEPEST_CHAIN`].
    pub fn into_facts(self) -> Option<TokenFacts> {
        let mut actors = Vec::new();
        let mut next = self.act.map(Box::new);
        while let Some(act) = next {
            if actors.len() == DEEPEST_CHAIN {
                return None;
            }
            actors.push(Actor { id: act.sub, class: act.class });
            next = act.act;
        }
        let inner_actors = actors.split_off(actors.len().min(1));
        Some(TokenFacts {
            tenant: self.tenant,
            issuer: self.iss,
            audience: self.aud,
            jti: self.jti,
            subject: self.sub,
            subject_kind: self.sub_profile,
            client: self.client_id,
            client_class: self.client_class,
            agent: actors.pop(),
            inner_actors,
            session: self.sid,
            lineage: self.lineage,
            scope: self.scope.split_ascii_whitespace().map(str::to_owned).collect::<BTreeSet<_>>(),
            roles: self.roles,
            grants: self.grants,
            acr: self.acr,
            auth_time: self.auth_time,
            iat: self.iat,
            exp: self.exp,
            seq: self.seq,
        })
    }
}
