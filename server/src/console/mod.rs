//! The console: each handler loads a view model, sets the status and has a pure view rendered.
// Being written in parallel: the lead writes requests.rs, grants.rs, revocations.rs, receipt.rs and audit.rs of this folder (their rows: `governing::endpoints()`
// in `governing.rs`); everybody else keep to the remaining pages. Keep the `all.extend(governing::endpoints())` line.
// Since 13:26 the console person writes all remaining pages here (home, roles, scopes, assignments, servers, clients, agents, idp, people,
// admins, draft, fleet, simulator), `config::{reach,history,home,explain}` and server/tests/coverage.rs.

mod governing;

use crate::endpoint::Endpoint;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    let mut all = Vec::new();
    all.extend(governing::endpoints());
    all
}
