//! The generated Rego decides as `policy::decide` does: in regorus, and in the genuine engine where `WRIT_OPA_ENGINE` names it, which
//! `cargo xtask test` sees to.

mod equality;
mod freshness;
mod genuine;
mod input;
mod sanity;
mod support;
