//! Bundles for OPAs whose policy key lies elsewhere: what a candidate asks it to sign for them.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("alter table candidates add column for_opas text").await?;
        Ok(())
    }
}
