//! A tenant's policy and revocation list as bundles of the Open Policy Agent, pure.
//!
//! Two bundles with disjoint roots and different keys, so that what moves at once does not wait for what moves safely:
//!
//! | bundle | roots | signed with | holds |
//! | --- | --- | --- | --- |
//! | [`Lane::Policy`] | `writ/checks`, `writ/decision`, `writ/listing`, `writ/policy` | the policy key | generated Rego, and the policy as data |
//! | [`Lane::Revocations`] | `writ/revocations` | the revocations key, online | the list as data |
//!
//! The Rego decides as [`policy::decide`] does: same checks, same order, same reasons, same obligations. It holds both bundles to the times
//! in their signed manifests, since an OPA itself knows no end of a bundle and no rollback.
//!
//! [`policy_bundle`] and [`revocations_bundle`] make everything but the signature; [`Unsigned`] is signed here, or elsewhere
//! ([`countersign`]) and completed here. Nothing does IO or reads a clock. Formats: <https://www.openpolicyagent.org/docs/management-bundles>.

pub mod canonical;
pub mod config;
pub mod decision_log;
pub mod signature;
pub mod status;

mod archive;
mod elsewhere;
mod facts;
mod lane;
mod list;
mod manifest;
mod refused;
mod rego;
mod revision;
mod unsigned;
mod words;

pub use elsewhere::countersign;
pub use facts::{PolicyTerms, policy_bundle};
pub use lane::Lane;
pub use list::{RevocationTerms, revocations_bundle};
pub use refused::Refused;
pub use revision::Revision;
pub use unsigned::{Archive, Unsigned};
