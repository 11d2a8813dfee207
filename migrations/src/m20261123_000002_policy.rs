//! The tables of policy.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table roles (
        tenant_id text not null references tenants (id),
        id text not null,
        scopes text not null,
        version bigint not null,
        updated_ms bigint not null,
        updated_by text not null,
        primary key (tenant_id, id))",
    "create table scopes (
        tenant_id text not null references tenants (id),
        id text not null,
        sentence text not null,
        risk text not null,
        max_auth_age bigint,
        acr text,
        version bigint not null,
        primary key (tenant_id, id))",
    "create table group_roles (
        tenant_id text not null references tenants (id),
        id text not null,
        group_name text not null,
        role text not null,
        created_ms bigint not null,
        primary key (tenant_id, id),
        unique (tenant_id, group_name, role))",
    "create table servers (
        tenant_id text not null references tenants (id),
        id text not null,
        name text not null,
        resource text not null,
        upstream text not null,
        imported_ms bigint not null,
        created_ms bigint not null,
        primary key (tenant_id, id),
        unique (tenant_id, name),
        unique (tenant_id, resource))",
    "create table tools (
        tenant_id text not null references tenants (id),
        id text not null,
        server_id text not null,
        name text not null,
        description text not null,
        input_schema text not null,
        annotations text not null,
        digest text not null,
        reviewed text,
        scope text,
        present bigint not null,
        version bigint not null,
        primary key (tenant_id, id),
        foreign key (tenant_id, server_id) references servers (tenant_id, id) on delete cascade)",
    "create table classes (
        tenant_id text not null references tenants (id),
        id text not null,
        kind text not null,
        name text not null,
        ceiling text not null,
        primary key (tenant_id, id))",
    "create table clients (
        tenant_id text not null references tenants (id),
        id text not null,
        name text not null,
        redirect_uris text not null,
        class text not null,
        ceiling text not null,
        created_ms bigint not null,
        primary key (tenant_id, id))",
    "create table agents (
        tenant_id text not null references tenants (id),
        id text not null,
        name text not null,
        class text not null,
        owners text not null,
        public_key text not null,
        ceiling text not null,
        created_ms bigint not null,
        primary key (tenant_id, id))",
    "create index tools_server on tools (tenant_id, server_id)",
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
