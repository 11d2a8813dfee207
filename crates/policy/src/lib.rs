//! What may be called by whom: the policy set, the revocation list and the one decision function.
//!
//! Everything here is pure: no IO, no clock, no randomness, no async. Whoever asks brings the time. The gateway enforces with
//! [`decide`], the console predicts with it, and [`explain`] prints the very steps it took, so that what the console says and what
//! a gateway does cannot differ.
//!
//! Times are Unix seconds as `i64`.

pub mod argument_schema;
mod call;
mod configuration;
mod decide;
mod diff;
mod ladder;
mod lint;
mod mark;
mod model;
mod names;
mod packed;
mod reason;
mod revocation;
pub mod role_file;
mod scope_set;
mod target;
mod trace;

pub use argument_schema::ArgumentSchema;
pub use call::{Actor, CALL_OUTLIVES_TOKEN_S, GrantFact, LONGEST_TOKEN_LIFE_S, Method, SubjectKind, TokenFacts, VerifiedCall};
pub use configuration::{Configuration, ServerConfiguration, ToolConfiguration};
pub use decide::{Allow, Counted, Decision, Deny, Obligation, Supply, decide, explain, visible_tools};
pub use diff::{About, Change, Direction, diff};
pub use ladder::{Effect, Rung};
pub use lint::{Finding, Severity, lint};
pub use mark::{Mark, NoRevocationKey, RevocationKey};
pub use model::{Ceiling, Class, Issuer, Limits, McpServer, Name, PolicySet, RateLimit, Risk, Scope, Tool};
pub use names::{NameError, valid_name, valid_scope};
pub use reason::Reason;
pub use revocation::{Entry, Revocations};
pub use scope_set::ScopeSet;
pub use target::{Kind, Target};
pub use trace::{Link, Trace};
