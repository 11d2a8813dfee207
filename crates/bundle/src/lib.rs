//! Signing and verifying what gateways obey: The Update Framework 1.0, pure.
//!
//! One repository per tenant. [`repository`] writes it, [`client`] follows it, [`ceremony`] carries it to people who sign,
//! [`rollout`] says who runs what next. None of them does IO or reads a clock: bytes and `now` come in, bytes and decisions go out, so every
//! attack on the way is a plain unit test.
//!
//! | role | signs |
//! | --- | --- |
//! | `root` | the keys of the other top-level roles |
//! | `targets` | `policy/N.json` for every version that may run, the floor `min_version`, the keys of the two below |
//! | `assignment` (delegated) | `assignment/rings.json`: which gateway runs which of those versions |
//! | `revocations` (delegated) | `revocations/list.json` and its sequence |
//! | `snapshot`, `timestamp` | which metadata belongs together, and that it is fresh |
//!
//! The metadata types are our own and not `tough`'s: the dozen fields used here compile in a second, keep signed bytes
//! and parsed view together, and carry the `x-writ-tenant` field. The format is what python-tuf reads; it is the oracle.

pub mod assignment;
pub mod canonical;
pub mod ceremony;
pub mod client;
pub mod key;
pub mod layout;
pub mod repository;
pub mod rollout;
pub mod schema;

mod digest;

pub use assignment::Assignment;
pub use client::{Activated, Chain, Kept, Next, Pin, Refused, Response, Trusted, Update};
pub use digest::sha256_hex;
pub use key::{Key, KeyError, KeySet, PublicKey, Signer};
pub use layout::Role;
pub use repository::{Files, Repository, SignError, Stamp, Unsigned};
