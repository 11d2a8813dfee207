//! Following a tenant's signed repository: watch → verify → activate → keep, and end streams → acknowledge.
//!
//! [`Follower`] is a state machine without IO. Whoever drives it hands in what happened ([`Event`]) with the time, and carries out what it
//! says ([`Effect`]). It never waits, reads no clock and owns no socket, so that every order of answers, losses, restarts and clock jumps
//! can be played through in a simulation with the very code that a gateway runs.
//!
//! What holds whatever happens:
//!
//! * Nothing is kept, enforced or acknowledged before every check of [`bundle`] has passed, and what is in force never goes back.
//! * What is acknowledged is kept on disk (or said not to be), enforced, and everything that it refuses has ended. A heartbeat in between
//!   repeats what was acknowledged before.
//! * Whatever goes wrong, what is in force stays in force; it is told, and tried again, later and later.
//! * News wakes it; a lost notice costs one interval.

mod effect;
mod follower;
mod report;
mod source;

pub use bundle::Kept;
pub use effect::{At, Effect, Event, News, Ticket};
pub use follower::{Follower, restore};
pub use report::{Report, Trouble};
pub use source::Source;
