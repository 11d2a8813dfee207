//! Gateways and their receipts.

use crate::error::StoreError;
use crate::rows::{gateways, receipts, Gateway, Receipt};
use crate::scoped::Reader;
use sea_orm::ColumnTrait;

type Result<T> = std::result::Result<T, StoreError>;

impl Reader<'_> {
    /// The gateway of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_named(&self, name: &str) -> Result<Option<Gateway>> {
        self.one(gateways::Column::Name.eq(name)).await
    }

    /// Every receipt for this revocation sequence or a later one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn receipts_since(&self, seq: i64) -> Result<Vec<Receipt>> {
        self.list(receipts::Column::Seq.gte(seq)).await
    }
}
