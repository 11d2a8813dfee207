//! The published policies, as the issuer reads them.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use policy::{McpServer, Name, PolicySet, Risk};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use store::{Bundle, Reader};

/// Parsed policies by the digest of their bytes. A digest names its content for ever, so an entry cannot become wrong, and any replica can
/// make it again: this saves parsing megabytes for every token, and nothing else.
static PARSED: LazyLock<Mutex<HashMap<String, Arc<PolicySet>>>> = LazyLock::new(Mutex::default);

/// How many are kept.
const MOST: usize = 64;

/// The policies that gateways are to run, the newest first: several while one is on its way through the rings, or a gateway is pinned.
///
/// A token is for any of them. Whatever one of them gives may stand in it, since each gateway works out anew what the caller may do by its
/// own policy, and the token's scopes can only take away from that. Where policies differ in how careful to be, the most careful counts.
#[derive(Debug)]
pub(super) struct Assigned(Vec<Arc<PolicySet>>);

impl Assigned {
    /// Reads them. None before the first publish, which admits nothing.
    pub async fn load(db: &Reader<'_>) -> Result<Self> {
        let mut policies = Vec::new();
        for (id, digest) in db.assigned_policy_heads().await? {
            policies.push(parsed(db, &id, digest).await?);
        }
        Ok(Self(policies))
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = &PolicySet> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// A server, as the newest that knows it has it.
    pub fn server(&self, resource: &str) -> Option<&McpServer> {
        self.each().find_map(|policy| policy.servers.get(resource))
    }

    /// The resource URIs of all servers.
    pub fn resources(&self) -> BTreeSet<&str> {
        self.each().flat_map(|policy| policy.servers.keys().map(String::as_str)).collect()
    }

    /// Whether a tool of the server needs this scope.
    pub fn needs(&self, resource: &str, scope: &str) -> bool {
        self.each().filter_map(|policy| policy.servers.get(resource)).any(|server| server.scopes().contains(scope))
    }

    /// What a scope lets people do, in the newest words; empty where nobody said.
    pub fn sentence(&self, scope: &str) -> &str {
        self.each().find_map(|policy| policy.scopes.get(scope)).map_or("", |scope| &scope.sentence)
    }

    /// The highest risk that any of them sees in a scope. A scope that nobody judged is judged critical.
    pub fn risk(&self, scope: &str) -> Risk {
        self.each().filter_map(|policy| policy.scopes.get(scope)).map(|scope| scope.risk).max().unwrap_or(Risk::Critical)
    }
}

async fn parsed(db: &Reader<'_>, id: &str, digest: String) -> Result<Arc<PolicySet>> {
    if let Some(policy) = PARSED.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
        return Ok(Arc::clone(policy));
    }
    let gone = || Error::internal("reading the published policy", format!("version {id} is gone"));
    let row = db.get::<Bundle>(id).await?.ok_or_else(gone)?;
    let policy: PolicySet = serde_json::from_str(&row.policy).map_err(|error| Error::internal("reading the published policy", error))?;
    let policy = Arc::new(policy);
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if parsed.len() >= MOST {
        parsed.clear();
    }
    parsed.insert(digest, Arc::clone(&policy));
    Ok(policy)
}

/// All scopes of the policies that gateways run, for the metadata document.
///
/// # Errors
/// When the database fails.
pub async fn scopes_supported(control: &Control, cx: &Ctx) -> Result<Vec<String>> {
    let assigned = Assigned::load(&control.read(cx)).await?;
    let all: BTreeSet<String> = assigned.each().flat_map(|policy| policy.scopes.keys().map(Name::to_string)).collect();
    Ok(all.into_iter().collect())
}
