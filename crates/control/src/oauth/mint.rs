//! Minting: every access token is made here.

use super::error::OAuthError;
use super::standing::{Held, Party, Standing};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::scene::Scene;
use policy::{GrantFact, SubjectKind};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use token::{ActClaim, Claims, SigningKey};

/// What a client gets.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The access token.
    pub access_token: String,
    /// Its life in seconds.
    pub expires_in: i64,
    /// Its scopes.
    pub scope: BTreeSet<String>,
    /// For the next one.
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("expires_in", &self.expires_in).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A token as it was written down. It is signed after the commit: that needs nothing of the database, costs as much as several of its
/// statements, and would hold up whoever waits for the writer. What is never signed is like an answer that was lost.
pub struct Minted {
    claims: Claims,
    key: Arc<SigningKey>,
    expires_in: i64,
    scope: BTreeSet<String>,
    /// For the next one.
    pub(super) refresh_token: Option<String>,
}

impl Minted {
    /// The token.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign(self) -> Result<Issued> {
        let access_token = self.claims.sign(&self.key).map_err(|error| Error::internal("signing a token", error))?;
        Ok(Issued { access_token, expires_in: self.expires_in, scope: self.scope, refresh_token: self.refresh_token })
    }
}

/// What a token inherits from the sign-in that it descends from.
pub(super) struct Origin<'a> {
    pub lineage: &'a str,
    pub sid: &'a str,
    pub auth_s: Option<i64>,
    pub acr: Option<&'a str>,
    /// The token does not outlive this, Unix seconds.
    pub not_after_s: Option<i64>,
    /// `authorization_code`, `refresh_token` or `token_exchange`.
    pub by: &'static str,
}

/// Mints a token with these scopes, which came out of [`super::Bounds::issue`] for the same party.
pub(super) fn mint(
    scene: &Scene<'_>,
    key: Arc<SigningKey>,
    standing: &Standing,
    party: &Party<'_>,
    held: &Held,
    scopes: BTreeSet<String>,
    origin: &Origin<'_>,
) -> Result<(Minted, Event)> {
    if scopes.is_empty() {
        return Err(OAuthError::new("invalid_scope", "nothing that was asked for can be had now").into());
    }
    let now = scene.cx.now_s();
    let exp = origin.not_after_s.map_or(i64::MAX, |end| end).min(now + standing.life(&scopes));
    if exp <= now {
        return Err(super::error::invalid_grant("what this token would descend from has ended").into());
    }
    let jti = scene.id("tok");
    let claims = Claims {
        iss: scene.parts.issuer(&scene.cx.tenant),
        aud: party.resource.to_owned(),
        sub: party.user.id.clone(),
        sub_profile: SubjectKind::User,
        client_id: party.client.id.clone(),
        client_class: party.client.class.clone(),
        scope: scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        iat: now,
        exp,
        jti: jti.clone(),
        sid: origin.sid.to_owned(),
        lineage: origin.lineage.to_owned(),
        tenant: scene.cx.tenant.to_string(),
        roles: held.roles.clone(),
        grants: held.grants.iter().map(fact).collect(),
        act: chain(party),
        acr: origin.acr.map(str::to_owned),
        amr: Vec::new(),
        auth_time: origin.auth_s,
        seq: standing.seq,
    };
    let details = json!({
        "by": origin.by, "resource": party.resource, "scopes": scopes, "roles": held.roles, "exp": exp, "sid": origin.sid, "lineage": origin.lineage,
        "grants": held.grants.iter().map(|grant| &grant.id).collect::<Vec<_>>(), "seq": standing.seq,
        "agents": party.agents.iter().map(|agent| &agent.id).collect::<Vec<_>>(),
    });
    let agent = party.agents.first().map(|agent| agent.id.clone());
    let event = Event::new("token.issue").on(jti).by("user", &party.user.id).through(Some(party.client.id.clone()), agent).details(details);
    Ok((Minted { claims, key, expires_in: exp - now, scope: scopes, refresh_token: None }, event))
}

fn fact(grant: &store::Grant) -> GrantFact {
    GrantFact {
        id: grant.id.clone(),
        scopes: grant.scopes.0.clone(),
        resource: grant.resource.clone(),
        client: grant.client_id.clone(),
        agent: grant.agent_id.clone(),
        exp: grant.exp_s,
    }
}

/// The agents as a chain: the outermost acts now.
fn chain(party: &Party<'_>) -> Option<ActClaim> {
    party.agents.iter().rev().fold(None, |inner, agent| {
        Some(ActClaim { sub: agent.id.clone(), sub_profile: "ai_agent".to_owned(), class: agent.class.clone(), act: inner.map(Box::new) })
    })
}
