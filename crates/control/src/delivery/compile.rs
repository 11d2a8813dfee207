//! From the tenant's rows to the policy that gateways run.

use crate::config::limits;
use crate::control::Parts;
use crate::error::{Error, Result};
use crate::tenancy::keys;
use policy::{Ceiling, Configuration, Issuer, PolicySet, Risk, Rung, Scope, ServerConfiguration, ToolConfiguration};
use std::collections::BTreeMap;
use store::{MaybeSet, Reader};

/// What people configured, as the rows have it now. Equal rows make equal configurations.
///
/// # Errors
/// When the database fails or holds what nobody could have entered.
pub async fn configuration(db: &Reader<'_>, parts: &Parts) -> Result<Configuration> {
    let (clients, agents) = (db.all::<store::Client>().await?, db.all::<store::Agent>().await?);
    let classes = db.all::<store::Class>().await?;
    let of_kind = |kind: &str| {
        let of_kind = classes.iter().filter(|class| class.kind == kind);
        of_kind.map(|class| (class.name.clone(), ceiling(&class.ceiling))).collect()
    };
    let own =
        clients.into_iter().map(|client| (client.id, client.ceiling)).chain(agents.into_iter().map(|agent| (agent.id, agent.ceiling)));
    Ok(Configuration {
        tenant: db.tenant().to_string(),
        issuers: vec![issuer(db, parts).await?],
        servers: servers(db).await?,
        scopes: scopes(db).await?,
        roles: db.all::<store::Role>().await?.into_iter().map(|role| (role.id, role.scopes.0)).collect(),
        client_classes: of_kind("client"),
        agent_classes: of_kind("agent"),
        narrowed: own.filter(|(_, bound)| bound.0.is_some()).map(|(id, bound)| (id, ceiling(&bound))).collect(),
        ladder: Rung::default_ladder(),
        limits: limits::read(db).await?,
        revocation_key: keys::revocation_key(db, &parts.vault).await?,
        audit_log: keys::public(db, keys::AUDIT_LOG).await?,
    })
}

/// The policy that the rows make now, under the version that comes next.
///
/// # Errors
/// As [`configuration`].
pub async fn compile(db: &Reader<'_>, parts: &Parts) -> Result<PolicySet> {
    Ok(configuration(db, parts).await?.compile(next_version(db).await?))
}

/// The version after the newest one that was published or offered for a signature: a number is never given twice, since somebody may have
/// signed what was withdrawn.
///
/// # Errors
/// When the database fails.
pub async fn next_version(db: &Reader<'_>) -> Result<u64> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let published = db.newest_bundle().await?;
    let (_, offered) = db.candidate_marks().await?;
    let newest = published.max(offered).max(tenant.policy_version);
    u64::try_from(newest + 1).map_err(|error| Error::internal("numbering the policy", error))
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
pub(crate) fn read(text: &str) -> Result<PolicySet> {
    serde_json::from_str(text).map_err(|error| Error::internal("reading a published policy", error))
}

fn ceiling(bound: &MaybeSet) -> Ceiling {
    bound.0.clone().map_or(Ceiling::Any, Ceiling::Only)
}

/// The tenant's one issuer with all its keys: also those that no longer sign, since tokens of theirs may still live.
pub(crate) async fn issuer(db: &Reader<'_>, parts: &Parts) -> Result<Issuer> {
    Ok(Issuer { issuer: parts.issuer(db.tenant()), jwks: keys::jwk_set(db).await? })
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

async fn servers(db: &Reader<'_>) -> Result<BTreeMap<String, ServerConfiguration>> {
    let mut tools: BTreeMap<String, BTreeMap<String, ToolConfiguration>> = BTreeMap::new();
    for row in db.all::<store::Tool>().await? {
        // What the server no longer has is not offered: it is denied as unknown until it is imported again.
        if row.present == 1 {
            let arguments = row.arguments.as_deref().map(serde_json::from_str).transpose();
            let arguments = arguments.map_err(|error| Error::internal("reading a schema for arguments", error))?;
            let limit = row.per_minute.map(limits::rate).transpose()?;
            let tool = ToolConfiguration { scope: row.scope, reviewed: row.reviewed, arguments, limit };
            tools.entry(row.server_id).or_default().insert(row.name, tool);
        }
    }
    let rows = db.all::<store::Server>().await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tools = tools.remove(&row.id).unwrap_or_default();
            (row.resource, ServerConfiguration { name: row.name, upstream: row.upstream, tools })
        })
        .collect())
}
