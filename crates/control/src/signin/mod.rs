//! People sign in at their own identity provider; Writ keeps a session and no password.

mod flow;
mod link;
mod person;
mod sessions;

pub(crate) use flow::verifier_place;
pub use flow::{BeginSignIn, Begun, TakeSignIn};
pub use link::{CreateSignInLink, UseSignInLink};
pub use person::{NoteSignInFailed, Profile, RecordSignIn, actor};
pub use sessions::{ABSOLUTE_MS, EndSession, HOST_MS, IDLE_MS, SaveSession, SignOut, TouchSession, load};
