//! Valid documents, made by the writers whose readers are tried: real repositories, tokens, exports.
//!
//! They are the same at every run, keys and signatures too, so that an input which was found once goes on meaning what it meant.

pub mod keys;
pub mod log;
pub mod policy;
pub mod repository;
pub mod tokens;

/// The tenant of all samples.
pub const TENANT: &str = "acme";
/// The time of all samples, Unix seconds.
pub const NOW: i64 = 1_800_000_000;
