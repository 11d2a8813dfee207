//! Publishing policy, the signed repository, and the fleet of gateways that follows it.
//!
//! | what | where |
//! | --- | --- |
//! | rows to `PolicySet` | [`compile`] |
//! | draft, publish, published versions | `publish.rs` |
//! | edits that cancel each other | `settle_draft.rs` |
//! | what awaits the policy key elsewhere | [`candidate`](mod@candidate) |
//! | from signed to live | `stage.rs` |
//! | rings, and a policy's way through them | [`rollout`] |
//! | the signed repository and its upkeep | [`repository`] |
//! | its files, as gateways get them | [`files`] |
//! | the revocation list as it is signed | `list.rs` |
//! | enrolment tokens | `enrolment.rs` |
//! | who a gateway is, and taking one out | `gateways.rs`, `callers.rs`, `removal.rs` |
//! | what gateways say they run | `ack/`, `fleet.rs` |
//! | what gateways decided | [`decisions`] |
//! | the same for OPAs: their tokens, bundles, reports and logs | [`opa`] |

pub mod candidate;
pub mod compile;
pub mod decisions;
pub mod files;
pub mod opa;
pub mod repository;
pub mod rollout;

mod ack;
mod callers;
mod enrolment;
mod export;
mod fleet;
mod gateways;
mod list;
mod publish;
mod removal;
mod settle_draft;
pub(crate) mod signing;
mod stage;

pub(crate) use ack::drifted;
pub use ack::{Ack, AckError, Cosigned, Counted, Drifted, Known, Witnessed, acknowledge};
pub(crate) use callers::Callers;
pub use candidate::{
    CandidateView, Progress, SignCandidate, WithdrawCandidate, candidate, export_candidate, offer_renewal, sign_candidate,
};
pub use enrolment::{CreateEnrolment, Enrol, Enrolled, Refusal, ReplaceGateway, TOKEN_LIFE_S, enrol};
pub use export::{Exported, LONGEST_S, SignForLong, export_repository};
pub use fleet::{Fleet, GatewayDetail, GatewayView, Receipt, Standing, fleet, gateway, receipt};
pub use gateways::{RemoveGateway, authenticate, own_gateway_named};
pub use list::revocation_list;
pub use publish::{BundleView, Compared, Draft, Publication, Publish, Published, bundle, bundles, compare, draft};
pub use removal::{Removal, removal};
pub use repository::{RefreshTimestamp, refresh_timestamp, resign_revocations};
pub use settle_draft::SettleDraft;
