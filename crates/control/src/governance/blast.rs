//! What stops when something is blocked, asked before it is.

use super::names::Names;
use super::revocations::{LONGEST_TOKEN_LIFE_S, subject};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use policy::Target;
use std::collections::BTreeSet;
use store::{Agent, Client, Gateway, Grant, GrantFilter, GrantIs, Reader, Role, Server, User};

/// What stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlastRadius {
    /// The name of what is blocked.
    pub name: String,
    /// People concerned, as far as their groups at the last sign-in tell.
    pub people: u64,
    /// Grants in force that stop counting.
    pub live_grants: u64,
    /// Connections that can no longer get tokens: refresh tokens not used or ended yet. For agents `None`: they have none.
    pub connections: Option<u64>,
    /// Gateways that will be told.
    pub gateways: u64,
    /// When the last access token that exists now ends, Unix seconds: until then a gateway that does not confirm may let it through.
    pub exposed_until_s: i64,
    /// Whether it is the one who asks.
    pub is_self: bool,
}

/// What would stop.
///
/// # Errors
/// [`Error::NotFound`] when there is no such thing; [`Error::Forbidden`] without [`Permission::Revoke`].
pub async fn blast_radius(control: &Control, cx: &Ctx, target: &Target) -> Result<BlastRadius> {
    cx.needs(Permission::Revoke)?;
    let db = control.read(cx);
    let filter = GrantFilter { state: Some(GrantIs::Active), now_s: cx.now_s(), ..GrantFilter::default() };
    let count = |user, client, resource| db.count_live_refresh_tokens(user, client, resource, cx.now_ms);
    let (name, grants, people, connections) = match target {
        Target::User(id) | Target::Subject(id) => {
            let user = db.get::<User>(id).await?.ok_or(Error::NotFound)?;
            let grants = db.all_grants(&GrantFilter { user: Some(id.clone()), ..filter }).await?;
            (user.name, grants, BTreeSet::from([user.id]), Some(count(Some(id), None, None).await?))
        }
        Target::Client(id) => {
            let client = db.get::<Client>(id).await?.ok_or(Error::NotFound)?;
            let grants = db.all_grants(&GrantFilter { client: Some(id.clone()), ..filter }).await?;
            let mut people = holders(&grants);
            people.extend(db.people_through(id, cx.now_ms).await?);
            (client.name, grants, people, Some(count(None, Some(id), None).await?))
        }
        Target::Agent(id) => {
            let agent = db.get::<Agent>(id).await?.ok_or(Error::NotFound)?;
            let grants = db.all_grants(&GrantFilter { agent: Some(id.clone()), ..filter }).await?;
            (agent.name, grants, agent.owners.0, None)
        }
        Target::Server(id) => {
            let server = match db.get::<Server>(id).await? {
                Some(server) => server,
                None => db.server_at(id).await?.ok_or(Error::NotFound)?,
            };
            let scopes: BTreeSet<String> = db.tools_of(&server.id).await?.into_iter().filter_map(|tool| tool.scope).collect();
            let grants = db.all_grants(&GrantFilter { resource: Some(server.resource.clone()), ..filter }).await?;
            let mut people = holders(&grants);
            people.extend(people_by_role(&db, |role| !role.scopes.is_disjoint(&scopes)).await?);
            (server.name, grants, people, Some(count(None, None, Some(&server.resource)).await?))
        }
        Target::RoleScope { role, scope } => {
            db.get::<Role>(role).await?.ok_or(Error::NotFound)?;
            let people = people_by_role(&db, |row| row.id == *role && row.scopes.contains(scope)).await?;
            (format!("{scope} by role {role}"), Vec::new(), people, None)
        }
        Target::Tenant => {
            let name = db.this_tenant().await?.map(|tenant| tenant.name).unwrap_or_default();
            let everybody = db.all::<User>().await?.into_iter().map(|user| user.id).collect();
            (name, db.all_grants(&filter).await?, everybody, Some(count(None, None, None).await?))
        }
        Target::Grant(id) => {
            let grant = db.get::<Grant>(id).await?.ok_or(Error::NotFound)?;
            let person = Names::new(&db).user(&grant.user_id).await?;
            (person.name, vec![grant], BTreeSet::from([person.id]), None)
        }
        Target::Token(_) | Target::Session(_) | Target::Lineage(_) => (subject(target, cx), Vec::new(), BTreeSet::new(), None),
    };
    Ok(BlastRadius {
        name,
        people: people.len() as u64,
        live_grants: grants.len() as u64,
        connections,
        gateways: db.all::<Gateway>().await?.len() as u64,
        exposed_until_s: cx.now_s() + LONGEST_TOKEN_LIFE_S,
        is_self: cx.person().is_ok_and(|person| matches!(target, Target::User(user) if user == person)),
    })
}

fn holders(grants: &[Grant]) -> BTreeSet<String> {
    grants.iter().map(|grant| grant.user_id.clone()).collect()
}

/// Those whose groups give a role of this kind.
async fn people_by_role(db: &Reader<'_>, wanted: impl Fn(&Role) -> bool) -> Result<BTreeSet<String>> {
    let roles: BTreeSet<String> = db.all::<Role>().await?.iter().filter(|role| wanted(role)).map(|role| role.id.clone()).collect();
    let mapped = db.all::<store::GroupRole>().await?;
    let groups: BTreeSet<&str> = mapped.iter().filter(|row| roles.contains(&row.role)).map(|row| row.group_name.as_str()).collect();
    let everybody = db.all::<User>().await?;
    let member = |user: &User| user.groups.iter().any(|group| groups.contains(group.as_str()));
    Ok(everybody.into_iter().filter(member).map(|user| user.id).collect())
}
