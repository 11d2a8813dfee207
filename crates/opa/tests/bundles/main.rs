//! Our bundles and evil ones before the eyes of an OPA: what comes into force, and what is refused.

mod evil;
mod good;
mod hashes;
mod support;
mod traps;
