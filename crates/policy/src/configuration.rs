//! What people configured, and the one way from it to the policy that gateways run.
//!
//! A configuration is a document of its own, so that whoever signs a policy on another machine can read what was configured, compile it
//! there, and sign only if the result is what the control plane asks to have signed.

use crate::argument_schema::ArgumentSchema;
use crate::ladder::Rung;
use crate::mark::RevocationKey;
use crate::model::{Ceiling, Class, Issuer, Limits, McpServer, Name, PolicySet, RateLimit, Scope, Tool};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A tenant's configuration as far as gateways have to know it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The tenant's slug.
    pub tenant: String,
    /// Whose tokens are believed.
    pub issuers: Vec<Issuer>,
    /// MCP servers by their resource URI.
    pub servers: BTreeMap<String, ServerConfiguration>,
    /// Scopes and their rules.
    pub scopes: BTreeMap<String, Scope>,
    /// Which scopes a role gives.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// Ceilings of classes of clients.
    pub client_classes: BTreeMap<String, Ceiling>,
    /// Ceilings of classes of agents.
    pub agent_classes: BTreeMap<String, Ceiling>,
    /// Clients and agents, by id, that may use less than their class.
    #[serde(default)]
    pub narrowed: BTreeMap<String, Ceiling>,
    /// What a stale gateway does.
    pub ladder: Vec<Rung>,
    /// How often anyone may call.
    #[serde(default)]
    pub limits: Limits,
    /// Under which the revocation list hashes whom it concerns.
    pub revocation_key: RevocationKey,
    /// The audit log's key in note form.
    #[serde(default)]
    pub audit_log: String,
}

/// A registered MCP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfiguration {
    /// Short name.
    pub name: String,
    /// Where the gateway forwards to.
    pub upstream: String,
    /// The tools that it has, reviewed or not.
    pub tools: BTreeMap<String, ToolConfiguration>,
}

/// A tool of a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolConfiguration {
    /// The scope that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Digest of the definition that a person accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<String>,
    /// JSON Schema that arguments have to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<serde_json::Value>,
    /// How often it may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<RateLimit>,
}

impl Configuration {
    /// The policy under this version. Equal configurations make equal policies.
    pub fn compile(&self, version: u64) -> PolicySet {
        let classes =
            |of: &BTreeMap<String, Ceiling>| of.iter().map(|(name, ceiling)| (name.clone(), Class { ceiling: ceiling.clone() })).collect();
        PolicySet {
            tenant: self.tenant.clone(),
            version,
            issuers: self.issuers.clone(),
            servers: self.servers.iter().map(|(resource, server)| (resource.clone(), server.compile())).collect(),
            scopes: self.scopes.iter().map(|(name, scope)| (name.into(), scope.clone())).collect(),
            roles: self.roles.iter().map(|(role, scopes)| (role.into(), scopes.iter().collect())).collect(),
            client_classes: classes(&self.client_classes),
            agent_classes: classes(&self.agent_classes),
            narrowed: self.narrowed.clone(),
            ladder: self.ladder.clone(),
            limits: self.limits,
            revocation_key: self.revocation_key.clone(),
            audit_log: self.audit_log.clone(),
        }
    }
}

impl Configuration {
    /// A configuration that compiles to this policy: for a version that differs from a published one in keys and in nothing else, whatever
    /// has been configured since.
    ///
    /// A tool that was bound but never reviewed comes out unbound, as the policy has it.
    pub fn of(policy: &PolicySet) -> Self {
        let ceilings =
            |of: &BTreeMap<String, Class>| of.iter().map(|(name, class)| (name.clone(), class.ceiling.clone())).collect::<BTreeMap<_, _>>();
        Self {
            tenant: policy.tenant.clone(),
            issuers: policy.issuers.clone(),
            servers: policy.servers.iter().map(|(resource, server)| (resource.clone(), ServerConfiguration::of(server))).collect(),
            scopes: policy.scopes.iter().map(|(name, scope)| (name.to_string(), scope.clone())).collect(),
            roles: policy.roles.iter().map(|(role, scopes)| (role.to_string(), scopes.to_set())).collect(),
            client_classes: ceilings(&policy.client_classes),
            agent_classes: ceilings(&policy.agent_classes),
            narrowed: policy.narrowed.clone(),
            ladder: policy.ladder.clone(),
            limits: policy.limits,
            revocation_key: policy.revocation_key.clone(),
            audit_log: policy.audit_log.clone(),
        }
    }
}

impl ServerConfiguration {
    fn of(server: &McpServer) -> Self {
        let tool = |tool: &Tool| ToolConfiguration {
            scope: tool.scope.as_ref().map(Name::to_string),
            reviewed: tool.digest.as_deref().map(str::to_owned),
            arguments: tool.arguments.as_ref().map(ArgumentSchema::value),
            limit: tool.limit,
        };
        let tools = server.tools.iter().map(|(name, held)| (name.to_string(), tool(held))).collect();
        Self { name: server.name.clone(), upstream: server.upstream.clone(), tools }
    }

    fn compile(&self) -> McpServer {
        let tools = self.tools.iter().map(|(name, tool)| (name.into(), tool.compile())).collect();
        McpServer { name: self.name.clone(), upstream: self.upstream.clone(), tools }
    }
}

impl ToolConfiguration {
    /// A tool is callable only when it is bound *and* its definition was reviewed: without a digest a gateway would have nothing to hold
    /// the live definition against, so an unreviewed tool counts as unbound.
    fn compile(&self) -> Tool {
        let scope = self.scope.as_ref().filter(|_| self.reviewed.is_some());
        let arguments = self.arguments.as_ref().map(ArgumentSchema::from);
        Tool { scope: scope.map(Name::from), digest: self.reviewed.as_deref().map(Box::from), arguments, limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bound_and_reviewed_tool_can_be_called() {
        let tool = |scope: Option<&str>, reviewed: Option<&str>| {
            let (scope, reviewed) = (scope.map(str::to_owned), reviewed.map(str::to_owned));
            ToolConfiguration { scope, reviewed, ..ToolConfiguration::default() }.compile().scope
        };
        assert_eq!(tool(Some("logs.read"), Some("d")).as_deref(), Some("logs.read"));
        assert_eq!(tool(Some("logs.read"), None), None);
        assert_eq!(tool(None, Some("d")), None);
    }
}
