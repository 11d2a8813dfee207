//! People as their identity provider shows them, and Writ's own admin roles.

use super::history;
use super::reach::Reach;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::{AdminRole, Permission};
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use std::collections::BTreeSet;
use store::{AdminBinding, User};

/// A person with what follows from their groups.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonView {
    /// The person.
    pub user: User,
    /// The roles that their groups give.
    pub roles: Vec<String>,
    /// The admin roles that they hold, by themselves or by a group.
    pub admin_roles: Vec<AdminRole>,
}

fn view(user: User, reach: &Reach, bindings: &[AdminBinding]) -> PersonView {
    let theirs = bindings.iter().filter(|row| {
        let holds = if row.kind == "subject" { row.value == user.subject } else { user.groups.contains(&row.value) };
        holds && row.issuer == user.issuer
    });
    let admin_roles: BTreeSet<AdminRole> = theirs.filter_map(|row| AdminRole::parse(&row.role)).collect();
    PersonView { roles: reach.roles_of(&user.groups).into_iter().collect(), admin_roles: admin_roles.into_iter().collect(), user }
}

/// Those who have signed in and whose name or address contains `text`, by name: `limit` of them from the `skip`-th on, and how many there are.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadPeople`].
pub async fn people(control: &Control, cx: &Ctx, text: &str, skip: usize, limit: usize) -> Result<(Vec<PersonView>, usize)> {
    cx.needs(Permission::ReadPeople)?;
    let db = control.read(cx);
    let mut found: Vec<(String, String)> =
        db.user_names().await?.into_iter().filter(|user| user.contains(text)).map(|user| (user.name.to_lowercase(), user.id)).collect();
    found.sort();
    let total = found.len();
    let ids: Vec<String> = found.into_iter().skip(skip).take(limit).map(|(_, id)| id).collect();
    let (reach, bindings) = (Reach::without_people(&db).await?, db.all::<AdminBinding>().await?);
    let mut users = db.many::<User>(ids.iter().cloned()).await?;
    let people = ids.iter().filter_map(|id| users.remove(id)).map(|user| view(user, &reach, &bindings)).collect();
    Ok((people, total))
}

/// One person.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn person(control: &Control, cx: &Ctx, id: &str) -> Result<PersonView> {
    cx.needs(Permission::ReadPeople)?;
    let db = control.read(cx);
    let user = db.get::<User>(id).await?.ok_or(Error::NotFound)?;
    let bindings = db.admin_bindings_of(&user.issuer, &user.subject, &user.groups).await?;
    Ok(view(user, &Reach::without_people(&db).await?, &bindings))
}

/// Who holds one of Writ's own admin roles, and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminView {
    /// The binding.
    pub binding: AdminBinding,
    /// The role.
    pub role: AdminRole,
    /// The person, where the holder is one who signed in before.
    pub person: Option<User>,
    /// Who gave it, by name.
    pub by: String,
}

/// All admin bindings, the most powerful first.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadAdmins`].
pub async fn admins(control: &Control, cx: &Ctx) -> Result<Vec<AdminView>> {
    cx.needs(Permission::ReadAdmins)?;
    let db = control.read(cx);
    let mut all = Vec::new();
    for binding in db.all::<AdminBinding>().await? {
        let Some(role) = AdminRole::parse(&binding.role) else { continue };
        let person = match binding.kind.as_str() {
            "subject" => db.user_by_subject(&binding.issuer, &binding.value).await?,
            _ => None,
        };
        let by = history::newest(&db, "admin.grant", &binding.id).await?.map_or_else(String::new, |edit| edit.by);
        all.push(AdminView { binding, role, person, by });
    }
    all.sort_by(|a, b| (a.role, &a.binding.value).cmp(&(b.role, &b.binding.value)));
    Ok(all)
}

/// Takes an admin role away. The last owner stays: without one only the host's shell could help.
pub struct RevokeAdmin {
    /// The binding, `adm_…`.
    pub binding: String,
}

impl UseCase for RevokeAdmin {
    type Out = ();
    const NEEDS: Permission = Permission::WriteAdmins;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let all = scene.db.all::<AdminBinding>().await?;
        let row = all.iter().find(|row| row.id == self.binding).ok_or(Error::NotFound)?;
        let owner = AdminRole::Owner.as_str();
        let users = scene.db.all::<User>().await?;
        // A group that nobody was ever seen with owns nothing.
        let reaches = |other: &&AdminBinding| {
            other.kind == "subject" || users.iter().any(|user| user.issuer == other.issuer && user.groups.contains(&other.value))
        };
        let others = all.iter().filter(|other| other.role == owner && other.id != row.id && other.issuer == row.issuer).find(reaches);
        if row.role == owner && others.is_none() {
            return Err(Error::refused("last_owner", "this is the last owner; give the role to somebody else first"));
        }
        scene.db.delete::<AdminBinding>(&row.id).await?;
        let details = json!({ "kind": row.kind, "value": row.value, "role": row.role });
        Ok(Done::new((), Event::new("admin.revoke").on(&row.id).details(details)))
    }
}
