//! Token exchange (RFC 8693): an agent acts for the person whose access token it was given.

use super::actor;
use super::error::{OAuthError, invalid_client, invalid_grant, invalid_request, invalid_scope, invalid_target};
use super::keys::verifying;
use super::mint::{Minted, Origin, mint};
use super::question::consent_id;
use super::standing::{Held, Party, Standing, recent_groups};
use crate::chance::sha256_hex;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::tenancy::keys::token_key;
use policy::{SubjectKind, Target, TokenFacts};
use std::collections::BTreeSet;
use store::{Agent, Client, Consent, UsedAssertion, User};
use token::PublicJwk;

/// The one kind of subject token, and of token issued.
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The one kind of actor token.
pub const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The longest chain of actors that gateways accept. A longer one is refused, never cut.
const DEEPEST_CHAIN: usize = 4;

/// Exchanges a person's access token and an agent's proof for a token with which the agent acts for the person.
///
/// Its scopes: of those in the subject token, the ones that the person's roles give; and those of grants that were approved for this very
/// agent, as far as the person allowed them for later. Always under the ceilings of the client and of every agent in the chain.
pub struct ExchangeToken {
    /// The client that the agent runs in: the one of the subject token.
    pub client_id: String,
    /// The person's access token.
    pub subject_token: String,
    /// The agent's proof.
    pub actor_token: String,
    /// Must be the resource of the subject token, if it is sent.
    pub resource: Option<String>,
    /// Exactly these; empty: all that can be had.
    pub scope: BTreeSet<String>,
}

impl UseCase for ExchangeToken {
    type Out = std::result::Result<Minted, OAuthError>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        let db = &scene.db;
        let client = db.get::<Client>(&self.client_id).await?.ok_or_else(invalid_client)?;
        let subject = self.subject(scene).await?;
        let user = db.get::<User>(&subject.subject).await?.ok_or_else(|| invalid_grant("the person is gone"))?;
        recent_groups(&user, scene.cx.now_ms)?;
        let agents = self.agents(scene, &user, &subject).await?;

        let standing = Standing::load(db).await?;
        let party = Party { user: &user, client: &client, agents: &agents, resource: &subject.audience };
        if let Some(why) = standing.blocks(&party) {
            return Err(invalid_grant(why).into());
        }
        not_taken_back(scene, &subject).await?;
        let held = standing.held(db, &party, scene.cx.now_s()).await?;
        let consent = db.get::<Consent>(&consent_id(&user.id, &client.id, &subject.audience)).await?;
        let consent = consent.ok_or_else(|| invalid_grant("the person has withdrawn their consent"))?;
        let scopes = self.scopes(&subject, &held, &consent)?;
        let key = token_key(db, &scene.parts.vault).await?;
        let origin = Origin {
            lineage: &subject.lineage,
            sid: &subject.session,
            auth_s: subject.auth_time,
            acr: subject.acr.as_deref(),
            not_after_s: Some(subject.exp),
            by: "token_exchange",
        };
        let (minted, event) = mint(scene, key, &standing, &party, &held, scopes, &origin)?;
        Ok(Done::new(Ok(minted), event))
    }
}

impl ExchangeToken {
    /// The subject token: our own, for this client, for the resource that is asked for.
    async fn subject(&self, scene: &Scene<'_>) -> Result<TokenFacts> {
        let keys = verifying(&scene.db, scene.parts).await?;
        let refused = |refused: token::Refused| invalid_grant(format!("subject_token: {refused}"));
        let subject = keys.verify(&self.subject_token, scene.cx.now_s()).map_err(refused)?;
        if subject.tenant != scene.cx.tenant.as_str() || subject.subject_kind != SubjectKind::User {
            return Err(invalid_grant("subject_token is not about a person of this tenant").into());
        }
        if subject.client != self.client_id {
            return Err(invalid_grant("subject_token was issued to another client").into());
        }
        if self.resource.as_ref().is_some_and(|resource| *resource != subject.audience) {
            return Err(invalid_target("subject_token is for another resource").into());
        }
        Ok(subject)
    }

    /// The chain of agents, the one that proves itself now first.
    async fn agents(&self, scene: &Scene<'_>, user: &User, subject: &TokenFacts) -> Result<Vec<Agent>> {
        let db = &scene.db;
        let id = actor::issuer_unverified(&self.actor_token)?;
        // Whether an agent exists is not told to those who cannot prove to be it.
        let unknown = || invalid_grant("actor_token is not signed by the agent's registered key");
        let agent = db.get::<Agent>(&id).await?.ok_or_else(unknown)?;
        let key: PublicJwk = serde_json::from_str(&agent.public_key).map_err(|error| Error::internal("reading an agent's key", error))?;
        let issuer = scene.parts.issuer(&scene.cx.tenant);
        let endpoint = format!("{issuer}/token");
        let proof = actor::verify(&self.actor_token, &agent.id, &key, &[&issuer, &endpoint], scene.cx.now_s())?;
        let used = sha256_hex(format!("{}/{}", proof.iss, proof.jti));
        if db.get::<UsedAssertion>(&used).await?.is_some() {
            return Err(invalid_grant("actor_token was used before").into());
        }
        db.insert(UsedAssertion { id: used, expires_ms: proof.exp.saturating_mul(1000) }).await?;
        if !agent.owners.contains(&user.id) {
            return Err(OAuthError::new("actor_unauthorized", "the agent may not act for this person").into());
        }

        let mut agents = vec![agent];
        for inner in subject.agent.iter().chain(&subject.inner_actors) {
            agents.push(db.get::<Agent>(&inner.id).await?.ok_or_else(|| invalid_grant("an agent of the chain is gone"))?);
        }
        match agents.len() <= DEEPEST_CHAIN {
            true => Ok(agents),
            false => Err(invalid_request(format!("a chain has at most {DEEPEST_CHAIN} actors")).into()),
        }
    }

    fn scopes(&self, subject: &TokenFacts, held: &Held, consent: &Consent) -> std::result::Result<BTreeSet<String>, OAuthError> {
        let approved: BTreeSet<String> = consent.scope.union(&consent.later).cloned().collect();
        let all = held.bounds.issue(&subject.scope, &approved);
        if self.scope.is_empty() {
            return Ok(all);
        }
        match self.scope.iter().find(|scope| !all.contains(*scope)) {
            Some(more) => Err(invalid_scope(format!("{more} is more than this agent can have from this token"))),
            None => Ok(self.scope.clone()),
        }
    }
}

/// A token that gateways would refuse makes no other.
async fn not_taken_back(scene: &Scene<'_>, subject: &TokenFacts) -> Result<()> {
    if scene.db.is_spent(&subject.lineage).await? {
        return Err(invalid_grant("something of the same sign-in was used twice").into());
    }
    for row in scene.db.revocations_in_force(scene.cx.now_s()).await? {
        let target: Target = serde_json::from_str(&row.target).map_err(|error| Error::internal("reading a revocation", error))?;
        let after = u64::try_from(row.seq).is_ok_and(|seq| subject.seq < seq);
        let taken = match target {
            Target::Token(jti) => jti == subject.jti,
            Target::Session(sid) => sid == subject.session,
            Target::Lineage(lineage) => lineage == subject.lineage,
            Target::Subject(user) => user == subject.subject && after,
            _ => false,
        };
        if taken {
            return Err(invalid_grant("subject_token was revoked").into());
        }
    }
    Ok(())
}
