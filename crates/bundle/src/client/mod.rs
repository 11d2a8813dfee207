//! Following a repository: the TUF 1.0 client workflow (section 5) without IO.
//!
//! [`Update`] says which file it wants next; the caller fetches it from wherever (the network, or a push that carried
//! it) and hands it in. [`Trusted`] does not change until every check has passed; then [`Activated`] holds its successor.
//!
//! Where this is stricter than the specification: a delegated role that is missing refuses; every kept file is verified
//! again from the pinned first root at each start, and what was accepted is remembered apart from the files, so that losing them is no way
//! back; every signed file names the tenant. Where it is different: new roots
//! are kept together with the rest and not before, so that the kept state is always one whole, usable state.
//!
//! [`Chain`] is for people who sign: it verifies roots and the list of policies without following anything.

mod blob;
mod chain;
mod floors;
mod proofs;
mod refused;
mod trusted;
mod update;
mod workflow;

pub use chain::Chain;
pub use refused::Refused;
pub use trusted::{Kept, Pin, Restored, Staleness, Trusted};
pub use update::{Activated, Content, Next, Response, Update};
