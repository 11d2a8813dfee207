//! Gateways as witnesses of the audit log, and their labels.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "alter table gateways add column labels text",
    "alter table gateways add column witness_key text",
    "alter table gateways add column witnessed_size bigint",
    "alter table gateways add column cosignature text",
    "alter table gateways add column witnessed_s bigint",
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
