//! The tables of oauth.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table authorizations (
        tenant_id text not null references tenants (id),
        id text not null,
        client_id text not null,
        redirect_uri text not null,
        resource text not null,
        scope text not null,
        state text,
        challenge text not null,
        acr_values text,
        auth_after_s bigint,
        ask_again bigint not null,
        expires_ms bigint not null,
        primary key (tenant_id, id))",
    "create table consents (
        tenant_id text not null references tenants (id),
        id text not null,
        user_id text not null,
        client_id text not null,
        resource text not null,
        scope text not null,
        later text not null,
        at_ms bigint not null,
        primary key (tenant_id, id))",
    "create table codes (
        tenant_id text not null references tenants (id),
        id text not null,
        user_id text not null,
        session_id text not null,
        client_id text not null,
        redirect_uri text not null,
        resource text not null,
        scope text not null,
        challenge text not null,
        lineage text not null,
        sid text not null,
        auth_s bigint not null,
        acr text,
        expires_ms bigint not null,
        used_ms bigint,
        primary key (tenant_id, id))",
    "create table refresh_tokens (
        tenant_id text not null references tenants (id),
        id text not null,
        user_id text not null,
        client_id text not null,
        resource text not null,
        scope text not null,
        lineage text not null,
        sid text not null,
        auth_s bigint not null,
        acr text,
        expires_ms bigint not null,
        used_ms bigint,
        successor text,
        primary key (tenant_id, id))",
    "create table issued_tokens (
        tenant_id text not null references tenants (id),
        id text not null,
        lineage text not null,
        expires_ms bigint not null,
        primary key (tenant_id, id))",
    "create table used_assertions (
        tenant_id text not null references tenants (id),
        id text not null,
        expires_ms bigint not null,
        primary key (tenant_id, id))",
    "create index refresh_lineage on refresh_tokens (tenant_id, lineage)",
    "create index refresh_user on refresh_tokens (tenant_id, user_id)",
    "create index refresh_end on refresh_tokens (tenant_id, expires_ms)",
    "create index issued_lineage on issued_tokens (tenant_id, lineage)",
    "create index issued_end on issued_tokens (tenant_id, expires_ms)",
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
