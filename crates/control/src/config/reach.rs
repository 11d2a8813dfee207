//! Whom a role, a scope or a group reaches, as far as people's groups at their last sign-in tell.

use crate::error::Result;
use policy::{Name, ScopeSet};
use std::collections::{BTreeMap, BTreeSet};
use store::{GroupRole, Reader, Role, User};

/// People, groups and roles, read once for a page that counts heads.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Everybody who signed in once, by id.
    pub people: Vec<User>,
    /// What groups give.
    pub mappings: Vec<GroupRole>,
    /// What roles give.
    pub roles: BTreeMap<String, BTreeSet<String>>,
}

impl Reach {
    /// Reads all three.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(db: &Reader<'_>) -> Result<Self> {
        Ok(Self { people: db.all().await?, ..Self::without_people(db).await? })
    }

    /// What groups and roles give, without anybody in them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn without_people(db: &Reader<'_>) -> Result<Self> {
        let roles = db.all::<Role>().await?.into_iter().map(|role| (role.id, role.scopes.0)).collect();
        Ok(Self { people: Vec::new(), mappings: db.all().await?, roles })
    }

    /// The roles that these groups give.
    pub fn roles_of(&self, groups: &[String]) -> BTreeSet<String> {
        self.mappings.iter().filter(|row| groups.contains(&row.group_name)).map(|row| row.role.clone()).collect()
    }

    /// The groups that give a role.
    pub fn groups_of(&self, role: &str) -> Vec<String> {
        let mut groups: Vec<String> = self.mappings.iter().filter(|row| row.role == role).map(|row| row.group_name.clone()).collect();
        groups.sort();
        groups
    }

    /// The roles that give a scope.
    pub fn roles_with(&self, scope: &str) -> Vec<String> {
        self.roles.iter().filter(|(_, scopes)| scopes.contains(scope)).map(|(role, _)| role.clone()).collect()
    }

    /// The scopes that these roles give together.
    pub fn scopes_of<'a>(&self, roles: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        roles.into_iter().filter_map(|role| self.roles.get(role)).flatten().cloned().collect()
    }

    /// Those who have a role.
    pub fn holders_of_role<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a User> {
        let groups: BTreeSet<&str> = self.mappings.iter().filter(|row| row.role == role).map(|row| row.group_name.as_str()).collect();
        self.people.iter().filter(move |user| user.groups.iter().any(|group| groups.contains(group.as_str())))
    }

    /// Those who hold a scope through a role. Grants are apart: they end by themselves.
    pub fn holders_of_scope<'a>(&'a self, scope: &str) -> impl Iterator<Item = &'a User> {
        self.holders_of_any(self.roles.iter().filter(|(_, scopes)| scopes.contains(scope)).map(|(role, _)| role.as_str()).collect())
    }

    /// The same where roles give what a policy says.
    pub fn holders_where<'a>(&'a self, roles: &BTreeMap<Name, ScopeSet>, scope: &str) -> impl Iterator<Item = &'a User> {
        self.holders_of_any(roles.iter().filter(|(_, scopes)| scopes.contains(scope)).map(|(role, _)| role.as_str()).collect())
    }

    fn holders_of_any<'a>(&'a self, roles: BTreeSet<&str>) -> impl Iterator<Item = &'a User> {
        let groups: BTreeSet<&str> =
            self.mappings.iter().filter(|row| roles.contains(row.role.as_str())).map(|row| row.group_name.as_str()).collect();
        self.people.iter().filter(move |user| user.groups.iter().any(|group| groups.contains(group.as_str())))
    }

    /// Those who were seen with a group.
    pub fn members_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a User> {
        self.people.iter().filter(move |user| user.groups.iter().any(|held| held == group))
    }

    /// Those in `group` who lose `role` when that mapping goes, since no other group of theirs gives it.
    pub fn losers<'a>(&'a self, group: &'a str, role: &'a str) -> impl Iterator<Item = &'a User> {
        self.members_of(group).filter(move |user| {
            let others = self.mappings.iter().filter(|row| row.role == role && row.group_name != group);
            !others.into_iter().any(|row| user.groups.contains(&row.group_name))
        })
    }

    /// Every group that the identity provider has named in a sign-in.
    pub fn seen_groups(&self) -> BTreeSet<String> {
        self.people.iter().flat_map(|user| user.groups.iter()).cloned().collect()
    }

    /// Groups that give a role, and that no sign-in has brought yet: somebody typed them.
    pub fn unseen_groups(&self) -> BTreeSet<String> {
        let seen = self.seen_groups();
        self.mappings.iter().map(|row| row.group_name.clone()).filter(|group| !seen.contains(group)).collect()
    }

    /// Both.
    pub fn known_groups(&self) -> BTreeSet<String> {
        self.seen_groups().union(&self.unseen_groups()).cloned().collect()
    }
}
