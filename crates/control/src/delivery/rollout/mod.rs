//! Rings, and the way of a policy version through them.
//!
//! | what | where |
//! | --- | --- |
//! | rows to [`bundle::rollout::Course`] and back | `course.rs` |
//! | what publishing and a higher floor do | `begin.rs` |
//! | promote, halt, resume, revert | `steps.rs` |
//! | the rule, applied again and again | `tend.rs` |
//! | editing rings and the rule | `rings.rs`, `rule.rs` |
//! | gateways that run another version for a while | `pins.rs` |
//! | the fleet as the rule sees it | `sight.rs` |
//! | questions | `view.rs` |
//!
//! Every step changes rows and has the online assignment key sign them anew: none needs the policy key. What the rule says is
//! [`bundle::rollout::judge`]'s alone.

mod begin;
mod course;
mod pins;
mod rings;
mod rule;
mod sight;
mod steps;
mod tend;
mod view;

pub(crate) use begin::{Way, begin, keep_above_floor, lowest_floor};
pub use course::State;
pub(crate) use course::course;
pub use pins::{LONGEST_PIN_S, PinGateway, UnpinGateway};
pub use rings::{ArrangeRings, MOST_RINGS, NewMembers, NewRing, rings_digest};
pub use rule::{Rule, SetRule, rule};
pub(crate) use sight::{labels, tallies};
pub use steps::{HaltRollout, PromoteRollout, ResumeRollout, RevertRollout};
pub use tend::tend_rollout;
pub(super) use view::waits_for;
pub use view::{RingView, Rings, RolloutView, first_ring, rings, rollout, rollout_under_way, states};
