//! Which replica does a tenant's upkeep.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &["create table leases (
    tenant_id text not null references tenants (id),
    id text not null,
    holder text not null,
    until_ms bigint not null,
    primary key (tenant_id, id))"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in UP {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
