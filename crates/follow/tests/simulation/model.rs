//! What may be called and what may go on, written down a second time, naively, to judge gateways by.
//!
//! It knows what the control plane took away and when, and what its policies say. Of lists and marks, of enforcers and of
//! [`policy::decide`] it knows nothing.

use crate::plane::{HIGH_RISK_AFTER, NOTHING_AFTER, OLD_TOKENS_AFTER, OLDEST_SIGN_IN, OLDEST_TOKEN, Plane, SCOPES, Taken};
use enforce::MethodOwned;
use policy::{GrantFact, Target, TokenFacts};
use std::fmt;

/// How long a call may go on after its token, in seconds.
const LONGEST_OVERRUN: i64 = 3600;

/// What began at a gateway and lasts.
#[derive(Debug, Clone)]
pub enum What {
    /// A call, or a standing stream.
    Call(MethodOwned),
    /// A session, which is to end with whoever began it.
    Session,
}

impl What {
    pub fn stands(&self) -> bool {
        matches!(self, Self::Call(MethodOwned::Stream))
    }

    /// The tool that is called. Its name is its scope's.
    fn tool(&self) -> Option<&str> {
        match self {
            Self::Call(method) => method.tool(),
            Self::Session => None,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call(MethodOwned::Stream) => "a stream",
            Self::Call(_) => "a call",
            Self::Session => "a session",
        })
    }
}

/// Why something is not allowed, or has to end.
#[derive(Debug, Clone, Copy)]
pub enum Why<'a> {
    /// This was taken away.
    Taken(&'a Taken),
    /// No role of the policy in force gives the scope, and no grant that had not run out.
    NothingGivesIt,
    /// The gateway has heard nothing for too long.
    Stale,
    TokenRanOut,
    SignInTooOld,
    /// The gateway is behind the token.
    Behind,
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken(taken) => taken.target.kind().as_str(),
            Self::NothingGivesIt => "nothing gives it",
            Self::Stale => "stale",
            Self::TokenRanOut => "its token ran out",
            Self::SignInTooOld => "its sign-in is too old",
            Self::Behind => "behind",
        })
    }
}

/// What a gateway goes by.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    plane: &'a Plane,
    policy: u64,
    list: u64,
}

impl<'a> Basis<'a> {
    /// A policy by its version and a list by its number.
    pub fn new(plane: &'a Plane, policy: u64, list: u64) -> Self {
        Self { plane, policy, list }
    }

    /// What had been taken away and not been given back as of the list.
    pub fn standing(&self) -> impl Iterator<Item = &'a Taken> {
        let list = self.list;
        self.plane.taken.iter().filter(move |taken| taken.seq <= list && taken.lifted.is_none_or(|lifted| lifted > list))
    }

    /// What has been taken from something that began at this time: all of what takes the whole of it away, or else what has taken its
    /// scope. Whatever time it is now.
    pub fn taken_from(&self, what: &What, token: &TokenFacts, began: i64) -> Vec<Why<'a>> {
        let whole: Vec<Why<'a>> = self.standing().filter(|taken| concerns(&taken.target, taken.seq, token)).map(Why::Taken).collect();
        match what.tool() {
            Some(scope) if whole.is_empty() => self.scope_taken_from(scope, token, began),
            _ => whole,
        }
    }

    /// What has taken the scope, if no role and no grant gives it any more.
    fn scope_taken_from(&self, scope: &str, token: &TokenFacts, at: i64) -> Vec<Why<'a>> {
        let mut takers = Vec::new();
        let roles = &self.plane.policies[&self.policy].roles;
        for role in token.roles.iter().filter(|role| roles[role.as_str()].contains(scope)) {
            let blocks =
                |taken: &&Taken| matches!(&taken.target, Target::RoleScope { role: of, scope: what } if of == role && what == scope);
            match self.standing().find(blocks) {
                Some(taken) => takers.push(Why::Taken(taken)),
                None => return Vec::new(),
            }
        }
        for grant in token.grants.iter().filter(|grant| grant.scopes.contains(scope) && is_for(grant, token) && at < grant.exp) {
            match self.standing().find(|taken| matches!(&taken.target, Target::Grant(id) if *id == grant.id)) {
                Some(taken) => takers.push(Why::Taken(taken)),
                None => return Vec::new(),
            }
        }
        if takers.is_empty() { vec![Why::NothingGivesIt] } else { takers }
    }

    /// Why something that began then has to end now, at a gateway that has been stale for so many seconds. A call goes on when its token has
    /// run out, or its grant, or its sign-in has become too old; a standing stream ends with its token; a session ends by what was taken
    /// away alone.
    pub fn ends(&self, what: &What, token: &TokenFacts, began: i64, now: i64, stale: i64) -> Vec<Why<'a>> {
        let mut all = self.taken_from(what, token, began);
        if matches!(what, What::Session) {
            return all;
        }
        let is_of_high_risk = what.tool().is_some_and(|scope| scope != SCOPES[0]);
        if stale >= NOTHING_AFTER || is_of_high_risk && stale >= HIGH_RISK_AFTER {
            all.push(Why::Stale);
        }
        if now >= token.exp + if what.stands() { 0 } else { LONGEST_OVERRUN } {
            all.push(Why::TokenRanOut);
        }
        if what.stands() && stale >= OLD_TOKENS_AFTER && now - token.iat > OLDEST_TOKEN {
            all.push(Why::Stale);
        }
        all
    }

    /// Why a new call is refused.
    pub fn refuses(&self, what: &What, token: &TokenFacts, now: i64, stale: i64) -> Vec<Why<'a>> {
        let mut all = self.ends(what, token, now, now, stale);
        if token.seq > self.list {
            all.push(Why::Behind);
        }
        if now >= token.exp {
            all.push(Why::TokenRanOut);
        }
        if stale >= OLD_TOKENS_AFTER && now - token.iat > OLDEST_TOKEN {
            all.push(Why::Stale);
        }
        let signed_in = token.auth_time.expect("tokens of people say it");
        if what.tool() == Some(SCOPES[2]) && now - signed_in > OLDEST_SIGN_IN {
            all.push(Why::SignInTooOld);
        }
        all
    }
}

/// Whether a grant is for calls like those with this token.
fn is_for(grant: &GrantFact, token: &TokenFacts) -> bool {
    let agent = token.agent.as_ref().map(|agent| &agent.id);
    (&grant.resource, &grant.client, grant.agent.as_ref()) == (&token.audience, &token.client, agent)
}

/// Whether taking this away concerns everything that is done with this token.
fn concerns(target: &Target, seq: u64, token: &TokenFacts) -> bool {
    match target {
        Target::Token(id) => token.jti == *id,
        Target::Session(id) => token.session == *id,
        Target::Lineage(id) => token.lineage == *id,
        Target::Subject(id) => token.subject == *id && token.seq < seq,
        Target::User(id) => token.subject == *id,
        Target::Client(id) => token.client == *id,
        Target::Agent(id) => token.agent.iter().chain(&token.inner_actors).any(|agent| agent.id == *id),
        Target::Server(id) => token.audience == *id,
        Target::Tenant => true,
        // These take single scopes away.
        Target::Grant(_) | Target::RoleScope { .. } => false,
    }
}
