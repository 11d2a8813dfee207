//! What is suspicious in a policy before it is published.

use crate::argument_schema;
use crate::model::{PolicySet, Risk};
use crate::scope_set::ScopeSet;
use std::collections::BTreeSet;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not meant.
    Warning,
    /// Publishing is refused.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Its stable code.
    pub code: &'static str,
    /// The sentence.
    pub what: String,
}

/// All findings, the worst first.
pub fn lint(policy: &PolicySet) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |severity, code, what| findings.push(Finding { severity, code, what });
    let given: BTreeSet<&str> = policy.roles.values().flat_map(ScopeSet::iter).collect();
    let needed: BTreeSet<&str> = policy.servers.values().flat_map(|server| server.scopes()).collect();
    for (role, scopes) in &policy.roles {
        for scope in scopes.iter().filter(|scope| !policy.scopes.contains_key(*scope)) {
            find(Severity::Error, "scope_undefined", format!("Role {role} gives {scope}, which is not defined"));
        }
        if scopes.is_empty() {
            find(Severity::Note, "role_empty", format!("Role {role} gives nothing"));
        }
    }
    for server in policy.servers.values() {
        for (name, tool) in &server.tools {
            match &tool.scope {
                None => {
                    find(Severity::Warning, "tool_unbound", format!("{name} on {} is bound to no scope and will be denied", server.name))
                }
                Some(scope) if !policy.scopes.contains_key(scope) => {
                    find(Severity::Error, "scope_undefined", format!("{name} on {} needs {scope}, which is not defined", server.name));
                }
                Some(_) => {}
            }
            // It was bounded when it was entered, under what was asked of schemas then.
            if let Some(Err(why)) = tool.arguments.as_ref().map(|schema| argument_schema::bounded(&schema.value())) {
                find(
                    Severity::Error,
                    "schema_unbounded",
                    format!("The argument schema of {name} on {} is one that no gateway takes: {why}", server.name),
                );
            }
        }
        if server.tools.is_empty() {
            find(Severity::Warning, "server_empty", format!("{} has no tools", server.name));
        }
    }
    for (scope, rules) in &policy.scopes {
        if !needed.contains(scope.as_str()) {
            find(Severity::Note, "scope_unused", format!("No tool needs {scope}"));
        } else if !given.contains(scope.as_str()) && rules.risk < Risk::High {
            find(Severity::Note, "scope_ungiven", format!("No role gives {scope}; it can only be requested"));
        }
    }
    if policy.issuers.is_empty() {
        find(Severity::Error, "no_issuer", "No issuer is named, so no token would be believed".into());
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}
