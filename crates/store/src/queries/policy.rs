//! Roles, servers, tools, classes.

use crate::error::StoreError;
use crate::rows::{group_roles, servers, tools, GroupRole, Server, Tool};
use crate::scoped::Reader;
use sea_orm::ColumnTrait;

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

    /// The roles that these groups give.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roles_of_groups(&self, groups: &[String]) -> Result<Vec<String>> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let mapped: Vec<GroupRole> = self.list(group_roles::Column::GroupName.is_in(groups.iter().map(String::as_str))).await?;
        let mut roles: Vec<String> = mapped.into_iter().map(|row| row.role).collect();
        roles.sort();
        roles.dedup();
        Ok(roles)
    }
}
