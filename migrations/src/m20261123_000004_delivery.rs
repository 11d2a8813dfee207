//! The tables of delivery.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table bundles (
        tenant_id text not null references tenants (id),
        id text not null,
        version bigint not null,
        policy text not null,
        sha256 text not null,
        note text not null,
        published_ms bigint not null,
        published_by text not null,
        primary key (tenant_id, id))",
    "create table tuf_files (
        tenant_id text not null references tenants (id),
        id text not null,
        body text not null,
        version bigint not null,
        primary key (tenant_id, id))",
    "create table tuf_states (
        tenant_id text not null references tenants (id),
        id text not null,
        root bigint not null,
        targets bigint not null,
        assignment bigint not null,
        revocations bigint not null,
        snapshot bigint not null,
        timestamp bigint not null,
        signed_ms bigint not null,
        repository text not null,
        primary key (tenant_id, id))",
    "create table enrolments (
        tenant_id text not null references tenants (id),
        id text not null,
        name text not null,
        replaces bigint not null,
        expires_ms bigint not null,
        used_ms bigint,
        primary key (tenant_id, id))",
    "create table gateways (
        tenant_id text not null references tenants (id),
        id text not null,
        name text not null,
        public_key text not null,
        enrolled_ms bigint not null,
        seen_ms bigint,
        policy_version bigint,
        policy_sha256 text,
        revocation_seq bigint,
        timestamp bigint,
        error text,
        error_text text,
        software text,
        batch_seq bigint not null,
        batch_hash text not null,
        gap_seq bigint,
        gap_prev text,
        primary key (tenant_id, id),
        unique (tenant_id, name))",
    "create table receipts (
        tenant_id text not null references tenants (id),
        id text not null,
        gateway_id text not null,
        seq bigint not null,
        at_ms bigint not null,
        primary key (tenant_id, id))",
    "create index receipts_seq on receipts (tenant_id, seq)",
    "create index enrolments_name on enrolments (tenant_id, name)",
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
