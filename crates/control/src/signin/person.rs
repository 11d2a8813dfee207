//! Who signed in, and what they may do in Writ.

use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::governance;
use crate::permission::{AdminRole, Permission};
use crate::scene::{Done, Scene, UseCase};
use policy::Target;
use serde_json::json;
use std::collections::BTreeSet;
use store::{Json, User};

/// What the identity provider says of a person.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Issuer.
    pub issuer: String,
    /// Subject.
    pub subject: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the provider vouches for it.
    pub email_verified: bool,
    /// Display name.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
}

/// Notes a sign-in: the person's row, their groups of now, and a cut-off for older tokens when they have left a group.
pub struct RecordSignIn {
    /// As the provider says.
    pub profile: Profile,
}

impl UseCase for RecordSignIn {
    type Out = String;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let profile = &self.profile;
        let old = scene.db.user_by_subject(&profile.issuer, &profile.subject).await?;
        let id = old.as_ref().map_or_else(|| scene.id("usr"), |user| user.id.clone());
        if governance::is_blocked(&scene.db, &Target::User(id.clone())).await? {
            return Err(Error::refused("user_blocked", "An administrator has blocked you. Only they can lift this."));
        }
        if profile.groups.len() > MOST_GROUPS || profile.groups.iter().any(|group| group.len() > 255 || group.contains(char::is_control)) {
            return Err(Error::refused("groups_unusable", "The identity provider sent too many groups, or groups that cannot be names."));
        }
        let groups: BTreeSet<&String> = profile.groups.iter().collect();
        let left: Vec<String> = old.iter().flat_map(|user| user.groups.0.clone()).filter(|group| !groups.contains(group)).collect();
        let row = User {
            id: id.clone(),
            issuer: profile.issuer.clone(),
            subject: profile.subject.clone(),
            email: profile.email.clone(),
            email_verified: i64::from(profile.email_verified),
            name: one_line(&profile.name),
            groups: Json(profile.groups.clone()),
            groups_ms: scene.cx.now_ms,
            signed_in_ms: scene.cx.now_ms,
            created_ms: old.as_ref().map_or(scene.cx.now_ms, |user| user.created_ms),
        };
        scene.db.put(row).await?;
        let event = Event::new("user.sign_in")
            .by("user", &id)
            .on(&id)
            .details(json!({ "issuer": profile.issuer, "groups": profile.groups, "left": left }));
        if left.is_empty() {
            return Ok(Done::new(id, event));
        }
        let cut_off = governance::cut_off_subjects(scene, [id.as_str()], &format!("left {}", left.join(", "))).await?;
        Ok(Done::many(id, event, cut_off).wake())
    }
}

/// More groups than any person has, and less than would hurt.
const MOST_GROUPS: usize = 2_000;

/// A name from outside, as one line of bounded length.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}

/// Notes that a sign-in failed.
pub struct NoteSignInFailed {
    /// Stable code.
    pub code: String,
}

impl UseCase for NoteSignInFailed {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, _: &Scene<'_>) -> Result<Done<()>> {
        Ok(Done::new((), Event::new("user.sign_in_failed").denied().details(json!({ "reason": self.code }))))
    }
}

/// The person as an actor, with the admin roles that they hold now; `None` when they are gone.
///
/// # Errors
/// When the database fails.
pub async fn actor(control: &Control, cx: &Ctx, user: &str) -> Result<Option<(Actor, User)>> {
    let db = control.read(cx);
    let Some(user) = db.get::<User>(user).await? else { return Ok(None) };
    let bindings = db.admin_bindings_of(&user.issuer, &user.subject, &user.groups).await?;
    let mut roles: Vec<AdminRole> = bindings.iter().filter_map(|row| AdminRole::parse(&row.role)).collect();
    roles.sort();
    roles.dedup();
    Ok(Some((Actor::Person { user: user.id.clone(), name: user.name.clone(), roles }, user)))
}
