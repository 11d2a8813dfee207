//! Publishing policy, the signed repository, and the fleet of gateways that follows it.
//!
//! | what | where |
//! | --- | --- |
//! | rows to `PolicySet` | [`compile`] |
//! | draft, publish, published versions | [`publish`] |
//! | the signed repository and its upkeep | [`repository`] |

pub mod compile;
pub mod publish;
pub mod repository;

mod signing;

pub use publish::{bundle, bundles, draft, BundleView, Draft, Publish, Published};
pub use repository::{resign_revocations, RefreshTimestamp};
