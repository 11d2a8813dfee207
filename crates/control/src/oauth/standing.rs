//! Who and what a token is about, as it stands at this moment.

use super::assigned::Assigned;
use super::bounds::{AnyOf, Bounds};
use super::error::{OAuthError, invalid_grant};
use crate::error::{Error, Result};
use policy::{Ceiling, PolicySet, Risk, ScopeSet, Target};
use std::collections::{BTreeSet, HashSet};
use store::{Agent, Client, Grant, MaybeSet, Reader, User};

/// Groups that were read longer ago than this make no new token, in milliseconds: the person signs in again.
const OLDEST_GROUPS_MS: i64 = 24 * 3600 * 1000;

/// The tenant's rules and blocks.
pub(super) struct Standing {
    /// The policies that gateways are to run.
    pub policies: Assigned,
    /// The revocation sequence in this transaction.
    pub seq: u64,
    blocked: HashSet<Target>,
}

/// The person, client, agents and resource of one token. The outermost agent comes first.
pub(super) struct Party<'a> {
    pub user: &'a User,
    pub client: &'a Client,
    pub agents: &'a [Agent],
    pub resource: &'a str,
}

/// A person's roles, and the grants that count for one party.
pub(super) struct Held {
    pub roles: Vec<String>,
    pub grants: Vec<Grant>,
    pub bounds: AnyOf,
}

impl Standing {
    pub async fn load(db: &Reader<'_>) -> Result<Self> {
        let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
        let seq = u64::try_from(tenant.revocation_seq).map_err(|error| Error::internal("reading the revocation sequence", error))?;
        let mut blocked = HashSet::new();
        for row in db.standing_blocks().await? {
            blocked.insert(serde_json::from_str(&row.target).map_err(|error| Error::internal("reading a revocation", error))?);
        }
        Ok(Self { policies: Assigned::load(db).await?, seq, blocked })
    }

    /// Why this party gets no token at all, whatever it asks for.
    pub fn blocks(&self, party: &Party<'_>) -> Option<&'static str> {
        let is = |target: Target| self.blocked.contains(&target);
        if is(Target::Tenant) {
            return Some("everything is blocked at present");
        }
        if is(Target::User(party.user.id.clone())) {
            return Some("the person is blocked");
        }
        if is(Target::Client(party.client.id.clone())) {
            return Some("the client is blocked");
        }
        if party.agents.iter().any(|agent| is(Target::Agent(agent.id.clone()))) {
            return Some("the agent is blocked");
        }
        is(Target::Server(party.resource.to_owned())).then_some("the server is blocked")
    }

    /// What this party holds now.
    pub async fn held(&self, db: &Reader<'_>, party: &Party<'_>, now_s: i64) -> Result<Held> {
        let roles = db.roles_of_groups(&party.user.groups).await?;
        Ok(self.held_by(party, roles, db.live_grants_of(&party.user.id, now_s).await?))
    }

    /// What this party holds with these roles, and those of the person's grants in force that are for it.
    pub fn held_by(&self, party: &Party<'_>, roles: Vec<String>, mut grants: Vec<Grant>) -> Held {
        let agent = party.agents.first().map(|agent| agent.id.as_str());
        grants.retain(|grant| grant.client_id == party.client.id && grant.agent_id.as_deref() == agent && grant.resource == party.resource);
        let by_grant: BTreeSet<String> = grants.iter().flat_map(|grant| grant.scopes.iter().cloned()).collect();
        let bounds = self.policies.each().map(|policy| Bounds {
            by_role: self.by_role(policy, &roles),
            by_grant: by_grant.clone(),
            ceilings: ceilings(policy, party),
            resource: resource_scopes(policy, party.resource),
        });
        let bounds = AnyOf(bounds.collect());
        Held { roles, grants, bounds }
    }

    fn by_role(&self, policy: &PolicySet, roles: &[String]) -> BTreeSet<String> {
        let mut by_role = BTreeSet::new();
        for role in roles {
            let scopes = policy.roles.get(role.as_str()).into_iter().flat_map(ScopeSet::iter);
            let blocked = |scope: &str| self.blocked.contains(&Target::RoleScope { role: role.clone(), scope: scope.to_owned() });
            by_role.extend(scopes.filter(|scope| !blocked(scope)).map(str::to_owned));
        }
        by_role
    }

    /// How long a token with these scopes may live, in seconds: as long as the most dangerous allows. A scope that nobody judged is judged
    /// critical.
    pub fn life(&self, scopes: &BTreeSet<String>) -> i64 {
        let life = |scope: &String| self.risk(scope).token_life();
        scopes.iter().map(life).min().unwrap_or_else(|| Risk::Critical.token_life())
    }

    pub fn risk(&self, scope: &str) -> Risk {
        self.policies.risk(scope)
    }
}

fn resource_scopes(policy: &PolicySet, resource: &str) -> BTreeSet<String> {
    let server = policy.servers.get(resource);
    server.map(|server| server.scopes().into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

/// A class that is not published admits nothing: gateways know no such class.
fn ceilings(policy: &PolicySet, party: &Party<'_>) -> Vec<Ceiling> {
    let class = |class: Option<&policy::Class>| class.map_or(Ceiling::Only(BTreeSet::new()), |class| class.ceiling.clone());
    // The row is what an administrator said last, the policy what gateways know. The narrower of both holds.
    let own = |id: &str, row: &MaybeSet| {
        let published = policy.narrowed.get(id).cloned();
        [row.0.clone().map(Ceiling::Only), published].into_iter().flatten()
    };
    let mut ceilings = vec![class(policy.client_classes.get(&party.client.class))];
    ceilings.extend(own(&party.client.id, &party.client.ceiling));
    for agent in party.agents {
        ceilings.push(class(policy.agent_classes.get(&agent.class)));
        ceilings.extend(own(&agent.id, &agent.ceiling));
    }
    ceilings
}

/// Group facts must be young enough to make a token from.
pub(super) fn recent_groups(user: &User, now_ms: i64) -> std::result::Result<(), OAuthError> {
    match now_ms - user.groups_ms <= OLDEST_GROUPS_MS {
        true => Ok(()),
        false => Err(invalid_grant("the groups of this person were read too long ago; sign in again")),
    }
}
