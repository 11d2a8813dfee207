//! What a new policy would change, said in terms of who can do what rather than of lines.

use crate::model::{PolicySet, RateLimit, Scope, Tool};
use std::collections::BTreeSet;

/// One semantic difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether it gives anyone more than before. Such changes come first.
    pub widens: bool,
    /// The role, server, class … that changes.
    pub subject: String,
    /// The sentence.
    pub what: String,
}

/// All differences from `old` to `new`, widening ones first, in a stable order.
pub fn diff(old: &PolicySet, new: &PolicySet) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |widens: bool, subject: &str, what: String| changes.push(Change { widens, subject: subject.to_owned(), what });
    let empty = BTreeSet::new();
    for role in keys(&old.roles, &new.roles) {
        let (before, after) = (old.roles.get(role).unwrap_or(&empty), new.roles.get(role).unwrap_or(&empty));
        for scope in after.difference(before) {
            note(true, role, format!("Role {role} gains {scope}"));
        }
        for scope in before.difference(after) {
            note(false, role, format!("Role {role} loses {scope}"));
        }
    }
    for resource in keys(&old.servers, &new.servers) {
        match (old.servers.get(resource), new.servers.get(resource)) {
            (None, Some(server)) => {
                note(true, &server.name, format!("MCP server {} is new, at {resource}", server.name));
                for (name, tool) in &server.tools {
                    bind(&mut note, &server.name, name, None, tool.scope.as_deref());
                }
            }
            (Some(server), None) => note(false, &server.name, format!("MCP server {} is removed", server.name)),
            (Some(before), Some(after)) => {
                if before.upstream != after.upstream {
                    note(true, &after.name, format!("{} now forwards to {}", after.name, after.upstream));
                }
                for name in keys(&before.tools, &after.tools) {
                    let (was, is) = (before.tools.get(name), after.tools.get(name));
                    bind(&mut note, &after.name, name, was.and_then(|t| t.scope.as_deref()), is.and_then(|t| t.scope.as_deref()));
                    if let (Some(was), Some(is)) = (was, is) {
                        tool(&mut note, &after.name, name, was, is);
                    }
                }
            }
            (None, None) => {}
        }
    }
    for (kind, before, after) in [("Client", &old.client_classes, &new.client_classes), ("Agent", &old.agent_classes, &new.agent_classes)] {
        for class in keys(before, after) {
            match (before.get(class), after.get(class)) {
                (None, Some(_)) => note(true, class, format!("{kind} class {class} is new")),
                (Some(_), None) => note(false, class, format!("{kind} class {class} is removed")),
                (was, is) if was != is => note(true, class, format!("{kind} class {class} has another ceiling")),
                _ => {}
            }
        }
    }
    for id in keys(&old.narrowed, &new.narrowed) {
        match (old.narrowed.get(id), new.narrowed.get(id)) {
            (None, Some(_)) => note(false, id, format!("{id} may use less than its class")),
            (Some(_), None) => note(true, id, format!("{id} may use all that its class may")),
            (was, is) if was != is => note(true, id, format!("{id} has another ceiling of its own")),
            _ => {}
        }
    }
    for name in keys(&old.scopes, &new.scopes) {
        if let (Some(was), Some(is)) = (old.scopes.get(name), new.scopes.get(name)) {
            scope(&mut note, name, was, is);
        }
    }
    for (whom, was, is) in [
        ("each subject", old.limits.subject, new.limits.subject),
        ("each client", old.limits.client, new.limits.client),
        ("each agent", old.limits.agent, new.limits.agent),
    ] {
        limit(&mut note, "limits", whom, was, is);
    }
    if old.ladder != new.ladder {
        note(true, "staleness", "What a stale gateway does changes".into());
    }
    if old.issuers != new.issuers {
        note(true, "issuers", "The issuers or their keys change".into());
    }
    if old.revocation_key != new.revocation_key {
        note(false, "revocations", "The revocation list is hashed under another key".into());
    }
    if old.audit_log != new.audit_log {
        note(false, "audit log", "Gateways witness the audit log under another key".into());
    }
    changes.sort_by_key(|change| !change.widens);
    changes
}

type Note<'n> = dyn FnMut(bool, &str, String) + 'n;

fn tool(note: &mut Note<'_>, server: &str, name: &str, was: &Tool, is: &Tool) {
    if was.digest != is.digest {
        note(true, server, format!("The changed definition of {name} on {server} is accepted"));
    }
    match (&was.arguments, &is.arguments) {
        (None, Some(_)) => note(false, server, format!("Arguments of {name} on {server} must satisfy a schema")),
        (Some(_), None) => note(true, server, format!("Arguments of {name} on {server} need satisfy no schema any more")),
        (was, is) if was != is => note(true, server, format!("Arguments of {name} on {server} must satisfy another schema")),
        _ => {}
    }
    limit(note, server, &format!("{name} on {server}"), was.limit, is.limit);
}

fn scope(note: &mut Note<'_>, name: &str, was: &Scope, is: &Scope) {
    if was.risk != is.risk {
        let (from, to) = (was.risk.as_str(), is.risk.as_str());
        note(is.risk < was.risk, name, format!("Scope {name} goes from {from} to {to} risk"));
    }
    if was.max_auth_age != is.max_auth_age {
        let age = |age: Option<i64>| age.map_or_else(|| "of any age".to_owned(), |age| format!("at most {age} s old"));
        let widens = is.max_auth_age.unwrap_or(i64::MAX) > was.max_auth_age.unwrap_or(i64::MAX);
        note(widens, name, format!("Scope {name} wants a sign-in {} instead of {}", age(is.max_auth_age), age(was.max_auth_age)));
    }
    if was.acr != is.acr {
        let class = |class: &Option<String>| class.as_ref().map_or_else(|| "of any class".to_owned(), |class| format!("of class {class}"));
        note(was.acr.is_some(), name, format!("Scope {name} wants a sign-in {} instead of {}", class(&is.acr), class(&was.acr)));
    }
    if was.sentence != is.sentence {
        note(false, name, format!("Scope {name} is described as: {}", is.sentence));
    }
}

fn limit(note: &mut Note<'_>, subject: &str, whom: &str, was: Option<RateLimit>, is: Option<RateLimit>) {
    if was != is {
        let rate = |limit: Option<RateLimit>| {
            limit.map_or_else(|| "not limited".to_owned(), |limit| format!("limited to {} calls a minute", limit.per_minute))
        };
        let most = |limit: Option<RateLimit>| limit.map_or(u32::MAX, |limit| limit.per_minute);
        note(most(is) > most(was), subject, format!("Calls of {whom} are {} instead of {}", rate(is), rate(was)));
    }
}

fn bind(note: &mut Note<'_>, server: &str, tool: &str, was: Option<&str>, is: Option<&str>) {
    match (was, is) {
        (None, Some(scope)) => note(true, server, format!("{tool} on {server} becomes callable with {scope}")),
        (Some(scope), None) => note(false, server, format!("{tool} on {server} is denied; it was callable with {scope}")),
        (Some(from), Some(to)) if from != to => note(true, server, format!("{tool} on {server} needs {to} instead of {from}")),
        _ => {}
    }
}

fn keys<'a, V>(a: &'a std::collections::BTreeMap<String, V>, b: &'a std::collections::BTreeMap<String, V>) -> BTreeSet<&'a String> {
    a.keys().chain(b.keys()).collect()
}
