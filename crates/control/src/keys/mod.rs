//! Signing keys: where each lies, ceremonies of the root, rotation, and what is about to end.
//!
//! | what | where |
//! | --- | --- |
//! | every key, who holds it, until when | [`keys()`] |
//! | a next root for several people to sign, and taking it | `propose.rs`, `submit.rs` |
//! | another key for a role of the repository | `rotate.rs` |
//! | that a key in a service signs, before it is used | `prove.rs` |
//! | another key for access tokens, another for the audit log | `token.rs`, `log.rs` |
//! | what follows once gateways have the new key | `settle.rs` |
//! | versions that may run no more | `floor.rs` |
//!
//! What the metadata lists is the truth; the table `keys` is brought in line with it (`sync.rs`) in the same transaction. A private half
//! that is no longer needed is destroyed there and then. The row stays: its public half, since when, until when.

mod change;
mod floor;
mod list;
mod log;
mod propose;
mod prove;
mod rotate;
mod settle;
mod submit;
mod sync;
mod token;

pub use change::KeyChange;
pub use floor::RaiseFloor;
pub use list::{KeyView, Keys, Other, OtherState, Place, RoleKeys, Until, WARN_BEFORE_S, keys, newest_root};
pub use log::RotateAuditLog;
pub use propose::ProposeRoot;
pub use prove::prove;
pub use rotate::{RotateKeys, Rotated, Rotation};
pub use settle::settle_keys;
pub use submit::SubmitRoot;
pub use token::{Carried, KeyRotation, RotateTokenKey};

pub(crate) use list::endings;
pub(crate) use sync::sync;
