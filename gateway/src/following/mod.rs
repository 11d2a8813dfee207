//! Following the tenant's repository: carries out what [`follow::Follower`] decides, and tells it what came of it.
//!
//! | file | what |
//! | --- | --- |
//! | `driver.rs` | network, disk, enforcer and streams on behalf of the state machine |
//! | `source.rs` | where the repository lies: a control plane, a web server, a directory |
//! | `acknowledge.rs` | telling the control plane what is in force |
//! | `witness.rs` | cosigning the audit log's checkpoints |

mod acknowledge;
mod driver;
mod source;
mod witness;

pub use acknowledge::Acknowledger;
pub use driver::{Driver, Hurry, start};
pub use source::{Files, Source};
pub use witness::{Shown, Witness, Witnessed};
