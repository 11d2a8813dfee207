//! The audit log: appending, sequencing and filtering.

use crate::error::StoreError;
use crate::queries::page::Page;
use crate::rows::{AuditEvent, AuditLeaf, AuditTile, Checkpoint, audit_events, audit_leaves, audit_tiles, checkpoints};
use crate::scoped::{Reader, Row, Scoped};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

type Result<T> = std::result::Result<T, StoreError>;

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

impl AuditFilter {
    /// Whether it restricts nothing, so that every event matches.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl AuditFilter {
    fn condition(&self) -> Condition {
        use audit_events::Column as C;
        let is = |column: C, value: &Option<String>| value.as_ref().map(|value| column.eq(value.as_str()));
        Condition::all()
            .add_option(self.from_ms.map(|from| C::AtMs.gte(from)))
            .add_option(self.until_ms.map(|until| C::AtMs.lt(until)))
            .add_option(is(C::ActorId, &self.actor))
            .add_option(is(C::ClientId, &self.client))
            .add_option(is(C::AgentId, &self.agent))
            .add_option(is(C::Outcome, &self.outcome))
            .add_option(self.action.as_ref().map(|action| C::Action.starts_with(action.as_str())))
            .add_option(self.text.as_ref().map(|text| C::Body.contains(text.as_str())))
            .add_option(
                self.object.as_ref().map(|object| Condition::any().add(C::Object.eq(object.as_str())).add(C::Story.eq(object.as_str()))),
            )
    }
}

impl Reader<'_> {
    /// The events that match, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditEvent>> {
        self.newest(filter.condition(), audit_events::Column::AtMs, page).await
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

    /// Events without a position yet, in (time, id) order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_unsequenced(&self, limit: u64) -> Result<Vec<AuditEvent>> {
        use audit_events::Column as C;
        let query = self.find::<AuditEvent>().filter(C::Position.is_null()).order_by_asc(C::AtMs).order_by_asc(C::Id).limit(limit);
        Ok(query.all(&self.db.executor()).await?.into_iter().map(AuditEvent::from_model).collect())
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
    /// Gives an event its place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_position(&self, event: &str, position: i64) -> Result<()> {
        use audit_events::Column as C;
        audit_events::Entity::update_many()
            .col_expr(C::Position, Expr::value(position))
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .filter(Expr::col(C::Id).eq(event))
            .exec(&self.executor())
            .await?;
        Ok(())
    }
}
