//! What a gateway says it has put in force, or what kept it from doing so.
//!
//! A fleet says so every few seconds, and all of it at once after each publish and revocation: acknowledgements that come together are
//! written together ([`batch`]), and one that says nothing new is not written at all.

mod applied;
mod batch;
mod cosigned;
mod decided;

pub use applied::Known;
pub(crate) use applied::drifted;
pub use cosigned::Cosigned;
pub(crate) use decided::Decided;

use super::gateways::acting;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::evidence::Shown;
use crate::gather::gathered;
use crate::permission::Permission;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An acknowledgement, as it arrives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Ack {
    /// Version of the policy in force.
    pub policy_version: Option<u64>,
    /// Its digest, hex.
    pub policy_sha256: Option<String>,
    /// Sequence of the revocation list in force.
    pub revocation_seq: Option<u64>,
    /// Version of the verified timestamp; 0 if none.
    pub timestamp: u64,
    /// Why what was offered is not in force.
    pub error: Option<AckError>,
    /// The timestamp that it refused with that error, if it refused one.
    #[serde(default)]
    pub refused: Option<u64>,
    /// When the gateway's process started, Unix seconds.
    #[serde(default)]
    pub started_at: i64,
    /// The gateway's own version.
    #[serde(default)]
    pub version: String,
    /// What its operator wants rings to go by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tools that it sees defined differently than was reviewed: calls of them are denied there.
    #[serde(default)]
    pub drifted: Vec<Drifted>,
    /// What it witnessed of the audit log.
    #[serde(default)]
    pub witnessed: Option<Witnessed>,
    /// How calls were decided under the last policies that it ran.
    #[serde(default)]
    pub decided: Vec<Counted>,
}

/// How calls were decided under a policy since the gateway's process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Counted {
    /// Version of the policy.
    pub policy_version: u64,
    /// Calls that were allowed.
    pub allowed: u64,
    /// Calls that were denied.
    pub denied: u64,
}

/// A tool that a gateway sees defined differently than was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drifted {
    /// The server's resource URI.
    pub resource: String,
    /// The tool.
    pub tool: String,
    /// Digest of the definition that it sees.
    pub digest: String,
}

/// What a gateway witnessed of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Witnessed {
    /// Its cosigner key in note form, named `writ/{tenant}/{gateway}`.
    pub key: String,
    /// How many entries the log had; 0 if it never saw one.
    pub size: u64,
    /// Its signature line over the checkpoint of that size, C2SP cosignature/v1; none since it started.
    pub cosignature: Option<String>,
}

/// Why a gateway refused what was offered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AckError {
    /// Stable code.
    pub code: String,
    /// For the operator.
    pub message: String,
}

/// Takes an acknowledgement, and answers with the checkpoint that the gateway is to witness next. A policy put in force, an error and its
/// end are audited; that a gateway lives is only noted.
///
/// # Errors
/// [`Error::Forbidden`] unless a gateway acts; [`Error::NotFound`] when it was removed meanwhile; [`Error::Busy`] when too many wait.
pub async fn acknowledge(control: &Control, cx: &Ctx, ack: Ack) -> Result<Option<Shown>> {
    cx.needs(Permission::BeGateway)?;
    acting(cx)?;
    gathered(control, cx, ack).await?.ok_or(Error::NotFound)
}
