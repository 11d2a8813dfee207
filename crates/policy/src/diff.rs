//! What a new policy would change, said in terms of who can do what rather than of lines.

use crate::model::PolicySet;
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
                    if let (Some(was), Some(is)) = (was, is)
                        && was.digest != is.digest
                    {
                        note(true, &after.name, format!("The changed definition of {name} on {} is accepted", after.name));
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
    for scope in keys(&old.scopes, &new.scopes) {
        if let (Some(was), Some(is)) = (old.scopes.get(scope), new.scopes.get(scope))
            && was.risk != is.risk
        {
            let (from, to) = (was.risk.as_str(), is.risk.as_str());
            note(is.risk < was.risk, scope, format!("Scope {scope} goes from {from} to {to} risk"));
        }
    }
    if old.ladder != new.ladder {
        note(true, "staleness", "What a stale gateway does changes".into());
    }
    if old.issuers != new.issuers {
        note(true, "issuers", "The issuers or their keys change".into());
    }
    changes.sort_by_key(|change| !change.widens);
    changes
}

fn bind(note: &mut impl FnMut(bool, &str, String), server: &str, tool: &str, was: Option<&str>, is: Option<&str>) {
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
