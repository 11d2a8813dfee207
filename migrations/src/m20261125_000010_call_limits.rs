//! How often tools may be called, what their arguments must satisfy, and which tools gateways see defined differently than was reviewed.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "create table call_limits (
        tenant_id text not null references tenants (id),
        id text not null,
        per_minute bigint not null,
        primary key (tenant_id, id))",
    "alter table tools add column arguments text",
    "alter table tools add column arguments_from text",
    "alter table tools add column per_minute bigint",
    "alter table gateways add column drifted text",
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
