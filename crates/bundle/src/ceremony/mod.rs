//! What people sign on machines of their own, as documents that prove what they say.
//!
//! A [`Proposal`] is a next root on its way to those whose keys must sign it. A [`Candidate`] is a next list of policies on its way to the
//! policy key. Either carries the roots and the metadata that it builds on, so that whoever signs can verify those from a root that they
//! trust, and both are judged by one pure function each ([`Proposal::examine`], [`Candidate::examine`]) before a person is asked.

mod candidate;
mod error;
mod for_opas;
mod proposal;
mod signature;

pub use candidate::{Candidate, Examined, Kind};
pub use error::CeremonyError;
pub use for_opas::ForOpas;
pub use proposal::{Judged, Proposal};
pub use signature::SignatureFile;
