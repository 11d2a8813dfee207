//! Keys that end and hand over, and what waits for the policy key elsewhere.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "alter table keys add column ended_ms bigint",
    "alter table keys add column retired_ms bigint",
    "alter table keys add column handover text",
    "create table candidates (
        tenant_id text not null references tenants (id),
        id text not null,
        number bigint not null,
        kind text not null,
        state text not null,
        policy_version bigint,
        configuration text,
        unsigned text not null,
        draft bigint,
        note text not null,
        requested_ms bigint not null,
        requested_by text not null,
        ended_ms bigint,
        primary key (tenant_id, id))",
    "create unique index candidates_awaiting on candidates (tenant_id) where state = 'awaiting'",
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
