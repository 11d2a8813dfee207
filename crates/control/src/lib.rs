//! The use cases of Writ: each authorizes, validates, applies and audits in one transaction.
//!
//! Start at [`Control`]. A change is a [`UseCase`] handed to [`Control::run`]: it names the permission that it needs, does its work on a
//! [`Scene`] and returns [`Done`], which cannot be made without an audit [`Event`]. A question is a method or function that takes a
//! [`Ctx`], asks [`Ctx::needs`] first and reads through [`Control::read`]. Handlers never see the database.

pub mod config;
pub mod delivery;
pub mod evidence;
mod gather;
pub mod governance;
pub mod keys;
pub mod oauth;
pub mod signin;
pub mod tenancy;

mod chance;
mod clock;
mod control;
mod ctx;
mod error;
mod event;
mod lease;
mod permission;
mod scene;
mod service;
mod signal;
mod signatures;
mod vault;

pub use chance::{Chance, sha256_hex};
pub use clock::Clock;
pub use control::{Control, Parts};
pub use ctx::{Actor, Ctx};
pub use error::{Error, Invalid, Result};
pub use event::{Event, Outcome};
pub use permission::{AdminRole, Permission};
pub use scene::{Done, Scene, Upkeep, UseCase};
pub use service::{KeyService, NotSigned, Reference, ServiceError, ServiceKey, Wanted};
pub use signal::Signals;
pub use store::TenantId;
pub use vault::{MasterKey, Sealed, Vault, VaultError};
