//! Indexes for tenants in long use: whatever people look for among a million events and a hundred thousand grants is found in the order in which it
//! is shown, without reading what does not match.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    // Each ends with the order of the list, so that a database without statistics has no reason to walk through time instead.
    "drop index audit_events_actor",
    "drop index audit_events_object",
    "drop index audit_events_story",
    // What the index of issued tokens alone was made for is in this one.
    "drop index audit_events_issued",
    "create index audit_events_action on audit_events (tenant_id, action, at_ms, id)",
    "create index audit_events_actor on audit_events (tenant_id, actor_id, at_ms, id)",
    "create index audit_events_object on audit_events (tenant_id, object, at_ms, id) where object is not null",
    "create index audit_events_story on audit_events (tenant_id, story, at_ms, id) where story is not null",
    "create index audit_events_client on audit_events (tenant_id, client_id, at_ms, id) where client_id is not null",
    "create index audit_events_agent on audit_events (tenant_id, agent_id, at_ms, id) where agent_id is not null",
    "create index audit_events_denied on audit_events (tenant_id, at_ms, id) where outcome = 'denied'",
    "drop index requests_user",
    "create index requests_user on requests (tenant_id, user_id, created_ms, id)",
    "drop index requests_state",
    "create index requests_state on requests (tenant_id, state, created_ms, id)",
    "drop index grants_user",
    "create index grants_user on grants (tenant_id, user_id, starts_s, id)",
    "create index grants_live on grants (tenant_id, exp_s) where revoked_ms is null",
    "create index grants_user_live on grants (tenant_id, user_id, exp_s) where revoked_ms is null",
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
