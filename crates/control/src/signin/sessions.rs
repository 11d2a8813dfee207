//! Sessions: found by the hash of the cookie, ended by idleness, by age, by signing out, or by whoever blocks the person.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, Upkeep, UseCase};
use store::Session;

/// A session that is not used ends after so many milliseconds.
pub const IDLE_MS: i64 = 8 * 3600 * 1000;
/// Every session ends after so many milliseconds.
pub const ABSOLUTE_MS: i64 = 12 * 3600 * 1000;
/// A session from the host's one-time link ends after so many milliseconds.
pub const HOST_MS: i64 = 3600 * 1000;

/// The session, if it still holds.
///
/// # Errors
/// When the database fails.
pub async fn load(control: &Control, cx: &Ctx, id: &str) -> Result<Option<Session>> {
    let found = control.read(cx).get::<Session>(id).await?;
    Ok(found.filter(|session| cx.now_ms < session.expires_ms && cx.now_ms - session.seen_ms < IDLE_MS))
}

/// Keeps a session.
pub struct SaveSession(pub Session);

impl Upkeep for SaveSession {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        scene.db.forget_ended_sessions(scene.cx.now_ms).await?;
        scene.db.put(self.0.clone()).await?;
        Ok(((), false))
    }
}

/// Notes that a session was used.
pub struct TouchSession(pub String);

impl Upkeep for TouchSession {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        if let Some(mut session) = scene.db.get::<Session>(&self.0).await? {
            session.seen_ms = scene.cx.now_ms;
            scene.db.update(session).await?;
        }
        Ok(((), false))
    }
}

/// Forgets a session that is replaced by a new one.
pub struct EndSession(pub String);

impl Upkeep for EndSession {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        scene.db.delete::<Session>(&self.0).await?;
        Ok(((), false))
    }
}

/// Signs out.
pub struct SignOut(pub String);

impl UseCase for SignOut {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        scene.db.delete::<Session>(&self.0).await?;
        Ok(Done::new((), Event::new("user.sign_out")))
    }
}
