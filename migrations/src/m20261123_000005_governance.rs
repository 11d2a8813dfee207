//! The tables of governance.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table requests (
        tenant_id text not null references tenants (id),
        id text not null,
        user_id text not null,
        client_id text not null,
        agent_id text,
        server_id text not null,
        resource text not null,
        scopes text not null,
        duration_s bigint not null,
        reason text not null,
        state text not null,
        created_ms bigint not null,
        expires_ms bigint not null,
        decided_ms bigint,
        grant_id text,
        primary key (tenant_id, id))",
    "create table votes (
        tenant_id text not null references tenants (id),
        id text not null,
        request_id text not null,
        user_id text not null,
        approve bigint not null,
        reason text not null,
        digest text not null,
        at_ms bigint not null,
        primary key (tenant_id, id),
        unique (tenant_id, request_id, user_id))",
    "create table grants (
        tenant_id text not null references tenants (id),
        id text not null,
        request_id text not null,
        user_id text not null,
        client_id text not null,
        agent_id text,
        resource text not null,
        scopes text not null,
        starts_s bigint not null,
        exp_s bigint not null,
        revoked_ms bigint,
        first_used_ms bigint,
        primary key (tenant_id, id))",
    "create table revocations (
        tenant_id text not null references tenants (id),
        id text not null,
        seq bigint not null,
        target text not null,
        until_s bigint,
        reason text not null,
        created_ms bigint not null,
        created_by text not null,
        lifted_ms bigint,
        lifted_seq bigint,
        primary key (tenant_id, id))",
    "create index grants_user on grants (tenant_id, user_id)",
    "create index grants_age on grants (tenant_id, starts_s)",
    "create index requests_age on requests (tenant_id, created_ms)",
    "create index requests_user on requests (tenant_id, user_id)",
    "create index votes_request on votes (tenant_id, request_id)",
    "create index requests_state on requests (tenant_id, state)",
    "create index revocations_target on revocations (tenant_id, target)",
    "create index revocations_seq on revocations (tenant_id, seq)",
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
