//! Refresh token families.

use crate::error::StoreError;
use crate::rows::refresh_tokens;
use crate::scoped::Scoped;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

impl Scoped<'_> {
    /// Ends a whole family of refresh tokens.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_lineage(&self, lineage: &str) -> Result<u64, StoreError> {
        let done = refresh_tokens::Entity::delete_many()
            .filter(refresh_tokens::Column::TenantId.eq(self.tenant().as_str()))
            .filter(refresh_tokens::Column::Lineage.eq(lineage))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }
}
