//! Counters of the tenant's own row.

use crate::error::StoreError;
use crate::rows::tenants::{ActiveModel, Column, Entity, Model};
use crate::scoped::{Reader, Scoped};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};

type Result<T> = std::result::Result<T, StoreError>;

impl Reader<'_> {
    /// The tenant's own row, if it exists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn this_tenant(&self) -> Result<Option<Model>> {
        Ok(Entity::find_by_id(self.tenant.as_str()).one(&self.db.executor()).await?)
    }
}

impl Scoped<'_> {
    /// Makes the tenant itself.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when there is one of that slug.
    pub async fn create_tenant(&self, name: &str, now_ms: i64) -> Result<()> {
        let row = ActiveModel {
            id: Set(self.tenant().as_str().to_owned()),
            name: Set(name.to_owned()),
            created_ms: Set(now_ms),
            revocation_seq: Set(0),
            policy_version: Set(0),
            draft: Set(0),
            published_draft: Set(0),
        };
        Entity::insert(row).exec_without_returning(&self.executor()).await?;
        Ok(())
    }

    /// Raises the revocation sequence and returns the new one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_revocation_seq(&self) -> Result<i64> {
        self.raise(Column::RevocationSeq).await?;
        Ok(self.this_tenant().await?.map_or(0, |tenant| tenant.revocation_seq))
    }

    /// Notes that configuration changed, so that the draft differs from what is live.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_draft(&self) -> Result<()> {
        self.raise(Column::Draft).await
    }

    /// Notes that this policy version is live, and which draft it was compiled from, if it came from one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_live_policy(&self, version: i64, draft: Option<i64>) -> Result<()> {
        let mut update = Entity::update_many().col_expr(Column::PolicyVersion, Expr::value(version));
        if let Some(draft) = draft {
            update = update.col_expr(Column::PublishedDraft, Expr::value(draft));
        }
        update.filter(Column::Id.eq(self.tenant().as_str())).exec(&self.executor()).await?;
        Ok(())
    }

    async fn raise(&self, column: Column) -> Result<()> {
        Entity::update_many()
            .col_expr(column, Expr::col(column).add(1))
            .filter(Column::Id.eq(self.tenant().as_str()))
            .exec(&self.executor())
            .await?;
        Ok(())
    }
}
