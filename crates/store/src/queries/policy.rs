//! Roles, servers, tools, classes.

use crate::error::StoreError;
use crate::rows::{consents, group_roles, servers, tools, Consent, GroupRole, Server, Tool};
use crate::scoped::Reader;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};

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
