//! How long a tool's description is in all, and how much of it was not kept: whoever binds the tool has to know.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("alter table tools add column description_chars bigint").await?;
        db.execute_unprepared("alter table tools add column description_unread bigint").await?;
        Ok(())
    }
}
