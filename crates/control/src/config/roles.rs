//! Roles: importing the role file, and editing one at a time without losing anybody's change.

use super::history;
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::{Risk, role_file, valid_name, valid_scope};
use serde_json::json;
use std::collections::BTreeSet;
use store::{GroupRole, Json, Reader, Role, Scope, User};

/// A role with what hangs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleView {
    /// The role.
    pub role: Role,
    /// Groups whose members hold it.
    pub groups: Vec<String>,
    /// People who hold it, as far as their groups at the last sign-in tell: id and name.
    pub people: Vec<(String, String)>,
}

/// All roles.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn roles(control: &Control, cx: &Ctx) -> Result<Vec<RoleView>> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let (mappings, users) = (db.all::<GroupRole>().await?, db.all::<User>().await?);
    Ok(db.all::<Role>().await?.into_iter().map(|role| view(role, &mappings, &users)).collect())
}

/// One role.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn role(control: &Control, cx: &Ctx, name: &str) -> Result<RoleView> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let role = db.get::<Role>(name).await?.ok_or(Error::NotFound)?;
    Ok(view(role, &db.all().await?, &db.all().await?))
}

/// Two edits of one role that began at the same version.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleConflict {
    /// What both began with; what is there now where the log no longer says.
    pub base: BTreeSet<String>,
    /// The role as the other person left it.
    pub theirs: Role,
    /// Who that was, by name.
    pub by: String,
}

/// What happened to a role since `version`.
///
/// # Errors
/// [`Error::NotFound`] when the role is gone.
pub async fn role_conflict(control: &Control, cx: &Ctx, name: &str, version: i64) -> Result<RoleConflict> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let theirs = db.get::<Role>(name).await?.ok_or(Error::NotFound)?;
    let base = history::role_at(&db, name, version).await?.unwrap_or_else(|| theirs.scopes.0.clone());
    let by = history::newest(&db, "role.", name).await?.map_or_else(|| theirs.updated_by.clone(), |edit| edit.by);
    Ok(RoleConflict { base, theirs, by })
}

fn view(role: Role, mappings: &[GroupRole], users: &[User]) -> RoleView {
    let groups: Vec<String> = mappings.iter().filter(|row| row.role == role.id).map(|row| row.group_name.clone()).collect();
    let people = users
        .iter()
        .filter(|user| user.groups.iter().any(|group| groups.contains(group)))
        .map(|user| (user.id.clone(), user.name.clone()))
        .collect();
    RoleView { role, groups, people }
}

/// What importing a role file would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPreview {
    /// Roles that change: name, scopes gained, scopes lost, and whether the role is new.
    pub changes: Vec<(String, Vec<String>, Vec<String>, bool)>,
    /// Roles of the file that stay as they are.
    pub unchanged: usize,
    /// Scopes that are not defined yet, with the risk that they would get until somebody judges them.
    pub new_scopes: Vec<(String, Risk)>,
    /// Digest of the state that this was compared with, to hand to [`ImportRoleFile`].
    pub digest: String,
}

/// What importing this file would do; nothing is changed.
///
/// # Errors
/// [`Error::Invalid`] on `yaml` with line and reason when the file is malformed.
pub async fn preview(control: &Control, cx: &Ctx, yaml: &str) -> Result<ImportPreview> {
    cx.needs(Permission::WriteConfig)?;
    let db = control.read(cx);
    let file = parse(yaml)?;
    let mut preview = ImportPreview { changes: Vec::new(), unchanged: 0, new_scopes: Vec::new(), digest: state(&db, &file).await? };
    for (name, scopes) in &file {
        let old = db.get::<Role>(name).await?;
        let before = old.as_ref().map(|role| role.scopes.0.clone()).unwrap_or_default();
        if old.is_some() && before == *scopes {
            preview.unchanged += 1;
            continue;
        }
        let (gained, lost) = (scopes.difference(&before).cloned().collect(), before.difference(scopes).cloned().collect());
        preview.changes.push((name.clone(), gained, lost, old.is_none()));
    }
    let named: BTreeSet<&String> = file.values().flatten().collect();
    for scope in named {
        if db.get::<Scope>(scope).await?.is_none() {
            preview.new_scopes.push((scope.clone(), guess(scope)));
        }
    }
    Ok(preview)
}

/// What an import of this file depends on: the roles that it names as they are, and which of its scopes exist.
async fn state(db: &Reader<'_>, file: &role_file::Roles) -> Result<String> {
    let mut facts = Vec::new();
    for name in file.keys() {
        facts.push(json!([name, db.get::<Role>(name).await?.map(|role| (role.version, role.scopes.0))]));
    }
    let named: BTreeSet<&String> = file.values().flatten().collect();
    for scope in named {
        facts.push(json!([scope, db.get::<Scope>(scope).await?.is_some()]));
    }
    Ok(sha256_hex(json!(facts).to_string()))
}

fn parse(yaml: &str) -> Result<role_file::Roles> {
    let file = role_file::parse(yaml).map_err(|malformed| Error::invalid("yaml", malformed.to_string()))?;
    match RESERVED.into_iter().find(|name| file.contains_key(*name)) {
        Some(name) => Err(Error::invalid("yaml", format!("the role name `{name}` is taken by the console itself"))),
        None => Ok(file),
    }
}

/// The risk of a scope that nobody has judged: reading is taken for low, the verbs of change for high, the rest for moderate.
fn guess(scope: &str) -> Risk {
    let verb = scope.rsplit(['.', ':']).next().unwrap_or(scope);
    match verb {
        "read" | "list" | "query" | "get" => Risk::Low,
        "write" | "trigger" | "delete" | "create" | "admin" => Risk::High,
        _ => Risk::Moderate,
    }
}

/// Defines the scopes that are not yet.
async fn define(scene: &Scene<'_>, scopes: impl IntoIterator<Item = &String>) -> Result<Vec<String>> {
    let mut defined = Vec::new();
    for name in scopes {
        if scene.db.get::<Scope>(name).await?.is_some() {
            continue;
        }
        let risk = guess(name).as_str().to_owned();
        scene
            .db
            .insert(Scope { id: name.clone(), sentence: format!("Use {name}"), risk, max_auth_age: None, acr: None, version: 1 })
            .await?;
        defined.push(name.clone());
    }
    Ok(defined)
}

/// Imports a role file, whole or not at all. Roles that are not in the file stay.
pub struct ImportRoleFile {
    /// The file.
    pub yaml: String,
    /// [`ImportPreview::digest`] of the preview that was shown; `None` imports onto whatever is there.
    pub digest: Option<String>,
}

impl UseCase for ImportRoleFile {
    type Out = usize;
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<usize>> {
        let file = parse(&self.yaml)?;
        if let Some(shown) = &self.digest
            && *shown != state(&scene.db, &file).await?
        {
            return Err(Error::Changed("the roles were changed after the preview was shown".to_owned()));
        }
        let named: BTreeSet<&String> = file.values().flatten().collect();
        let defined = define(scene, named).await?;
        let mut events = Vec::new();
        for (name, scopes) in &file {
            let old = scene.db.get::<Role>(name).await?;
            if old.as_ref().is_some_and(|role| role.scopes.0 == *scopes) {
                continue;
            }
            events.push(put(scene, name, scopes.clone(), old.as_ref()).await?);
        }
        let changed = events.len();
        if changed > 0 || !defined.is_empty() {
            scene.db.touch_draft().await?;
        }
        let details = json!({ "roles": file.keys().collect::<Vec<_>>(), "changed": changed, "scopes_defined": defined });
        Ok(Done::many(changed, Event::new("role.import").details(details), events))
    }
}

/// Writes the role and says how it changed. The event holds the whole new state, so that what a role was at a version can be told later.
async fn put(scene: &Scene<'_>, name: &str, scopes: BTreeSet<String>, old: Option<&Role>) -> Result<Event> {
    // A role that is made anew begins above every version that one of the same name can have had.
    let floor = match old {
        Some(role) => role.version,
        None => scene.db.this_tenant().await?.map_or(0, |tenant| tenant.draft),
    };
    let before = old.map(|role| role.scopes.0.clone()).unwrap_or_default();
    let (gained, lost): (Vec<_>, Vec<_>) = (scopes.difference(&before).collect(), before.difference(&scopes).collect());
    let details = json!({ "version": floor + 1, "scopes": scopes, "gained": gained, "lost": lost });
    let event = Event::new(if old.is_some() { "role.edit" } else { "role.create" }).on(name).details(details);
    let row = Role {
        id: name.to_owned(),
        scopes: Json(scopes),
        version: floor + 1,
        updated_ms: scene.cx.now_ms,
        updated_by: scene.cx.actor.id().to_owned(),
    };
    scene.db.put(row).await?;
    Ok(event)
}

/// Paths of the console that a role's page would hide behind.
const RESERVED: [&str; 2] = ["import", "new"];

fn checked(scopes: &BTreeSet<String>) -> Result<()> {
    for scope in scopes {
        valid_scope(scope).map_err(|error| Error::invalid("more_scopes", format!("{scope}: {error}")))?;
    }
    Ok(())
}

/// Makes a role.
pub struct CreateRole {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub scopes: BTreeSet<String>,
}

impl UseCase for CreateRole {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        valid_name(&self.name).map_err(|error| Error::invalid("name", error.to_string()))?;
        if RESERVED.contains(&self.name.as_str()) {
            return Err(Error::invalid("name", "this name is taken by the console itself"));
        }
        checked(&self.scopes)?;
        if scene.db.get::<Role>(&self.name).await?.is_some() {
            return Err(Error::invalid("name", "there is a role of that name"));
        }
        define(scene, &self.scopes).await?;
        let event = put(scene, &self.name, self.scopes.clone(), None).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), event))
    }
}

/// Changes what a role gives.
pub struct EditRole {
    /// Which.
    pub name: String,
    /// What it gives from now on.
    pub scopes: BTreeSet<String>,
    /// The version that the editor saw.
    pub version: i64,
}

impl UseCase for EditRole {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        checked(&self.scopes)?;
        let old = scene.db.get::<Role>(&self.name).await?.ok_or(Error::NotFound)?;
        if old.version != self.version {
            return Err(Error::Changed(format!("the role {} was changed by somebody else", self.name)));
        }
        define(scene, &self.scopes).await?;
        let event = put(scene, &self.name, self.scopes.clone(), Some(&old)).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), event))
    }
}

/// Removes a role and the mappings to it.
pub struct DeleteRole {
    /// Which.
    pub name: String,
    /// The version that was seen.
    pub version: i64,
}

impl UseCase for DeleteRole {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let old = scene.db.get::<Role>(&self.name).await?.ok_or(Error::NotFound)?;
        if old.version != self.version {
            return Err(Error::Changed(format!("the role {} was changed by somebody else", self.name)));
        }
        let mut groups = Vec::new();
        for mapping in scene.db.all::<GroupRole>().await?.into_iter().filter(|row| row.role == self.name) {
            scene.db.delete::<GroupRole>(&mapping.id).await?;
            groups.push(mapping.group_name);
        }
        scene.db.delete::<Role>(&self.name).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), Event::new("role.delete").on(&self.name).details(json!({ "scopes": old.scopes.0, "groups": groups }))))
    }
}
