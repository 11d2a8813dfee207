//! From the tenant's rows to the policy that gateways run.

use crate::control::Parts;
use crate::error::{Error, Result};
use policy::{Ceiling, Class, Issuer, McpServer, PolicySet, Risk, Rung, Scope, Tool};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{MaybeSet, Reader};

/// The policy that the rows make now, under the version after the live one. Equal rows make equal bytes.
///
/// # Errors
/// When the database fails or holds what nobody could have entered.
pub async fn compile(db: &Reader<'_>, parts: &Parts) -> Result<PolicySet> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let version = u64::try_from(tenant.policy_version).map_err(|error| Error::internal("numbering the policy", error))? + 1;
    let (clients, agents) = (db.all::<store::Client>().await?, db.all::<store::Agent>().await?);
    let classes = db.all::<store::Class>().await?;
    let of_kind = |kind: &str| {
        classes
            .iter()
            .filter(|class| class.kind == kind)
            .map(|class| (class.name.clone(), Class { ceiling: ceiling(&class.ceiling) }))
            .collect()
    };
    let own =
        clients.into_iter().map(|client| (client.id, client.ceiling)).chain(agents.into_iter().map(|agent| (agent.id, agent.ceiling)));
    Ok(PolicySet {
        tenant: tenant.id,
        version,
        issuers: vec![issuer(db, parts).await?],
        servers: servers(db).await?,
        scopes: scopes(db).await?,
        roles: db.all::<store::Role>().await?.into_iter().map(|role| (role.id, role.scopes.0)).collect(),
        client_classes: of_kind("client"),
        agent_classes: of_kind("agent"),
        narrowed: own.filter(|(_, bound)| bound.is_some()).map(|(id, bound)| (id, ceiling(&bound))).collect(),
        ladder: Rung::default_ladder(),
    })
}

/// The live policy; `None` before the first publish.
///
/// # Errors
/// When the database fails or the stored policy cannot be read.
pub async fn live(db: &Reader<'_>) -> Result<Option<PolicySet>> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let Some(row) = db.get::<store::Bundle>(&tenant.policy_version.to_string()).await? else { return Ok(None) };
    read(&row.policy).map(Some)
}

/// A stored policy.
pub(super) fn read(text: &str) -> Result<PolicySet> {
    serde_json::from_str(text).map_err(|error| Error::internal("reading a published policy", error))
}

fn ceiling(bound: &MaybeSet) -> Ceiling {
    bound.0.clone().map_or(Ceiling::Any, Ceiling::Only)
}

/// The tenant's one issuer with all its keys: also those that no longer sign, since tokens of theirs may still live.
async fn issuer(db: &Reader<'_>, parts: &Parts) -> Result<Issuer> {
    let mut keys = Vec::new();
    for key in db.keys_for(crate::tenancy::keys::TOKEN).await? {
        let jwk: Value = serde_json::from_str(&key.public).map_err(|error| Error::internal("reading a token key", error))?;
        keys.push(jwk);
    }
    Ok(Issuer { issuer: parts.issuer(db.tenant()), jwks: json!({ "keys": keys }) })
}

async fn scopes(db: &Reader<'_>) -> Result<BTreeMap<String, Scope>> {
    let mut scopes = BTreeMap::new();
    for row in db.all::<store::Scope>().await? {
        let unknown = || Error::internal("reading a scope", format!("{:?} is no risk", row.risk));
        let risk = Risk::parse(&row.risk).ok_or_else(unknown)?;
        scopes.insert(row.id, Scope { sentence: row.sentence, risk, max_auth_age: row.max_auth_age, acr: row.acr });
    }
    Ok(scopes)
}

async fn servers(db: &Reader<'_>) -> Result<BTreeMap<String, McpServer>> {
    let mut tools: BTreeMap<String, BTreeMap<String, Tool>> = BTreeMap::new();
    for row in db.all::<store::Tool>().await? {
        // What the server no longer has is not offered: it is denied as unknown until it is imported again.
        if row.present == 1 {
            tools.entry(row.server_id).or_default().insert(row.name, tool(row.scope, row.reviewed));
        }
    }
    let rows = db.all::<store::Server>().await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tools = tools.remove(&row.id).unwrap_or_default();
            (row.resource, McpServer { name: row.name, upstream: row.upstream, tools })
        })
        .collect())
}

/// A tool is callable only when it is bound *and* its definition was reviewed: without a digest a gateway would have nothing to hold the
/// live definition against, so an unreviewed tool counts as unbound.
fn tool(scope: Option<String>, reviewed: Option<String>) -> Tool {
    let (scope, digest) = match (scope, reviewed) {
        (Some(scope), Some(digest)) => (Some(scope), Some(digest)),
        (_, reviewed) => (None, reviewed),
    };
    Tool { scope, digest, arguments: None, limit: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bound_and_reviewed_tool_can_be_called() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(tool(some("logs.read"), some("d")).scope, some("logs.read"));
        assert_eq!(tool(some("logs.read"), None).scope, None);
        assert_eq!(tool(None, some("d")).scope, None);
    }
}
