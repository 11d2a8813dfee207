//! `writ-gateway`: the reference enforcement point, a reverse proxy for MCP servers.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`config`], [`data`], [`enrolment`] | who this gateway is, and what it keeps on disk |
//! | [`link`], [`following`], [`standing`], [`tally`] | following the repository and acknowledging what is in force |
//! | [`spool`] | the decision log: on disk before anything is done, sent when possible |
//! | [`proxy`] | the data plane: reads, asks `enforce`, challenges or forwards |
//! | [`serve`], [`tls`] | connections, within bounds |
//! | [`metrics`], [`ops`] | what operators and their tools ask |
//! | [`runtime`] | puts it together |
//!
//! Time and randomness come in through [`clock`]; only `main.rs` makes real ones.

pub mod clock;
pub mod config;
pub mod data;
pub mod enrolment;
pub mod following;
pub mod link;
pub mod metrics;
pub mod ops;
pub mod proxy;
pub mod runtime;
pub mod serve;
pub mod spool;
pub mod standing;
pub mod tally;
pub mod tls;
