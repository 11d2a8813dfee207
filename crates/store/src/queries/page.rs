//! Long tables are read in pages, newest first, each going on where the one before it ended.

use crate::error::StoreError;
use crate::scoped::{Reader, Row};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// Where to go on, and how many rows to take. Rows stand newest first, by (time, id).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The last row of the page before, as (time, id); none: from the newest.
    pub before: Option<(i64, String)>,
    /// How many at the most.
    pub limit: u64,
}

impl Page {
    /// The first page.
    pub const fn first(limit: u64) -> Self {
        Self { before: None, limit }
    }
}

impl Reader<'_> {
    pub(crate) async fn newest<R: Row>(
        &self,
        condition: Condition,
        time: <R::Entity as EntityTrait>::Column,
        page: &Page,
    ) -> Result<Vec<R>, StoreError> {
        let before = page
            .before
            .as_ref()
            .map(|(at, id)| Condition::any().add(time.lt(*at)).add(Condition::all().add(time.eq(*at)).add(R::id_column().lt(id.as_str()))));
        let query =
            self.find::<R>().filter(condition.add_option(before)).order_by_desc(time).order_by_desc(R::id_column()).limit(page.limit);
        Ok(query.all(&self.db.executor()).await?.into_iter().map(R::from_model).collect())
    }
}
