//! What a new policy would change, said in terms of who can do what rather than of lines.

use crate::model::{Ceiling, PolicySet, RateLimit, Scope, Tool};
use crate::scope_set::ScopeSet;
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One semantic difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it does to what anyone may do.
    pub direction: Direction,
    /// What kind of thing changes.
    pub about: About,
    /// Which one, by name or id; empty where a tenant has but one of the kind.
    pub subject: String,
    /// What happens to it, as the rest of a sentence after its name.
    pub what: String,
    /// The scope that is gained, lost, or needed from now on.
    pub scope: Option<String>,
}

/// What a difference does to what anyone may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Somebody may do more than before, or it cannot be told.
    Widens,
    /// Somebody may do less, and nobody more.
    Narrows,
    /// Neither: words, and what is set for the first time.
    Neutral,
}

/// What kind of thing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A role.
    Role,
    /// A scope.
    Scope,
    /// An MCP server, or a tool of it.
    Server,
    /// A class of clients.
    ClientClass,
    /// A class of agents.
    AgentClass,
    /// One client or agent with a ceiling of its own.
    Principal,
    /// Limits on all calls of a principal.
    Limits,
    /// What a gateway does when it has not heard from the control plane.
    Staleness,
    /// Whose tokens are believed.
    Issuers,
    /// The revocation list.
    Revocations,
    /// The audit log that gateways witness.
    AuditLog,
}

impl About {
    /// As it begins a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::Scope => "Scope",
            Self::Server => "MCP server",
            Self::ClientClass => "Client class",
            Self::AgentClass => "Agent class",
            Self::Principal => "Client or agent",
            Self::Limits => "Limits",
            Self::Staleness => "A stale gateway",
            Self::Issuers => "Token issuers",
            Self::Revocations => "The revocation list",
            Self::AuditLog => "The audit log",
        }
    }
}

impl fmt::Display for Change {
    /// The whole sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.as_str() {
            "" => write!(f, "{} {}", self.about.noun(), self.what),
            subject => write!(f, "{} {subject} {}", self.about.noun(), self.what),
        }
    }
}

/// All differences from `old` to `new`, widening ones first, in a stable order. Before the first publish, `old` is the empty policy: what
/// every policy has is then set, not changed.
pub fn diff(old: &PolicySet, new: &PolicySet) -> Vec<Change> {
    let mut notes = Notes { first: old.version == 0, changes: Vec::new() };
    roles(&mut notes, old, new);
    servers(&mut notes, old, new);
    classes(&mut notes, About::ClientClass, &old.client_classes, &new.client_classes);
    classes(&mut notes, About::AgentClass, &old.agent_classes, &new.agent_classes);
    narrowed(&mut notes, &old.narrowed, &new.narrowed);
    for name in keys(&old.scopes, &new.scopes) {
        if let (Some(was), Some(is)) = (old.scopes.get(name), new.scopes.get(name)) {
            scope(&mut notes, name, was, is);
        }
    }
    for (whom, was, is) in [
        ("each subject", old.limits.subject, new.limits.subject),
        ("each client", old.limits.client, new.limits.client),
        ("each agent", old.limits.agent, new.limits.agent),
    ] {
        limit(&mut notes, About::Limits, "", &format!("of {whom}"), was, is);
    }
    whole(&mut notes, old, new);
    let mut changes = notes.changes;
    changes.sort_by_key(|change| change.direction);
    changes
}

struct Notes {
    first: bool,
    changes: Vec<Change>,
}

impl Notes {
    fn add(&mut self, direction: Direction, about: About, subject: &str, what: impl Into<String>) {
        self.changes.push(Change { direction, about, subject: subject.to_owned(), what: what.into(), scope: None });
    }

    fn add_scope(&mut self, direction: Direction, about: About, subject: &str, what: String, scope: &str) {
        self.changes.push(Change { direction, about, subject: subject.to_owned(), what, scope: Some(scope.to_owned()) });
    }

    /// Of what every policy has: set at first, changed later.
    fn set_or_changed(&mut self, later: Direction, about: About, set: &str, changed: &str) {
        match self.first {
            true => self.add(Direction::Neutral, about, "", set),
            false => self.add(later, about, "", changed),
        }
    }
}

fn widens(does: bool) -> Direction {
    if does { Direction::Widens } else { Direction::Narrows }
}

fn roles(notes: &mut Notes, old: &PolicySet, new: &PolicySet) {
    let empty = ScopeSet::default();
    for role in keys(&old.roles, &new.roles) {
        let (before, after) = (old.roles.get(role).unwrap_or(&empty), new.roles.get(role).unwrap_or(&empty));
        for scope in after.difference(before) {
            notes.add_scope(Direction::Widens, About::Role, role, format!("gains {scope}"), scope);
        }
        for scope in before.difference(after) {
            notes.add_scope(Direction::Narrows, About::Role, role, format!("loses {scope}"), scope);
        }
    }
}

fn servers(notes: &mut Notes, old: &PolicySet, new: &PolicySet) {
    for resource in keys(&old.servers, &new.servers) {
        match (old.servers.get(resource), new.servers.get(resource)) {
            (None, Some(server)) => {
                notes.add(Direction::Widens, About::Server, &server.name, format!("is new, at {resource}"));
                for (name, tool) in &server.tools {
                    bind(notes, &server.name, name, None, tool.scope.as_deref());
                }
            }
            (Some(server), None) => notes.add(Direction::Narrows, About::Server, &server.name, "is removed"),
            (Some(before), Some(after)) => {
                if before.upstream != after.upstream {
                    notes.add(Direction::Widens, About::Server, &after.name, format!("now lies at {}", after.upstream));
                }
                for name in keys(&before.tools, &after.tools) {
                    let (was, is) = (before.tools.get(name), after.tools.get(name));
                    bind(notes, &after.name, name, was.and_then(|t| t.scope.as_deref()), is.and_then(|t| t.scope.as_deref()));
                    if let (Some(was), Some(is)) = (was, is) {
                        tool(notes, &after.name, name, was, is);
                    }
                }
            }
            (None, None) => {}
        }
    }
}

fn bind(notes: &mut Notes, server: &str, tool: &str, was: Option<&str>, is: Option<&str>) {
    match (was, is) {
        (None, Some(scope)) => {
            notes.add_scope(Direction::Widens, About::Server, server, format!("lets holders of {scope} call {tool}"), scope);
        }
        (Some(scope), None) => {
            notes.add_scope(
                Direction::Narrows,
                About::Server,
                server,
                format!("denies {tool}, which holders of {scope} could call"),
                scope,
            );
        }
        (Some(from), Some(to)) if from != to => {
            notes.add_scope(Direction::Widens, About::Server, server, format!("wants {to} instead of {from} for {tool}"), to);
        }
        _ => {}
    }
}

fn tool(notes: &mut Notes, server: &str, name: &str, was: &Tool, is: &Tool) {
    if was.digest != is.digest {
        notes.add(Direction::Widens, About::Server, server, format!("has a changed definition of {name}, which is accepted"));
    }
    match (&was.arguments, &is.arguments) {
        (None, Some(_)) => {
            notes.add(Direction::Narrows, About::Server, server, format!("takes only arguments of {name} that fit a schema"))
        }
        (Some(_), None) => notes.add(Direction::Widens, About::Server, server, format!("takes any arguments of {name}, without a schema")),
        (was, is) if was != is => {
            notes.add(Direction::Widens, About::Server, server, format!("takes arguments of {name} that fit another schema"));
        }
        _ => {}
    }
    limit(notes, About::Server, server, &format!("of {name}"), was.limit, is.limit);
}

fn classes(notes: &mut Notes, about: About, old: &BTreeMap<String, crate::Class>, new: &BTreeMap<String, crate::Class>) {
    for class in keys(old, new) {
        match (old.get(class), new.get(class)) {
            // Members are admitted one by one, so a class that is there from the start gives nobody anything yet.
            (None, Some(_)) => notes.add(if notes.first { Direction::Neutral } else { Direction::Widens }, about, class, "is new"),
            (Some(_), None) => notes.add(Direction::Narrows, about, class, "is removed"),
            (Some(was), Some(is)) if was != is => {
                notes.add(widens(!within(&is.ceiling, &was.ceiling)), about, class, "has another ceiling");
            }
            _ => {}
        }
    }
}

fn narrowed(notes: &mut Notes, old: &BTreeMap<String, Ceiling>, new: &BTreeMap<String, Ceiling>) {
    for id in keys(old, new) {
        match (old.get(id), new.get(id)) {
            (None, Some(_)) => notes.add(Direction::Narrows, About::Principal, id, "may use less than its class"),
            (Some(_), None) => notes.add(Direction::Widens, About::Principal, id, "may use all that its class may"),
            (Some(was), Some(is)) if was != is => {
                notes.add(widens(!within(is, was)), About::Principal, id, "has another ceiling of its own");
            }
            _ => {}
        }
    }
}

/// Whether one ceiling lets nothing through that the other does not.
fn within(inner: &Ceiling, outer: &Ceiling) -> bool {
    match (inner, outer) {
        (_, Ceiling::Any) => true,
        (Ceiling::Any, Ceiling::Only(_)) => false,
        (Ceiling::Only(inner), Ceiling::Only(outer)) => inner.is_subset(outer),
    }
}

fn scope(notes: &mut Notes, name: &str, was: &Scope, is: &Scope) {
    if was.risk != is.risk {
        let (from, to) = (was.risk.as_str(), is.risk.as_str());
        notes.add(widens(is.risk < was.risk), About::Scope, name, format!("goes from {from} to {to} risk"));
    }
    if was.max_auth_age != is.max_auth_age {
        let age = |age: Option<i64>| age.map_or_else(|| "of any age".to_owned(), |age| format!("at most {age} s old"));
        let more = is.max_auth_age.unwrap_or(i64::MAX) > was.max_auth_age.unwrap_or(i64::MAX);
        let what = format!("wants a sign-in {} instead of {}", age(is.max_auth_age), age(was.max_auth_age));
        notes.add(widens(more), About::Scope, name, what);
    }
    if was.acr != is.acr {
        let class = |class: &Option<String>| class.as_ref().map_or_else(|| "of any class".to_owned(), |class| format!("of class {class}"));
        let what = format!("wants a sign-in {} instead of {}", class(&is.acr), class(&was.acr));
        notes.add(widens(was.acr.is_some()), About::Scope, name, what);
    }
    if was.sentence != is.sentence {
        notes.add(Direction::Neutral, About::Scope, name, format!("is described as: {}", is.sentence));
    }
}

fn limit(notes: &mut Notes, about: About, subject: &str, whom: &str, was: Option<RateLimit>, is: Option<RateLimit>) {
    if was != is {
        let rate = |limit: Option<RateLimit>| limit.map_or_else(|| "any number".to_owned(), |limit| limit.per_minute.to_string());
        let most = |limit: Option<RateLimit>| limit.map_or(u32::MAX, |limit| limit.per_minute);
        let direction = if notes.first { Direction::Neutral } else { widens(most(is) > most(was)) };
        let verb = if about == About::Limits { "allow" } else { "allows" };
        notes.add(direction, about, subject, format!("{verb} {} calls {whom} a minute instead of {}", rate(is), rate(was)));
    }
}

/// What a tenant has one of.
fn whole(notes: &mut Notes, old: &PolicySet, new: &PolicySet) {
    if old.ladder != new.ladder {
        notes.set_or_changed(
            Direction::Widens,
            About::Staleness,
            "allows less and less, as set from the start",
            "allows less and less by another measure",
        );
    }
    if old.issuers != new.issuers {
        let names: Vec<&str> = new.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
        let set = format!("are set: {}", names.join(", "));
        notes.set_or_changed(Direction::Widens, About::Issuers, &set, "or their keys change");
    }
    if old.revocation_key != new.revocation_key {
        notes.set_or_changed(Direction::Neutral, About::Revocations, "is hashed under a key of this tenant", "is hashed under another key");
    }
    if old.audit_log != new.audit_log {
        notes.set_or_changed(Direction::Neutral, About::AuditLog, "is witnessed by gateways", "is witnessed under another key");
    }
}

fn keys<'a, K: Borrow<str>, V>(a: &'a BTreeMap<K, V>, b: &'a BTreeMap<K, V>) -> BTreeSet<&'a str> {
    a.keys().chain(b.keys()).map(Borrow::borrow).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(version: u64, roles: &[(&str, &[&str])]) -> PolicySet {
        let roles = roles.iter().map(|(role, scopes)| ((*role).into(), scopes.iter().copied().collect())).collect();
        let issuer = crate::Issuer { issuer: "https://writ.example/t/acme".into(), jwks: serde_json::json!({ "keys": [] }) };
        PolicySet { version, roles, issuers: vec![issuer], ladder: crate::Rung::default_ladder(), ..PolicySet::default() }
    }

    fn said(old: &PolicySet, new: &PolicySet) -> Vec<(Direction, String)> {
        diff(old, new).iter().map(|change| (change.direction, change.to_string())).collect()
    }

    #[test]
    fn the_first_policy_sets_what_a_later_one_changes() {
        let first = policy(1, &[("sre", &["logs.read"])]);
        let gains = (Direction::Widens, "Role sre gains logs.read".to_owned());
        assert_eq!(
            said(&PolicySet::default(), &first),
            [
                gains,
                (Direction::Neutral, "A stale gateway allows less and less, as set from the start".to_owned()),
                (Direction::Neutral, "Token issuers are set: https://writ.example/t/acme".to_owned()),
            ]
        );
        let second = PolicySet { issuers: Vec::new(), ladder: Vec::new(), ..policy(2, &[("sre", &["logs.read"])]) };
        let changed = [
            (Direction::Widens, "A stale gateway allows less and less by another measure".to_owned()),
            (Direction::Widens, "Token issuers or their keys change".to_owned()),
        ];
        assert_eq!(said(&first, &second), changed);
        assert_eq!(said(&first, &PolicySet { version: 7, ..first.clone() }), []);
    }

    #[test]
    fn a_change_names_the_scope_that_it_is_about() {
        let (old, new) = (policy(1, &[("sre", &["a"])]), policy(2, &[("sre", &["b"])]));
        let about: Vec<_> = diff(&old, &new).into_iter().map(|change| (change.direction, change.subject, change.scope)).collect();
        let of = |direction, scope: &str| (direction, "sre".to_owned(), Some(scope.to_owned()));
        assert_eq!(about, [of(Direction::Widens, "b"), of(Direction::Narrows, "a")]);
    }

    #[test]
    fn a_lower_ceiling_narrows() {
        let bounded = |scopes: Option<&[&str]>| {
            let only = |scopes: &[&str]| Ceiling::Only(scopes.iter().map(|scope| (*scope).to_owned()).collect());
            let class = crate::Class { ceiling: scopes.map_or(Ceiling::Any, only) };
            PolicySet { client_classes: [("ide".to_owned(), class)].into(), ..policy(1, &[]) }
        };
        for (was, is, direction) in [
            (None, Some(&["a"][..]), Direction::Narrows),
            (Some(&["a", "b"][..]), Some(&["a"][..]), Direction::Narrows),
            (Some(&["a"][..]), Some(&["b"][..]), Direction::Widens),
            (Some(&["a"][..]), None, Direction::Widens),
        ] {
            let changes = diff(&bounded(was), &bounded(is));
            assert_eq!(changes.iter().map(|change| change.direction).collect::<Vec<_>>(), [direction], "{was:?} to {is:?}");
        }
    }
}
