//! One way in for whoever knows what is to stop, and not which use case that is.

use super::grants::RevokeGrant;
use super::invalidate::{InvalidateLineage, InvalidateSession, InvalidateSubject, InvalidateToken};
use super::revocations::{Block, Lift, standing_block};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use policy::Target;
use store::User;

/// Takes back or blocks the target, as its kind has it. Answers the sequence whose receipt gateways fill.
///
/// # Errors
/// Those of the use case; nothing was changed then.
pub async fn revoke(control: &Control, cx: &Ctx, target: Target, reason: String) -> Result<i64> {
    let entered = match target {
        Target::Subject(user) => control.run(cx, InvalidateSubject { user, reason }).await?,
        Target::Session(sid) => control.run(cx, InvalidateSession { sid, reason }).await?,
        Target::Lineage(lineage) => control.run(cx, InvalidateLineage { lineage, reason }).await?,
        Target::Token(jti) => control.run(cx, InvalidateToken { jti, reason }).await?,
        Target::Grant(grant) => return Ok(control.run(cx, RevokeGrant { grant, reason }).await?.seq),
        block => control.run(cx, Block { target: block, reason }).await?,
    };
    Ok(entered.seq)
}

/// Lifts the block that stands against the target. Answers the sequence whose receipt gateways fill.
///
/// # Errors
/// [`Error::NotFound`] when none stands; those of [`Lift`].
pub async fn lift(control: &Control, cx: &Ctx, target: &Target, reason: String) -> Result<i64> {
    let standing = standing_block(control, cx, target).await?;
    Ok(control.run(cx, Lift { id: standing.id, reason }).await?.seq)
}

/// The one person who is called so: by id, by subject at the identity provider, or by address.
///
/// # Errors
/// [`Error::NotFound`] when there is nobody; [`Error::Invalid`] when there are several; [`Error::Forbidden`] without
/// [`Permission::Revoke`].
pub async fn person_called(control: &Control, cx: &Ctx, text: &str) -> Result<User> {
    cx.needs(Permission::Revoke)?;
    let mut found = control.read(cx).users_called(text).await?;
    match found.len() {
        0 => Err(Error::NotFound),
        1 => Ok(found.remove(0)),
        _ => {
            let ids: Vec<String> = found.into_iter().map(|user| format!("{} of {}", user.id, user.issuer)).collect();
            Err(Error::invalid("person", format!("several people are called so; give one by id: {}", ids.join(", "))))
        }
    }
}
