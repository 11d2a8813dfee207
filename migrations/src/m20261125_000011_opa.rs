//! OPAs in the fleet: what they are, how they authenticate, the bundles that they are served.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "alter table gateways add column kind text not null default 'gateway'",
    "create table opa_clients (
        tenant_id text not null references tenants (id),
        id text not null,
        policy_key text not null,
        revocations_key text not null,
        refused_policy text,
        refused_policy_text text,
        refused_revocations text,
        refused_revocations_text text,
        primary key (tenant_id, id))",
    "create table opa_tokens (
        tenant_id text not null references tenants (id),
        id text not null,
        client_id text not null,
        created_ms bigint not null,
        used_ms bigint,
        primary key (tenant_id, id))",
    "create index opa_tokens_client on opa_tokens (tenant_id, client_id)",
    "create table opa_archives (
        tenant_id text not null references tenants (id),
        id text not null,
        number bigint not null,
        revision text not null,
        key_id text not null,
        sha256 text not null,
        body text not null,
        signed_ms bigint not null,
        expires_ms bigint not null,
        primary key (tenant_id, id))",
    "create table opa_decisions (
        tenant_id text not null references tenants (id),
        id text not null,
        seen_ms bigint not null,
        primary key (tenant_id, id))",
    "create index opa_decisions_seen on opa_decisions (tenant_id, seen_ms)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in UP {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
