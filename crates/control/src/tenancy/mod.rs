//! Tenants, their keys and admin roles, from the host's shell.
//!
//! These use cases are also the way back in when the identity provider is misconfigured: whoever can run `writ admin` on the host has the
//! database file anyway, and what they do is audited like everything else.

mod admins;
mod create;
pub mod keys;
mod reseal;

pub use admins::{GrantAdmin, Holder};
pub use create::CreateTenant;
pub use reseal::Resealed;
