//! The one place where the scopes of a token are computed. Pure: sets in, set out.

use policy::Ceiling;
use std::collections::BTreeSet;

/// Everything that bounds the scopes of one token under one policy.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// What the person's roles give.
    pub by_role: BTreeSet<String>,
    /// What grants in force give for this very person, client, agent and resource.
    pub by_grant: BTreeSet<String>,
    /// Of the client's class, the client itself, and of each agent's class and each agent.
    pub ceilings: Vec<Ceiling>,
    /// What the resource's tools need.
    pub resource: BTreeSet<String>,
}

impl Bounds {
    /// Whether a token for this resource, through this client and these agents, could ever carry the scope.
    pub fn admits(&self, scope: &str) -> bool {
        self.resource.contains(scope) && self.ceilings.iter().all(|ceiling| ceiling.admits(scope))
    }

    /// What could be asked for, now or after an approval.
    pub fn reachable(&self) -> BTreeSet<String> {
        self.resource.iter().filter(|scope| self.admits(scope)).cloned().collect()
    }

    /// What a token could carry now because of a role.
    pub fn held_by_role(&self) -> BTreeSet<String> {
        self.by_role.iter().filter(|scope| self.admits(scope)).cloned().collect()
    }

    /// What a token could carry now because of a grant.
    pub fn held_by_grant(&self) -> BTreeSet<String> {
        self.by_grant.iter().filter(|scope| self.admits(scope)).cloned().collect()
    }

    /// What the token carries: of what is `wanted` the part that a role or a grant gives, and of what is wanted `later`, once somebody
    /// approves it, the part that a grant gives. Never more than each ceiling admits.
    pub fn issue(&self, wanted: &BTreeSet<String>, later: &BTreeSet<String>) -> BTreeSet<String> {
        let now = |scope: &&String| self.by_role.contains(*scope) || self.by_grant.contains(*scope);
        let approved = |scope: &&String| self.by_grant.contains(*scope);
        let wanted = wanted.iter().filter(now);
        wanted.chain(later.iter().filter(approved)).filter(|scope| self.admits(scope)).cloned().collect()
    }
}

/// The bounds of one token under each policy that its gateway may run. What any of them admits may stand in it: the gateway takes what its
/// own policy gives.
#[derive(Debug, Clone, Default)]
pub struct AnyOf(pub Vec<Bounds>);

impl AnyOf {
    fn union(&self, of: impl Fn(&Bounds) -> BTreeSet<String>) -> BTreeSet<String> {
        self.0.iter().flat_map(of).collect()
    }

    /// [`Bounds::admits`] under any of them.
    pub fn admits(&self, scope: &str) -> bool {
        self.0.iter().any(|bounds| bounds.admits(scope))
    }

    /// [`Bounds::reachable`] under any of them.
    pub fn reachable(&self) -> BTreeSet<String> {
        self.union(Bounds::reachable)
    }

    /// [`Bounds::held_by_role`] under any of them.
    pub fn held_by_role(&self) -> BTreeSet<String> {
        self.union(Bounds::held_by_role)
    }

    /// [`Bounds::held_by_grant`] under any of them.
    pub fn held_by_grant(&self) -> BTreeSet<String> {
        self.union(Bounds::held_by_grant)
    }

    /// [`Bounds::issue`] under any of them.
    pub fn issue(&self, wanted: &BTreeSet<String>, later: &BTreeSet<String>) -> BTreeSet<String> {
        self.union(|bounds| bounds.issue(wanted, later))
    }
}
