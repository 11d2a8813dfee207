//! How a policy version reaches the fleet: ring by ring, and back if need be. Pure, like everything here.
//!
//! * [`Course`] is what is assigned now, with the steps that change it: publish, promote, halt, resume, revert. It can always be written as an
//!   [`Assignment`](crate::Assignment), which an online key signs: no step needs the policy key.
//! * [`judge`] says which step is due, from what the gateways of the fleet acknowledged, or what has to come first.
//!
//! Rings stand in order and are monotone: no ring runs an older version than one that comes after it.

mod course;
mod judge;
mod tally;

pub use course::{Course, Impossible, Raised, Rollout};
pub use judge::{Bounds, Cause, Sighting, Situation, Verdict, Wait, judge};
pub use tally::Tally;
