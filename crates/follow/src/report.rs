//! What a gateway says of itself.

use serde::{Deserialize, Serialize};

/// What is in force, confirmed: kept, enforced, and what it refuses has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the policy.
    pub policy_version: Option<u64>,
    /// Its digest, hex.
    pub policy_sha256: Option<String>,
    /// Sequence of the revocation list.
    pub revocation_seq: Option<u64>,
    /// Version of the verified timestamp; 0 if none.
    pub timestamp: u64,
    /// Why what was offered is not in force, or is in force but not kept.
    pub error: Option<Trouble>,
    /// The timestamp that was refused with that error, if one was: whoever signed it knows what it told of first.
    #[serde(default)]
    pub refused: Option<u64>,
}

/// An error as it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The stable code.
    pub code: String,
    /// For the operator.
    pub message: String,
}

impl Trouble {
    pub(crate) fn new(code: &str, message: impl ToString) -> Self {
        Self { code: code.to_owned(), message: message.to_string() }
    }

    /// Whom we follow gives no answer that could be followed.
    pub const NOT_FOLLOWING: &'static str = "not_following";

    /// Nothing to follow yet, which is nobody's mistake.
    pub const NOTHING_PUBLISHED: &'static str = "nothing_published";
}
