//! The tables of identity.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table tenants (
        id text not null,
        name text not null,
        created_ms bigint not null,
        revocation_seq bigint not null,
        policy_version bigint not null,
        draft bigint not null,
        published_draft bigint not null,
        primary key (id))",
    "create table keys (
        tenant_id text not null references tenants (id),
        id text not null,
        purpose text not null,
        sealed text not null,
        public text not null,
        active bigint not null,
        created_ms bigint not null,
        primary key (tenant_id, id))",
    "create table idp_connections (
        tenant_id text not null references tenants (id),
        id text not null,
        issuer text not null,
        client_id text not null,
        client_secret text,
        groups_claim text not null,
        version bigint not null,
        updated_ms bigint not null,
        primary key (tenant_id, id))",
    "create table users (
        tenant_id text not null references tenants (id),
        id text not null,
        issuer text not null,
        subject text not null,
        email text,
        email_verified bigint not null,
        name text not null,
        groups text not null,
        groups_ms bigint not null,
        signed_in_ms bigint not null,
        created_ms bigint not null,
        primary key (tenant_id, id),
        unique (tenant_id, issuer, subject))",
    "create table admin_bindings (
        tenant_id text not null references tenants (id),
        id text not null,
        kind text not null,
        issuer text not null,
        value text not null,
        role text not null,
        created_ms bigint not null,
        primary key (tenant_id, id),
        unique (tenant_id, kind, issuer, value, role))",
    "create table sign_in_links (
        tenant_id text not null references tenants (id),
        id text not null,
        expires_ms bigint not null,
        used_ms bigint,
        primary key (tenant_id, id))",
    "create table sign_ins (
        tenant_id text not null references tenants (id),
        id text not null,
        nonce text not null,
        verifier text not null,
        browser text not null,
        return_to text not null,
        expires_ms bigint not null,
        primary key (tenant_id, id))",
    "create table sessions (
        tenant_id text not null references tenants (id),
        id text not null,
        user_id text,
        data text not null,
        idp_sid text,
        auth_ms bigint not null,
        seen_ms bigint not null,
        expires_ms bigint not null,
        primary key (tenant_id, id))",
    "create index sessions_end on sessions (tenant_id, expires_ms)",
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
