//! Rings, the rollout of a policy through them, pins, and what gateways decided under each policy.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table rings (
        tenant_id text not null references tenants (id),
        id text not null,
        position bigint not null,
        members text not null,
        version bigint not null,
        since_ms bigint not null,
        primary key (tenant_id, id))",
    "create table rollouts (
        tenant_id text not null references tenants (id),
        id text not null,
        version bigint not null,
        stable bigint not null,
        reached bigint not null,
        state text not null,
        why text not null,
        since_ms bigint not null,
        reached_ms bigint not null,
        timestamp bigint not null,
        started_ms bigint not null,
        started_by text not null,
        ended_ms bigint,
        primary key (tenant_id, id))",
    "create unique index rollouts_under_way on rollouts (tenant_id) where ended_ms is null",
    "create table rollout_rules (
        tenant_id text not null references tenants (id),
        id text not null,
        promotes bigint not null,
        soak_s bigint not null,
        most_rise bigint not null,
        least_calls bigint not null,
        version bigint not null,
        primary key (tenant_id, id))",
    "create table pins (
        tenant_id text not null references tenants (id),
        id text not null,
        version bigint not null,
        until_s bigint not null,
        reason text not null,
        created_ms bigint not null,
        created_by text not null,
        primary key (tenant_id, id))",
    "alter table gateways add column refused bigint",
    "alter table gateways add column decided text",
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
