//! What is in force: one policy, one revocation list and how fresh they are proved to be, never mixed.

use crate::generations::Generations;
use crate::rate::limits_of;
use crate::schemas::Schemas;
use policy::{Counted, PolicySet, Revocations, TokenFacts};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use token::VerifyingKeys;

/// Verified tokens remembered at least.
const TOKENS: usize = 10_000;

/// How fresh the signed files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freshness {
    /// Version of the verified timestamp.
    pub timestamp: u64,
    /// Unix seconds until which freshness is proved.
    pub fresh_until: i64,
}

/// Why verified bytes cannot be enforced. The last good ones stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The policy is not JSON of the known shape.
    #[error("the policy cannot be read: {0}")]
    Policy(String),
    /// The list is not JSON of the known shape.
    #[error("the revocation list cannot be read: {0}")]
    Revocations(String),
    /// They belong to another tenant.
    #[error("{what} is of tenant {found:?}, this gateway of {expected:?}")]
    ForeignTenant {
        /// Policy or revocation list.
        what: &'static str,
        /// This gateway's.
        expected: String,
        /// Inside.
        found: String,
    },
    /// The number inside is not the number that was signed for it.
    #[error("{what} says that it is number {found}, but was signed as {expected}")]
    WrongNumber {
        /// Policy or revocation list.
        what: &'static str,
        /// Signed.
        expected: u64,
        /// Inside.
        found: u64,
    },
    /// An argument schema cannot be compiled, or checking against it could take for ever, so it could not be enforced.
    #[error("the argument schema of {tool} cannot be used: {why}")]
    Schema {
        /// The tool.
        tool: String,
        /// What is wrong.
        why: String,
    },
}

impl Unusable {
    /// The stable code, part of the acknowledgement.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Policy(_) => "policy_unreadable",
            Self::Revocations(_) => "revocations_unreadable",
            Self::ForeignTenant { .. } => "foreign_tenant",
            Self::WrongNumber { .. } => "wrong_number",
            Self::Schema { .. } => "schema_unusable",
        }
    }
}

/// A policy with everything that is derived from it once.
#[derive(Debug)]
struct Compiled {
    set: PolicySet,
    sha256: String,
    keys: VerifyingKeys,
    schemas: Schemas,
    limits: HashSet<(Counted, u32)>,
}

/// What is in force. Replaced as a whole, and its cache of verified tokens with it.
#[derive(Debug)]
pub struct Active {
    compiled: Arc<Compiled>,
    revocations: Arc<Revocations>,
    freshness: Freshness,
    tokens: Mutex<Generations<[u8; 32], Arc<TokenFacts>>>,
}

impl Active {
    /// Reads and compiles a verified policy and revocation list. `sha256` is the policy's digest, hex.
    ///
    /// # Errors
    /// [`Unusable`]: what stands against enforcing them.
    pub fn build(tenant: &str, policy: (&str, u64, &str), revocations: (&str, u64), freshness: Freshness) -> Result<Self, Unusable> {
        let (text, version, sha256) = policy;
        let set: PolicySet = serde_json::from_str(text).map_err(|error| Unusable::Policy(error.to_string()))?;
        same("the policy", tenant, &set.tenant, version, set.version)?;
        let set = set.packed();
        let revocations = read_list(tenant, revocations)?;
        let (keys, schemas, limits) = (VerifyingKeys::from_issuers(&set.issuers), Schemas::of(&set)?, limits_of(&set));
        let compiled = Compiled { keys, schemas, limits, sha256: sha256.to_owned(), set };
        Ok(Self::of(Arc::new(compiled), Arc::new(revocations), freshness))
    }

    /// Reads and compiles files that came some other trusted way than a signed repository, such as with a deployment: their numbers are
    /// what they say of themselves.
    ///
    /// # Errors
    /// [`Unusable`]: what stands against enforcing them.
    pub fn from_files(tenant: &str, policy: &str, revocations: &str, freshness: Freshness) -> Result<Self, Unusable> {
        let set: PolicySet = serde_json::from_str(policy).map_err(|error| Unusable::Policy(error.to_string()))?;
        let list: Revocations = serde_json::from_str(revocations).map_err(|error| Unusable::Revocations(error.to_string()))?;
        let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(policy.as_bytes()));
        Self::build(tenant, (policy, set.version, &sha256), (revocations, list.seq()), freshness)
    }

    /// The same policy with a newer list and freshness: nothing about the policy is compiled again.
    ///
    /// # Errors
    /// [`Unusable`] if the list cannot be used.
    pub fn with(&self, revocations: (&str, u64), freshness: Freshness) -> Result<Self, Unusable> {
        let list = read_list(&self.compiled.set.tenant, revocations)?;
        Ok(Self::of(Arc::clone(&self.compiled), Arc::new(list), freshness))
    }

    fn of(compiled: Arc<Compiled>, revocations: Arc<Revocations>, freshness: Freshness) -> Self {
        Self { compiled, revocations, freshness, tokens: Mutex::new(Generations::new(TOKENS)) }
    }

    /// The policy.
    pub fn policy(&self) -> &PolicySet {
        &self.compiled.set
    }

    /// SHA-256 of the policy's bytes, hex.
    pub fn policy_sha256(&self) -> &str {
        &self.compiled.sha256
    }

    /// The revocation list.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// How fresh all of it is proved to be.
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// For how many seconds freshness has not been proved; 0 while it is.
    pub fn stale_for(&self, now: i64) -> i64 {
        now.saturating_sub(self.freshness.fresh_until).max(0)
    }

    /// The facts of a token that verifies, remembered by its digest. Its end is checked at every use, by policy.
    pub(crate) fn verify(&self, token: &str, now: i64) -> Result<Arc<TokenFacts>, token::Refused> {
        let digest = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(token.as_bytes()));
        if let Some(facts) = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Ok(facts);
        }
        let facts = Arc::new(self.compiled.keys.verify(token, now)?);
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::clone(&facts));
        Ok(facts)
    }

    pub(crate) fn same_policy(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.compiled, &other.compiled)
    }

    /// Every kind and rate of limit in the policy.
    pub(crate) fn limits(&self) -> &HashSet<(Counted, u32)> {
        &self.compiled.limits
    }

    /// The policy's schemas, compiled.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.compiled.schemas
    }
}

fn read_list(tenant: &str, (text, seq): (&str, u64)) -> Result<Revocations, Unusable> {
    let list: Revocations = serde_json::from_str(text).map_err(|error| Unusable::Revocations(error.to_string()))?;
    same("the revocation list", tenant, list.tenant(), seq, list.seq())?;
    Ok(list)
}

fn same(what: &'static str, tenant: &str, found_tenant: &str, number: u64, found: u64) -> Result<(), Unusable> {
    if found_tenant != tenant {
        return Err(Unusable::ForeignTenant { what, expected: tenant.to_owned(), found: found_tenant.to_owned() });
    }
    if found != number {
        return Err(Unusable::WrongNumber { what, expected: number, found });
    }
    Ok(())
}
