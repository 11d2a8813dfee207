//! The audit log: appending, sequencing and filtering.

use crate::error::StoreError;
use crate::queries::page::Page;
use crate::rows::{AuditEvent, AuditLeaf, AuditTile, Checkpoint, audit_events, audit_leaves, audit_tiles, checkpoints};
use crate::scoped::{Reader, Row, Scoped};
use sea_orm::sea_query::{Expr, IntoValueTuple, Query, TableRef};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DbErr, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};

type Result<T> = std::result::Result<T, StoreError>;

/// How many events are given their places with one statement.
const PLACED_TOGETHER: usize = 250;

/// Which events are wanted. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this time (Unix ms), inclusive.
    pub from_ms: Option<i64>,
    /// Until this time (Unix ms), exclusive.
    pub until_ms: Option<i64>,
    /// Who.
    pub actor: Option<String>,
    /// Through what client.
    pub client: Option<String>,
    /// With which agent.
    pub agent: Option<String>,
    /// What, or the start of it: `grant.` matches `grant.revoke`.
    pub action: Option<String>,
    /// To what. A grant or request finds its whole story.
    pub object: Option<String>,
    /// `ok` or `denied`.
    pub outcome: Option<String>,
    /// Text that the event's body contains, letter for letter.
    pub text: Option<String>,
}

/// An event that has no place in the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsequenced {
    /// Its id.
    pub id: String,
    /// What its leaf is salted with, in hex.
    pub salt: String,
    /// What happened.
    pub body: String,
}

impl AuditFilter {
    /// Whether it restricts nothing, so that every event matches.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl AuditFilter {
    fn condition(&self) -> Condition {
        use audit_events::Column as C;
        let object =
            self.object.as_ref().map(|object| Condition::any().add(C::Object.eq(object.as_str())).add(C::Story.eq(object.as_str())));
        let action = self.action.as_ref().map(|action| C::Action.starts_with(action.as_str()));
        self.rest().add_option(object).add_option(action)
    }

    /// Each way to match, of these actions that there are: a question of its own, which an index answers in the order of the list. The newest of all
    /// answers are the newest that match.
    fn ways(&self, actions: &[String]) -> Vec<Condition> {
        use audit_events::Column as C;
        let objects = match &self.object {
            Some(object) => vec![Some(C::Object.eq(object.as_str())), Some(C::Story.eq(object.as_str()))],
            None => vec![None],
        };
        let named: Vec<_> = match &self.action {
            Some(begins) => {
                actions.iter().filter(|action| action.starts_with(begins)).map(|action| Some(C::Action.eq(action.as_str()))).collect()
            }
            None => vec![None],
        };
        let pairs = objects.iter().flat_map(|object| named.iter().map(move |action| (object, action)));
        pairs.map(|(object, action)| self.rest().add_option(object.clone()).add_option(action.clone())).collect()
    }

    /// All but the object and the action.
    fn rest(&self) -> Condition {
        use audit_events::Column as C;
        let is = |column: C, value: &Option<String>| value.as_ref().map(|value| column.eq(value.as_str()));
        // In words that an index names, too: denials are few.
        let outcome = self.outcome.as_deref().map(|outcome| match outcome {
            "denied" => Expr::cust("outcome = 'denied'"),
            other => C::Outcome.eq(other),
        });
        Condition::all()
            .add_option(self.from_ms.map(|from| C::AtMs.gte(from)))
            .add_option(self.until_ms.map(|until| C::AtMs.lt(until)))
            .add_option(is(C::ActorId, &self.actor))
            .add_option(is(C::ClientId, &self.client))
            .add_option(is(C::AgentId, &self.agent))
            .add_option(outcome)
            .add_option(self.text.as_ref().map(|text| C::Body.contains(text.as_str())))
    }
}

impl Reader<'_> {
    /// The events that match, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditEvent>> {
        let actions = if filter.action.is_some() { self.audit_actions().await? } else { Vec::new() };
        let mut found: Vec<AuditEvent> = Vec::new();
        for way in filter.ways(&actions) {
            found.extend(self.newest::<AuditEvent>(way, audit_events::Column::AtMs, page).await?);
        }
        found.sort_by(|a, b| (b.at_ms, &b.id).cmp(&(a.at_ms, &a.id)));
        found.dedup_by(|a, b| a.id == b.id);
        found.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// Every action that ever happened: from one to the next by the index, however often each did.
    async fn audit_actions(&self) -> Result<Vec<String>> {
        let executor = self.db.executor();
        let backend = executor.get_database_backend();
        let first = "select min(action) from audit_events where tenant_id = ";
        let (tenant, again) = match backend {
            DatabaseBackend::Postgres => ("$1", "$1"),
            _ => ("?1", "?1"),
        };
        let sql = format!(
            "with recursive actions(name) as ({first}{tenant} union all
                 select ({first}{again} and action > actions.name) from actions where actions.name is not null)
             select name from actions where name is not null"
        );
        let statement = Statement::from_sql_and_values(backend, sql, [self.tenant().as_str().into()]);
        let rows = executor.query_all_raw(statement).await?;
        rows.into_iter().map(|row| row.try_get_by_index(0).map_err(StoreError::from)).collect()
    }

    /// The sequenced events that match, by position, after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_in_order(&self, filter: &AuditFilter, after: Option<i64>, below: i64, limit: u64) -> Result<Vec<AuditEvent>> {
        use audit_events::Column as C;
        let range = Condition::all().add(C::Position.gt(after.unwrap_or(-1))).add(C::Position.lt(below));
        let query = self.find::<AuditEvent>().filter(filter.condition().add(range)).order_by_asc(C::Position).limit(limit);
        Ok(query.all(&self.db.executor()).await?.into_iter().map(AuditEvent::from_model).collect())
    }

    /// Events without a position yet, in (time, id) order: what their leaves are made of.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_unsequenced(&self, limit: u64) -> Result<Vec<Unsequenced>> {
        use audit_events::Column as C;
        let waiting = self.find::<AuditEvent>().filter(C::Position.is_null()).order_by_asc(C::AtMs).order_by_asc(C::Id).limit(limit);
        let waiting = waiting.select_only().columns([C::Id, C::Salt, C::Body]);
        Ok(waiting
            .into_tuple()
            .all(&self.db.executor())
            .await?
            .into_iter()
            .map(|(id, salt, body)| Unsequenced { id, salt, body })
            .collect())
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let query = self.find::<Checkpoint>().order_by_desc(checkpoints::Column::Size);
        Ok(query.one(&self.db.executor()).await?.map(Checkpoint::from_model))
    }

    /// The leaf hashes of positions `from..until`, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_leaves(&self, from: i64, until: i64) -> Result<Vec<AuditLeaf>> {
        use audit_leaves::Column as C;
        let query = self.find::<AuditLeaf>().filter(C::Position.gte(from)).filter(C::Position.lt(until)).order_by_asc(C::Position);
        Ok(query.all(&self.db.executor()).await?.into_iter().map(AuditLeaf::from_model).collect())
    }
}

impl Reader<'_> {
    /// The roots of the first `count` tiles, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_tiles(&self, count: i64) -> Result<Vec<AuditTile>> {
        use audit_tiles::Column as C;
        let query = self.find::<AuditTile>().filter(C::Position.lt(count)).order_by_asc(C::Position);
        Ok(query.all(&self.db.executor()).await?.into_iter().map(AuditTile::from_model).collect())
    }
}

impl Scoped<'_> {
    /// Gives events their places, many with one statement: one each made placing them a fifth of all that SQLite's writer did.
    ///
    /// # Errors
    /// When the database fails, or one of the events is not there: a leaf without its event would be a finding.
    pub async fn set_positions(&self, places: &[(String, i64)]) -> Result<()> {
        use audit_events::Column as C;
        for some in places.chunks(PLACED_TOGETHER) {
            let places = some.iter().map(|(event, position)| (event.as_str(), *position).into_value_tuple()).collect();
            // Both databases name the columns of such a list so.
            let of = |column: &'static str| Expr::col(("places", column));
            let update = Query::update()
                .table(audit_events::Entity)
                .from(TableRef::ValuesList(places, "places".into()))
                .value(C::Position, of("column2"))
                .and_where(C::TenantId.eq(self.tenant().as_str()))
                .and_where(Expr::col((audit_events::Entity, C::Id)).eq(of("column1")))
                .to_owned();
            let placed = self.executor().execute(&update).await?.rows_affected();
            if placed != some.len() as u64 {
                return Err(StoreError::Database(DbErr::RecordNotUpdated));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use migrations::{Migrator, MigratorTrait};
    use sea_orm::{ConnectOptions, Database, EntityTrait as _, QueryTrait};

    /// What people look for is found by an index that has it in the list's order: nothing is sorted, and nothing else is read.
    #[tokio::test]
    async fn no_search_walks_through_time() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let db = Database::connect(options).await.expect("connects");
        Migrator::up(&db, None).await.expect("migrates");
        let actions = ["grant.create", "grant.revoke", "key.rotate"].map(str::to_owned);
        let all = AuditFilter::default;
        let text = |text: &str| Some(text.to_owned());
        for (filter, ways, index) in [
            (all(), 1, "audit_events_time (tenant_id=?)"),
            (AuditFilter { actor: text("usr_1"), ..all() }, 1, "audit_events_actor (tenant_id=? AND actor_id=?)"),
            (AuditFilter { client: text("cli_1"), ..all() }, 1, "audit_events_client (tenant_id=? AND client_id=?)"),
            (AuditFilter { agent: text("agt_1"), ..all() }, 1, "audit_events_agent (tenant_id=? AND agent_id=?)"),
            (AuditFilter { action: text("grant."), ..all() }, 2, "audit_events_action (tenant_id=? AND action=?)"),
            (AuditFilter { action: text("nothing."), ..all() }, 0, ""),
            (AuditFilter { outcome: text("denied"), ..all() }, 1, "audit_events_denied (tenant_id=?)"),
            (AuditFilter { object: text("grt_1"), ..all() }, 2, "(tenant_id=? AND "),
            (AuditFilter { object: text("grt_1"), action: text("grant."), ..all() }, 4, "(tenant_id=? AND "),
        ] {
            let found = filter.ways(&actions);
            assert_eq!(found.len(), ways, "{filter:?}");
            for way in found {
                use audit_events::Column as C;
                let tenant = C::TenantId.eq("acme");
                let list = audit_events::Entity::find().filter(tenant).filter(way).order_by_desc(C::AtMs).order_by_desc(C::Id).limit(51);
                let query = list.build(DatabaseBackend::Sqlite);
                let explain = Statement { sql: format!("explain query plan {}", query.sql), ..query };
                let rows = db.query_all_raw(explain).await.expect("a plan");
                let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").expect("text")).collect();
                assert!(plan.len() == 1 && plan[0].contains(index), "{filter:?}: {plan:?}");
            }
        }
    }
}
