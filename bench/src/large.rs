//! A tenant that has been in use for years, written into the demo's database: what its pages are measured over.

use crate::world::World;
use anyhow::{Context as _, Result};
use sea_orm_migration::sea_orm::{ConnectionTrait as _, Database};

/// Rows of the audit log.
pub const EVENTS: u64 = 1_000_000;
/// Grants, one in a hundred of them in force.
pub const GRANTS: u64 = 100_000;
/// People.
pub const PEOPLE: u64 = 10_000;
/// So many rows a transaction, so that the control plane gets its turn.
const CHUNK: u64 = 50_000;

/// Numbers `n` from one on up to another.
fn numbers(from: u64, to: u64) -> String {
    format!("with recursive numbers(n) as (select {from} union all select n + 1 from numbers where n < {})", to - 1)
}

/// Writes it. The events are those that the tenant has already, again and again, a minute apart, of ever other people; their positions lie before the
/// log's own, which stays as it is.
pub async fn fill(world: &World) -> Result<()> {
    let file = world.places.data.join("writ/writ.db");
    let db = Database::connect(format!("sqlite://{}?mode=rw", file.display())).await.context("opening the demo's database")?;
    let tenant = &world.places.tenant;
    let people = numbers(0, PEOPLE);
    db.execute_unprepared(&format!(
        "{people} insert into users (tenant_id, id, issuer, subject, email, email_verified, name, groups, groups_ms, signed_in_ms, created_ms)
         select u.tenant_id, 'usr_p' || n, u.issuer, 'subject-' || n, 'person-' || n || '@acme.example', 1, 'Person ' || n, u.groups,
                u.groups_ms - n * 1000, u.signed_in_ms - n * 1000, u.created_ms - n * 1000
         from numbers, (select * from users where tenant_id = '{tenant}' order by id limit 1) u"
    ))
    .await
    .context("writing people")?;
    db.execute_unprepared(&format!(
        "create temp table templates as
         select row_number() over (order by id) - 1 as k, * from (select * from audit_events where tenant_id = '{tenant}' order by at_ms limit 200)"
    ))
    .await?;
    for from in (0..EVENTS).step_by(usize::try_from(CHUNK)?) {
        let numbers = numbers(from, from + CHUNK);
        db.execute_unprepared(&format!(
            "{numbers} insert into audit_events
                 (tenant_id, id, at_ms, position, action, actor_kind, actor_id, client_id, agent_id, object, outcome, story, salt, body)
             select t.tenant_id, printf('aud_p%08d', n), t.at_ms - n * 60000, -1 - n, t.action, t.actor_kind,
                    case t.actor_kind when 'user' then 'usr_p' || (n * 7919 % {PEOPLE}) else t.actor_id end,
                    t.client_id, t.agent_id, t.object, t.outcome, case when n % 7 = 0 then 'req_p' || (n * 31 % {GRANTS}) else t.story end, t.salt, t.body
             from numbers join templates t on t.k = n * 104729 % (select count(*) from templates)"
        ))
        .await
        .context("writing audit events")?;
    }
    for from in (0..GRANTS).step_by(usize::try_from(CHUNK)?) {
        let numbers = numbers(from, from + CHUNK);
        let (client, resource) = (&world.client, &world.resource);
        db.execute_unprepared(&format!(
            "{numbers} insert into requests
                 (tenant_id, id, user_id, client_id, server_id, resource, scopes, duration_s, reason, state, created_ms, expires_ms, decided_ms, grant_id)
             select '{tenant}', 'req_p' || n, 'usr_p' || (n * 7919 % {PEOPLE}), '{client}', (select id from servers where tenant_id = '{tenant}' limit 1),
                    '{resource}', '[\"incidents.trigger\"]', 3600, 'Incident ' || n, 'approved', now_s * 1000 - n * 60000, now_s * 1000 - n * 60000 + 86400000,
                    now_s * 1000 - n * 60000 + 1000, 'grt_p' || n
             from numbers, (select cast(strftime('%s', 'now') as integer) as now_s)"
        ))
        .await
        .context("writing requests")?;
        db.execute_unprepared(&format!(
            "{numbers} insert into grants
                 (tenant_id, id, request_id, user_id, client_id, resource, scopes, starts_s, exp_s, revoked_ms, first_used_ms)
             select '{tenant}', 'grt_p' || n, 'req_p' || n, 'usr_p' || (n * 7919 % {PEOPLE}), '{client}', '{resource}', '[\"incidents.trigger\"]',
                    now_s - n * 60, case n % 100 when 0 then now_s + 3600 else now_s - n * 60 + 3600 end, null, null
             from numbers, (select cast(strftime('%s', 'now') as integer) as now_s)"
        ))
        .await
        .context("writing grants")?;
    }
    Ok(db.close().await?)
}
