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
    "create table audit_tiles (
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
        tree text not null,
        at_ms bigint not null,
        primary key (tenant_id, id))",
    "create index audit_events_time on audit_events (tenant_id, at_ms, id)",
    "create index audit_events_object on audit_events (tenant_id, object)",
    "create index audit_events_actor on audit_events (tenant_id, actor_id, at_ms)",
    "create index audit_events_story on audit_events (tenant_id, story)",
    "create unique index audit_events_position on audit_events (tenant_id, position)",
    "create index audit_leaves_position on audit_leaves (tenant_id, position)",
    "create index audit_tiles_position on audit_tiles (tenant_id, position)",
    "create index checkpoints_size on checkpoints (tenant_id, size)",
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
