//! The tables of evidence.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table audit_events (
        tenant_id text not null references tenants (id),
        id text not null,
        at_ms bigint not null,
        position bigint,
        action text not null,
        actor_kind text not null,
        actor_id text not null,
        client_id text,
        agent_id text,
        object text,
        outcome text not null,
        story text,
        salt text not null,
        body text not null,
        primary key (tenant_id, id))",
    "create table audit_leaves (
        tenant_id text not null references tenants (id),
        id text not null,
        position bigint not null,
        hash text not null,
        primary key (tenant_id, id))",
    "create table checkpoints (
        tenant_id text not null references tenants (id),
        id text not null,
        size bigint not null,
        root text not null,
        note text not null,
        at_ms bigint not null,
        primary key (tenant_id, id))",
    "create index audit_events_time on audit_events (tenant_id, at_ms)",
    "create index audit_events_story on audit_events (tenant_id, story)",
    "create index audit_events_open on audit_events (tenant_id, position)",
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
