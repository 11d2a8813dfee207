//! Families of tokens are taken back by their lineage: which tokens were issued, and which followed which, need not be written down for it
//! any more.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "drop table issued_tokens",
    "alter table refresh_tokens drop column successor",
    "create index revocation_target on revocations (tenant_id, target)",
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
