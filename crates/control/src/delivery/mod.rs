//! Publishing policy, the signed repository, and the fleet of gateways that follows it.
//!
//! | what | where |
//! | --- | --- |
//! | rows to `PolicySet` | [`compile`] |
//! | draft, publish, published versions | `publish.rs` |
//! | the signed repository and its upkeep | [`repository`] |
//! | its files, as gateways get them | [`files`] |
//! | enrolment tokens | `enrolment.rs` |
//! | who a gateway is | `gateways.rs` |
//! | what gateways say they run | `ack.rs`, `fleet.rs` |
//! | what gateways decided | [`decisions`] |

pub mod compile;
pub mod decisions;
pub mod files;
pub mod repository;

mod ack;
mod enrolment;
mod fleet;
mod gateways;
mod publish;
mod signing;

pub use ack::{acknowledge, Ack, AckError};
pub use enrolment::{enrol, CreateEnrolment, Enrol, Enrolled, Refusal, ReplaceGateway, TOKEN_LIFE_S};
pub use fleet::{fleet, receipt, Fleet, GatewayView, Receipt, Standing};
pub use gateways::{authenticate, RemoveGateway};
pub use publish::{bundle, bundles, draft, BundleView, Draft, Publish, Published};
pub use repository::{resign_revocations, RefreshTimestamp};
