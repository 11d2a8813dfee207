//! The decision function: the only place where a rule lives.

use crate::Reason;
use crate::argument_schema::ArgumentSchema;
use crate::call::{GrantFact, Method, TokenFacts, VerifiedCall};
use crate::ladder::Effect;
use crate::model::{Limits, McpServer, Name, PolicySet, RateLimit, Risk, Scope, Tool};
use crate::revocation::Revocations;
use crate::target::Kind;
use crate::trace::{Recorder, Silent, Trace};

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision<'p> {
    /// The call may go on once the obligations are discharged.
    Allow(Allow<'p>),
    /// The call may not go on.
    Deny(Deny<'p>),
}

/// An allowed call.
#[derive(Debug, Clone, PartialEq)]
pub struct Allow<'p> {
    /// The scope that it needed; `None` for lifecycle and listing.
    pub scope: Option<&'p str>,
    /// What gave that scope.
    pub supply: Option<Supply<'p>>,
    /// What the enforcement point has to do before it forwards.
    pub obligations: Vec<Obligation<'p>>,
}

/// What gives a scope to this very call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply<'p> {
    /// A role that the token names and the policy defines.
    Role(&'p str),
    /// A grant in the token that matches.
    Grant(&'p str),
}

/// A condition that the enforcement point checks, since only it has the bytes or the counters.
#[derive(Debug, Clone, PartialEq)]
pub enum Obligation<'p> {
    /// The live definition of the tool must have this digest.
    ToolDigest(&'p str),
    /// The arguments must satisfy this JSON Schema.
    Arguments(&'p ArgumentSchema),
    /// Calls of this one beyond this rate are refused. Each gateway counts for itself.
    RateLimit(Counted, RateLimit),
}

/// Whose calls a rate limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// All calls of a subject.
    Subject,
    /// All calls through a client.
    Client,
    /// All calls of an acting agent.
    Agent,
    /// A subject's calls of this tool through this client.
    Tool,
}

impl Counted {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Client => "client",
            Self::Agent => "agent",
            Self::Tool => "tool",
        }
    }
}

/// A denied call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deny<'p> {
    /// Why.
    pub reason: Reason,
    /// The scope that the operation needs, where that is known.
    pub scope: Option<&'p str>,
}

impl Decision<'_> {
    /// Whether the call may go on.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

/// Decides one call. Pure: equal inputs give equal answers. `now` in Unix seconds.
pub fn decide<'p>(policy: &'p PolicySet, revocations: &Revocations, call: &VerifiedCall<'p>, now: i64) -> Decision<'p> {
    walk(policy, revocations, call, now, &mut Silent)
}

/// The same decision with the steps that led to it.
pub fn explain<'p>(policy: &'p PolicySet, revocations: &Revocations, call: &VerifiedCall<'p>, now: i64) -> (Decision<'p>, Trace) {
    let mut trace = Trace::new();
    let decision = walk(policy, revocations, call, now, &mut trace);
    (decision, trace)
}

/// Whether a tool belongs into this caller's `tools/list`: those that the caller could call with the scopes they hold, whether or not
/// this token asked for them all; a tool within reach by step-up stays visible so that the client can ask.
pub fn visible_tools<'p>(policy: &'p PolicySet, revocations: &Revocations, call: &VerifiedCall<'p>, now: i64) -> Vec<&'p str> {
    let Some(server) = policy.servers.get(call.resource) else { return Vec::new() };
    let can_use = |name: &&'p str| {
        let asked = VerifiedCall { method: Method::CallTool(name), ..*call };
        match decide(policy, revocations, &asked, now) {
            Decision::Allow(_) => true,
            Decision::Deny(deny) => deny.reason == Reason::ScopeNotInToken,
        }
    };
    server.tools.keys().map(Name::as_str).filter(can_use).collect()
}

type Step<T> = Result<T, Reason>;

fn walk<'p>(
    policy: &'p PolicySet,
    revocations: &Revocations,
    call: &VerifiedCall<'p>,
    now: i64,
    trace: &mut impl Recorder,
) -> Decision<'p> {
    let mut walk = Walk { policy, revocations, call, now, trace };
    let mut scope = None;
    match walk.run(&mut scope) {
        Ok(allow) => Decision::Allow(allow),
        Err(reason) => Decision::Deny(Deny { reason, scope }),
    }
}

struct Walk<'a, 'p, R> {
    policy: &'p PolicySet,
    revocations: &'a Revocations,
    call: &'a VerifiedCall<'p>,
    now: i64,
    trace: &'a mut R,
}

impl<'p, R: Recorder> Walk<'_, 'p, R> {
    fn run(&mut self, needed: &mut Option<&'p str>) -> Step<Allow<'p>> {
        let server = self.place()?;
        self.token()?;
        self.revoked()?;
        self.admitted()?;
        self.fresh_enough()?;
        let call = self.call;
        let tool = match call.method {
            Method::CallTool(name) => self.tool(server, name, needed)?,
            Method::ListTools | Method::Lifecycle => {
                self.trace.link(|| "The method is one that every caller may use".into(), None);
                return Ok(Allow { scope: None, supply: None, obligations: Vec::new() });
            }
            Method::Other(_) => return self.broken(Reason::UnknownMethod, || "The method is one that policy knows".into()),
        };
        let Some(scope) = needed.as_ref().copied() else { return Err(Reason::ToolUnbound) };
        self.ceilings(scope)?;
        let supply = self.supply(scope)?;
        self.in_token(scope)?;
        self.scope_rules(scope)?;
        Ok(Allow { scope: Some(scope), supply: Some(supply), obligations: obligations(&self.policy.limits, call.token, tool) })
    }

    fn holds(&mut self, holds: bool, reason: Reason, what: impl FnOnce() -> String) -> Step<()> {
        self.trace.link(what, if holds { None } else { Some(reason) });
        if holds { Ok(()) } else { Err(reason) }
    }

    fn broken<T>(&mut self, reason: Reason, what: impl FnOnce() -> String) -> Step<T> {
        self.trace.link(what, Some(reason));
        Err(reason)
    }

    fn place(&mut self) -> Step<&'p McpServer> {
        let (policy, call) = (self.policy, self.call);
        self.holds(!self.revocations.tenant_blocked(), Reason::TenantBlocked, || "Calls are not stopped for the whole tenant".into())?;
        let same =
            call.token.tenant == policy.tenant && (self.revocations.tenant().is_empty() || self.revocations.tenant() == policy.tenant);
        self.holds(same, Reason::WrongTenant, || format!("Token, policy and revocations belong to tenant {}", policy.tenant))?;
        let issuer = policy.issuers.iter().any(|issuer| issuer.issuer == call.token.issuer);
        self.holds(issuer, Reason::UnknownIssuer, || format!("{} is an issuer that policy names", call.token.issuer))?;
        self.holds(call.token.audience == call.resource, Reason::WrongAudience, || format!("The token is for {}", call.resource))?;
        let server = policy.servers.get(call.resource);
        let what = || format!("{} is a registered MCP server", call.resource);
        match server {
            Some(server) => self.holds(true, Reason::UnknownResource, what).map(|()| server),
            None => self.broken(Reason::UnknownResource, what),
        }
    }

    fn token(&mut self) -> Step<()> {
        let token = self.call.token;
        self.holds(self.now < token.exp, Reason::TokenExpired, || "The token has not ended".into())?;
        let caught_up = token.seq <= self.revocations.seq();
        self.holds(caught_up, Reason::BehindRevocations, || "The gateway knows all revocations that the token's issuer knew".into())
    }

    fn revoked(&mut self) -> Step<()> {
        let (token, list, key) = (self.call.token, self.revocations, &self.policy.revocation_key);
        let free = |kind: Kind, id: &str| !list.holds(key, kind, &[id]);
        self.holds(free(Kind::Token, &token.jti), Reason::TokenRevoked, || "The token was not revoked".into())?;
        self.holds(free(Kind::Session, &token.session), Reason::SessionRevoked, || "The session was not revoked".into())?;
        let lineage = free(Kind::Lineage, &token.lineage);
        self.holds(lineage, Reason::LineageRevoked, || "The tokens that descend from the same sign-in were not revoked".into())?;
        let cut = list.cuts_off(key, &token.subject, token.seq);
        self.holds(!cut, Reason::SubjectRevoked, || format!("Tokens of {} were not cut off after this one", token.subject))?;
        self.holds(free(Kind::User, &token.subject), Reason::UserBlocked, || format!("{} is not blocked", token.subject))?;
        self.holds(free(Kind::Client, &token.client), Reason::ClientBlocked, || format!("Client {} is not blocked", token.client))?;
        for actor in token.agent.iter().chain(&token.inner_actors) {
            self.holds(free(Kind::Agent, &actor.id), Reason::AgentBlocked, || format!("Agent {} is not blocked", actor.id))?;
        }
        self.holds(free(Kind::Server, self.call.resource), Reason::ServerBlocked, || "The server is not blocked".into())
    }

    fn admitted(&mut self) -> Step<()> {
        let (policy, token) = (self.policy, self.call.token);
        let known = policy.client_classes.contains_key(&token.client_class);
        self.holds(known, Reason::UnknownClientClass, || format!("Client class {} is in the policy", token.client_class))?;
        for actor in token.agent.iter().chain(&token.inner_actors) {
            let known = policy.agent_classes.contains_key(&actor.class);
            self.holds(known, Reason::UnknownAgentClass, || format!("Agent class {} is in the policy", actor.class))?;
        }
        Ok(())
    }

    /// The rungs that deny whatever the scope is.
    fn fresh_enough(&mut self) -> Step<()> {
        let (stale, age) = (self.call.stale_for, self.now.saturating_sub(self.call.token.iat));
        for rung in self.policy.ladder.iter().filter(|rung| stale > 0 && stale >= rung.after) {
            match rung.effect {
                Effect::DenyAll => self.holds(false, Reason::StaleAll, || "The gateway is fresh enough to decide at all".into())?,
                Effect::CapTokenAge(most) => {
                    self.holds(age <= most, Reason::StaleTokenAge, || format!("The token is at most {most} s old"))?
                }
                Effect::Alarm | Effect::DenyHighRisk => {}
            }
        }
        Ok(())
    }

    fn tool(&mut self, server: &'p McpServer, name: &str, needed: &mut Option<&'p str>) -> Step<&'p Tool> {
        let Some(tool) = server.tools.get(name) else {
            return self.broken(Reason::UnknownTool, || format!("{name} is a reviewed tool of {}", server.name));
        };
        *needed = tool.scope.as_deref();
        self.holds(tool.scope.is_some(), Reason::ToolUnbound, || match &tool.scope {
            Some(scope) => format!("{name} is bound to the scope {scope}"),
            None => format!("{name} is bound to a scope"),
        })?;
        let same = match (&tool.digest, self.call.tool_digest) {
            (Some(reviewed), Some(live)) => **reviewed == *live,
            _ => true,
        };
        self.holds(same, Reason::ToolDrifted, || format!("{name} is defined as it was reviewed"))?;
        Ok(tool)
    }

    fn ceilings(&mut self, scope: &str) -> Step<()> {
        let (policy, token) = (self.policy, self.call.token);
        let under = |class: Option<&crate::Class>, id: &str| {
            class.is_some_and(|class| class.ceiling.admits(scope)) && policy.narrowed.get(id).is_none_or(|ceiling| ceiling.admits(scope))
        };
        let client = under(policy.client_classes.get(&token.client_class), &token.client);
        self.holds(client, Reason::ClientCeiling, || format!("Client {} may use {scope}", token.client))?;
        for actor in token.agent.iter().chain(&token.inner_actors) {
            let agent = under(policy.agent_classes.get(&actor.class), &actor.id);
            self.holds(agent, Reason::AgentCeiling, || format!("Agent {} may use {scope}", actor.id))?;
        }
        Ok(())
    }

    /// Role scopes ∪ scopes of grants that match this very call.
    fn supply(&mut self, scope: &'p str) -> Step<Supply<'p>> {
        let (policy, token) = (self.policy, self.call.token);
        let gives = |role: &&String| policy.roles.get(role.as_str()).is_some_and(|scopes| scopes.contains(scope));
        let mut reason = Reason::ScopeNotHeld;
        for role in token.roles.iter().filter(gives) {
            if self.revocations.holds(&policy.revocation_key, Kind::RoleScope, &[role, scope]) {
                reason = Reason::RoleScopeBlocked;
                continue;
            }
            self.trace.link(|| format!("Role {role} gives {scope}"), None);
            return Ok(Supply::Role(role));
        }
        for grant in token.grants.iter().filter(|grant| grant.scopes.contains(scope)) {
            match self.grant_counts(grant, token) {
                Ok(()) => {
                    self.trace.until(|| format!("Grant {} gives {scope}", grant.id), grant.exp);
                    return Ok(Supply::Grant(&grant.id));
                }
                Err(because) => reason = because,
            }
        }
        self.broken(reason, || format!("A role or a grant gives {scope}"))
    }

    fn grant_counts(&self, grant: &GrantFact, token: &TokenFacts) -> Step<()> {
        let agent = token.agent.as_ref().map(|actor| actor.id.as_str());
        if grant.resource != self.call.resource || grant.client != token.client || grant.agent.as_deref() != agent {
            return Err(Reason::GrantElsewhere);
        }
        if self.revocations.holds(&self.policy.revocation_key, Kind::Grant, &[&grant.id]) {
            return Err(Reason::GrantRevoked);
        }
        if self.now >= grant.exp {
            return Err(Reason::GrantExpired);
        }
        Ok(())
    }

    fn in_token(&mut self, scope: &str) -> Step<()> {
        let asked = self.call.token.scope.contains(scope);
        self.holds(asked, Reason::ScopeNotInToken, || format!("The token was issued for {scope}"))
    }

    fn scope_rules(&mut self, scope: &str) -> Step<()> {
        // A scope without rules of its own is judged by the strictest.
        let (policy, token, now) = (self.policy, self.call.token, self.now);
        let rules: Option<&Scope> = policy.scopes.get(scope);
        let risk = rules.map_or(Risk::Critical, |rules| rules.risk);
        let stale = self.call.stale_for;
        let cut = policy.ladder.iter().any(|rung| stale > 0 && stale >= rung.after && rung.effect == Effect::DenyHighRisk);
        self.holds(!(cut && risk >= Risk::High), Reason::StaleHighRisk, || "The gateway is fresh enough for this risk".into())?;
        if let Some(most) = rules.and_then(|rules| rules.max_auth_age) {
            let recent = token.auth_time.is_some_and(|at| now.saturating_sub(at) <= most);
            self.holds(recent, Reason::AuthenticationTooOld, || format!("The sign-in is at most {most} s old"))?;
        }
        if let Some(acr) = rules.and_then(|rules| rules.acr.as_deref()) {
            let strong = token.acr.as_deref() == Some(acr);
            self.holds(strong, Reason::AuthenticationTooWeak, || format!("The sign-in was of class {acr}"))?;
        }
        Ok(())
    }
}

fn obligations<'p>(limits: &Limits, token: &TokenFacts, tool: &'p Tool) -> Vec<Obligation<'p>> {
    let digest = tool.digest.as_deref().map(Obligation::ToolDigest);
    let arguments = tool.arguments.as_ref().map(Obligation::Arguments);
    // What costs nothing is checked before a call is counted.
    let rates = [
        (Counted::Subject, limits.subject),
        (Counted::Client, limits.client),
        (Counted::Agent, limits.agent.filter(|_| token.agent.is_some())),
        (Counted::Tool, tool.limit),
    ];
    let rates = rates.into_iter().filter_map(|(counted, limit)| Some(Obligation::RateLimit(counted, limit?)));
    digest.into_iter().chain(arguments).chain(rates).collect()
}
