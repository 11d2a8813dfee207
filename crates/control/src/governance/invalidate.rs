//! Taking back what was issued: a person's tokens, a session, a connection, one token. None of it keeps anybody from signing in again.

use super::reason;
use super::revocations::{Entered, enter, note, sign_list, until};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::Target;
use serde_json::json;
use store::User;

/// Signs a person out everywhere: console sessions, refresh tokens, and every access token issued before now.
pub struct InvalidateSubject {
    /// `usr_…`.
    pub user: String,
    /// Why.
    pub reason: String,
}

impl UseCase for InvalidateSubject {
    type Out = Entered;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Entered>> {
        let reason = reason(&self.reason)?;
        let user = scene.db.get::<User>(&self.user).await?.ok_or(Error::NotFound)?;
        let sessions = scene.db.end_sessions_of(&user.id).await?;
        let refresh = scene.db.end_refresh_tokens_of(&user.id).await?;
        let target = Target::Subject(user.id.clone());
        let entered = enter(scene, &target, Some(until(scene.cx.now_s())), reason).await?;
        let details =
            json!({ "target": target, "seq": entered.seq, "reason": reason, "sessions_ended": sessions, "refresh_tokens_ended": refresh });
        let event = Event::new("revocation.subject").on(user.id).details(details);
        Ok(Done::new(entered, event).wake())
    }
}

/// Cuts off every access token of these people that was issued before now, inside another use case: when their groups turn out to have
/// changed, for one. The events are the caller's to add to its [`Done`], which it also has to [`Done::wake`].
///
/// # Errors
/// When signing or the database fails.
pub async fn cut_off_subjects(scene: &Scene<'_>, users: impl IntoIterator<Item = &str>, reason: &str) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for user in users {
        let target = Target::Subject(user.to_owned());
        let entered = note(scene, &target, Some(until(scene.cx.now_s())), reason).await?;
        events.push(Event::new("revocation.subject").on(user).details(json!({ "target": target, "seq": entered.seq, "reason": reason })));
    }
    if !events.is_empty() {
        sign_list(scene).await?;
    }
    Ok(events)
}

/// Takes back everything that came of one sign-in, and ends the session in the browser, which would go on to get codes otherwise.
pub struct InvalidateSession {
    /// The `sid` of its tokens.
    pub sid: String,
    /// Why.
    pub reason: String,
}

impl UseCase for InvalidateSession {
    type Out = Entered;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Entered>> {
        let sid = identifier("sid", &self.sid)?;
        let sessions = scene.db.end_session_of_sid(sid).await?;
        let refresh = scene.db.end_refresh_tokens_of_session(sid).await?;
        let more = json!({ "sessions_ended": sessions, "refresh_tokens_ended": refresh });
        take(scene, "revocation.session", Target::Session(sid.to_owned()), sid, &self.reason, more).await
    }
}

/// Takes back one connection: everything that descends from the code that a client got when a person allowed it.
pub struct InvalidateLineage {
    /// The `lineage` of its tokens.
    pub lineage: String,
    /// Why.
    pub reason: String,
}

impl UseCase for InvalidateLineage {
    type Out = Entered;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Entered>> {
        let lineage = identifier("lineage", &self.lineage)?;
        let refresh = scene.db.end_lineage(lineage).await?;
        let more = json!({ "refresh_tokens_ended": refresh });
        take(scene, "revocation.lineage", Target::Lineage(lineage.to_owned()), lineage, &self.reason, more).await
    }
}

/// Takes back one access token, and neither what an agent got in exchange for it nor what its client gets next.
pub struct InvalidateToken {
    /// Its `jti`.
    pub jti: String,
    /// Why.
    pub reason: String,
}

impl UseCase for InvalidateToken {
    type Out = Entered;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Entered>> {
        let jti = identifier("jti", &self.jti)?;
        take(scene, "revocation.token", Target::Token(jti.to_owned()), jti, &self.reason, json!({})).await
    }
}

async fn take(
    scene: &Scene<'_>,
    action: &'static str,
    target: Target,
    object: &str,
    words: &str,
    more: serde_json::Value,
) -> Result<Done<Entered>> {
    let words = reason(words)?;
    let entered = enter(scene, &target, Some(until(scene.cx.now_s())), words).await?;
    let details = json!({ "target": target, "seq": entered.seq, "reason": words, "more": more });
    Ok(Done::new(entered, Event::new(action).on(object).details(details)).wake())
}

/// Access tokens are not stored, so an identifier can only be held to its shape.
fn identifier<'a>(field: &'static str, given: &'a str) -> Result<&'a str> {
    let given = given.trim();
    let shaped = (1..=200).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_graphic());
    if shaped { Ok(given) } else { Err(Error::invalid(field, "this is not an identifier of that kind")) }
}
