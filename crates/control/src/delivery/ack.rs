//! What a gateway says it has put in force, or what kept it from doing so.

use super::gateways::acting;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, Upkeep, UseCase};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Gateway, Receipt, Tenant};

/// An acknowledgement, as it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
    /// When the gateway's process started, Unix seconds.
    #[serde(default)]
    pub started_at: i64,
    /// The gateway's own version.
    #[serde(default)]
    pub version: String,
    /// Tools that it sees defined differently than was reviewed: calls of them are denied there.
    #[serde(default)]
    pub drifted: Vec<Drifted>,
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

/// Why a gateway refused what was offered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AckError {
    /// Stable code.
    pub code: String,
    /// For the operator.
    pub message: String,
}

/// What counts as confirmed without a row being written again, in milliseconds.
const FRESH_MS: i64 = 4_000;
/// A gateway that confirms what was never published here: it follows another control plane, or a backup was restored.
const AHEAD: &str = "ahead_of_control_plane";

/// Text from a gateway: untrusted, printable, short.
fn printable(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

fn bounded(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

impl Ack {
    /// The gateway's row after this acknowledgement.
    fn applied(&self, row: &Gateway, tenant: &Tenant, now_ms: i64) -> Gateway {
        let (policy_version, revocation_seq) = (bounded(self.policy_version), bounded(self.revocation_seq));
        let ahead = policy_version.is_some_and(|version| version > tenant.policy_version)
            || revocation_seq.is_some_and(|seq| seq > tenant.revocation_seq);
        let error = match &self.error {
            _ if ahead => Some((AHEAD.to_owned(), "it runs what was never published here; was a backup restored?".to_owned())),
            // Before the first publish there is nothing to follow, and a gateway that says so is in order.
            Some(_) if tenant.policy_version == 0 => None,
            Some(error) => Some((printable(&error.code, 64), printable(&error.message, 500))),
            None => None,
        };
        let (error, error_text) = error.unzip();
        Gateway {
            seen_ms: Some(now_ms),
            policy_version,
            policy_sha256: self.policy_sha256.as_deref().map(|digest| printable(digest, 64)),
            revocation_seq,
            timestamp: bounded(Some(self.timestamp)),
            error,
            error_text,
            software: Some(printable(&self.version, 40)),
            drifted: self.drifted_json(),
            ..row.clone()
        }
    }
}

/// The most drifted tools of one gateway that are kept.
const MOST_DRIFTED: usize = 50;

impl Ack {
    /// What is kept of the drifted tools; none if there are none.
    fn drifted_json(&self) -> Option<String> {
        let kept = self.drifted.iter().take(MOST_DRIFTED).map(|seen| Drifted {
            resource: printable(&seen.resource, 500),
            tool: printable(&seen.tool, 200),
            digest: printable(&seen.digest, 64),
        });
        let kept: Vec<_> = kept.collect();
        (!kept.is_empty()).then(|| json!(kept).to_string())
    }
}

/// The tools that a gateway last saw defined differently than was reviewed.
pub(crate) fn drifted(gateway: &Gateway) -> Vec<Drifted> {
    gateway.drifted.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Whether the difference is one that people want to find in the audit log.
fn is_event(before: &Gateway, after: &Gateway) -> bool {
    before.policy_version != after.policy_version
        || before.policy_sha256 != after.policy_sha256
        || before.error != after.error
        || before.drifted != after.drifted
}

/// Takes an acknowledgement. A policy put in force, an error and its end are audited; that a gateway lives is only noted.
///
/// # Errors
/// [`Error::Forbidden`] unless a gateway acts; [`Error::NotFound`] when it was removed meanwhile.
pub async fn acknowledge(control: &Control, cx: &Ctx, ack: Ack) -> Result<()> {
    cx.needs(Permission::BeGateway)?;
    let id = acting(cx)?;
    let db = control.read(cx);
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let row = db.get::<Gateway>(id).await?.ok_or(Error::NotFound)?;
    let after = ack.applied(&row, &tenant, cx.now_ms);
    let confirms = after.revocation_seq > row.revocation_seq;
    if is_event(&row, &after) {
        control.run(cx, Activation(ack)).await?;
    } else {
        let fresh = row.seen_ms.is_some_and(|seen| (0..FRESH_MS).contains(&(cx.now_ms - seen)));
        if fresh && after == (Gateway { seen_ms: after.seen_ms, ..row }) {
            return Ok(());
        }
        control.keep(&cx.tenant, NoteSeen { gateway: id.to_owned(), ack }).await?;
    }
    if confirms {
        control.signals().confirmed(&cx.tenant);
    }
    Ok(())
}

/// Writes what the gateway says, and a receipt when its revocation list is newer. Answers the row before and after.
async fn note(scene: &Scene<'_>, id: &str, ack: &Ack) -> Result<(Gateway, Gateway)> {
    let tenant = scene.db.this_tenant().await?.ok_or(Error::NotFound)?;
    let before = scene.db.get::<Gateway>(id).await?.ok_or(Error::NotFound)?;
    let after = ack.applied(&before, &tenant, scene.cx.now_ms);
    if let Some(seq) =
        after.revocation_seq.filter(|seq| *seq <= tenant.revocation_seq && before.revocation_seq.is_none_or(|held| *seq > held))
    {
        let receipt = Receipt { id: format!("{id}/{seq}"), gateway_id: id.to_owned(), seq, at_ms: scene.cx.now_ms };
        // A gateway that started from an older state confirms again what it had confirmed: the first time stands.
        if scene.db.get::<Receipt>(&receipt.id).await?.is_none() {
            scene.db.insert(receipt).await?;
        }
    }
    scene.db.update(after.clone()).await?;
    Ok((before, after))
}

struct Activation(Ack);

impl UseCase for Activation {
    type Out = ();
    const NEEDS: Permission = Permission::BeGateway;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let id = acting(scene.cx)?;
        let (before, after) = note(scene, id, &self.0).await?;
        let details = json!({
            "name": after.name, "policy_version": after.policy_version, "policy_sha256": after.policy_sha256,
            "revocation_seq": after.revocation_seq, "before": before.policy_version, "error": after.error, "message": after.error_text,
            "mended": before.error.as_ref().filter(|_| after.error.is_none()), "drifted": drifted(&after),
        });
        let only_tools = before.policy_sha256 == after.policy_sha256 && before.error == after.error && before.drifted != after.drifted;
        let event = match (&after.error, only_tools) {
            (_, true) => Event::new("gateway.tools_seen"),
            (Some(_), _) => Event::new("gateway.refused").denied(),
            (None, _) => Event::new("gateway.activated"),
        };
        Ok(Done::new((), event.on(id).details(details)))
    }
}

struct NoteSeen {
    gateway: String,
    ack: Ack,
}

impl Upkeep for NoteSeen {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        note(scene, &self.gateway, &self.ack).await?;
        Ok(((), false))
    }
}
