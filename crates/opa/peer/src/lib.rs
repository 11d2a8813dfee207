//! What an OPA does with bundles that it is served, as far as its documentation and its behaviour tell: for tests, where no OPA is at hand.
//!
//! | step of an OPA's | here |
//! | --- | --- |
//! | read its configuration | [`config`] |
//! | read an archive, verify it, hold it to its manifest | [`load`] |
//! | put it in force beside others | [`store`] |
//! | ask for it again and again, held or not | [`poll`] |
//! | all of it over real sockets, with status and decision logs | [`client`] |
//!
//! It is a second opinion and not a part of Writ: nothing but tests depends on it, and it uses nothing of what it judges.

pub mod client;
pub mod config;
pub mod load;
pub mod poll;
pub mod store;

mod hash;

pub use client::Client;
pub use load::{Bundle, Refused, Verification};
pub use store::Store;
