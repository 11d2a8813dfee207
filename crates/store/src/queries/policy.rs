//! Roles, servers, tools, classes.

use crate::error::StoreError;
use crate::rows::{Bundle, Consent, GroupRole, Server, Tool, bundles, consents, group_roles, servers, tools};
use crate::scoped::Reader;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, ExprTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, StoreError>;

impl Reader<'_> {
    /// The tools of one server, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tools_of(&self, server: &str) -> Result<Vec<Tool>> {
        self.list(tools::Column::ServerId.eq(server)).await
    }

    /// The server of that resource URI.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn server_at(&self, resource: &str) -> Result<Option<Server>> {
        self.one(servers::Column::Resource.eq(resource)).await
    }

    /// How many people allowed this client anything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people_who_consented(&self, client: &str) -> Result<u64> {
        use consents::Column as C;
        let query = self.find::<Consent>().filter(C::ClientId.eq(client)).select_only().column(C::UserId).distinct();
        let people: Vec<String> = query.into_tuple().all(&self.db.executor()).await?;
        Ok(people.len() as u64)
    }

    /// The size of each published policy in characters, by version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bundle_sizes(&self) -> Result<HashMap<i64, i64>> {
        use bundles::Column as C;
        let size = Expr::expr(Func::char_length(Expr::col(C::Policy)));
        let size = size.cast_as("bigint");
        let query = self.find::<Bundle>().select_only().column(C::Version).column_as(size, "size");
        let sizes: Vec<(i64, i64)> = query.into_tuple().all(&self.db.executor()).await?;
        Ok(sizes.into_iter().collect())
    }

    /// What these groups are mapped to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mapped_groups(&self, groups: &[String]) -> Result<Vec<GroupRole>> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        self.list(group_roles::Column::GroupName.is_in(groups.iter().map(String::as_str))).await
    }

    /// The roles that these groups give.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roles_of_groups(&self, groups: &[String]) -> Result<Vec<String>> {
        let mut roles: Vec<String> = self.mapped_groups(groups).await?.into_iter().map(|row| row.role).collect();
        roles.sort();
        roles.dedup();
        Ok(roles)
    }
}
