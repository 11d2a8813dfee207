//! Taking back what was issued: which console session a sign-in's tokens came from, and the tokens of the last hour without reading the
//! whole log.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "alter table sessions add column sid text",
    "create index sessions_user on sessions (tenant_id, user_id)",
    "create index sessions_sid on sessions (tenant_id, sid)",
    "create index refresh_session on refresh_tokens (tenant_id, sid)",
    // Of this one action only: calls, which are most of the log, are written without it.
    "create index audit_events_issued on audit_events (tenant_id, at_ms) where action = 'token.issue'",
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
