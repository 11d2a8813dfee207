//! What is to be done about a kept request, for the person who is signed in.

use super::question::{Question, weigh};
use super::receive::Back;
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use store::{Authorization, Client, Reader, User};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Considered {
    /// The sign-in is older or of another class than the client wants: the person signs in again. A second time is not asked for.
    SignInAgain {
        /// `acr_values` for the provider.
        acr_values: Option<String>,
    },
    /// The person is asked.
    Ask(Box<Question>),
    /// They have allowed it before: run [`super::Authorize`] with [`super::Decision::AllowedBefore`].
    AllowedBefore,
    /// It cannot be, for this person: they are told, and then run [`super::Authorize`] with [`super::Decision::AllowedBefore`], which writes that
    /// down and answers this.
    Refused {
        /// The client's name.
        client: String,
        /// What the client is told.
        back: Back,
    },
}

/// Considers a request. `auth_ms` and `acr` are those of the session; `again` says that the person has signed in for this very request
/// already.
///
/// # Errors
/// [`Error::NotFound`] for a handle that is unknown, used or ended; [`Error::Forbidden`] for who is not signed in as a person.
pub async fn consider(control: &Control, cx: &Ctx, handle: &str, auth_ms: i64, acr: Option<&str>, again: bool) -> Result<Considered> {
    cx.needs(Permission::SignedIn)?;
    let db = control.read(cx);
    let (row, user, client) = kept(&db, cx, handle).await?;
    let too_old = row.auth_after_s.is_some_and(|after| auth_ms.div_euclid(1000) < after);
    let classes: Vec<&str> = row.acr_values.as_deref().unwrap_or_default().split_ascii_whitespace().collect();
    let too_weak = !classes.is_empty() && !acr.is_some_and(|acr| classes.contains(&acr));
    if (too_old || too_weak) && !again {
        return Ok(Considered::SignInAgain { acr_values: row.acr_values });
    }
    let (weighed, standing) = match weigh(&db, &row, &user, &client, cx.now_ms).await? {
        Ok(weighed) => weighed,
        Err(error) => {
            let error_uri = Some(format!("{}/requests/new", control.parts().issuer(&cx.tenant)));
            let back = Back { redirect_uri: row.redirect_uri, state: row.state, error, error_uri };
            return Ok(Considered::Refused { client: client.name, back });
        }
    };
    if weighed.allowed_before {
        return Ok(Considered::AllowedBefore);
    }
    Ok(Considered::Ask(Box::new(Question::of(row, client, weighed, &standing))))
}

/// The request with its person and client.
pub(super) async fn kept(db: &Reader<'_>, cx: &Ctx, handle: &str) -> Result<(Authorization, User, Client)> {
    let row = db.get::<Authorization>(&sha256_hex(handle)).await?.filter(|row| cx.now_ms < row.expires_ms).ok_or(Error::NotFound)?;
    let user = db.get::<User>(cx.person()?).await?.ok_or(Error::NotFound)?;
    let client = db.get::<Client>(&row.client_id).await?.ok_or(Error::NotFound)?;
    Ok((row, user, client))
}
