//! OPAs in the fleet: the same policy and revocations as bundles of the Open Policy Agent, for whoever enforces with one.
//!
//! | what | where |
//! | --- | --- |
//! | enrolling an OPA, its tokens | `clients.rs` |
//! | making and keeping signed bundles | `archives.rs` |
//! | having them signed where the policy key lies | `elsewhere.rs` |
//! | which bundle an OPA is served | `serving.rs` |
//! | what an OPA reports | `status.rs`, `view.rs` |
//! | what an OPA decided | `logs.rs` |
//! | the configuration that it is given | `configuration.rs` |

mod archives;
mod clients;
mod configuration;
mod elsewhere;
mod logs;
mod serving;
mod status;
mod view;

pub use archives::{RefreshArchives, refresh_archives};
pub use clients::{EnrolOpa, NewToken, OpaEnrolled, authenticate, opa_named};
pub use configuration::{Paths, PrintConfiguration};
pub use logs::{ForgetDecisions, take};
pub use serving::{Offer, Shelf, archive, heads, refused};
pub use status::{Offered, report};
pub use view::{OpaView, TokenView, opa};

pub(super) use archives::{publish, refresh, revoke};
pub(super) use elsewhere::{Asked, ask, complete, lacks_bundles};
