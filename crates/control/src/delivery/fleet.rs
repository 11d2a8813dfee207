//! What each gateway should run against what it says it runs.

use super::gateways::OPA;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use std::collections::HashMap;
use store::Gateway;

/// A gateway reports every 8 seconds; one that was not heard of for so long is silent. Milliseconds.
const SILENT_AFTER_MS: i64 = 30_000;
/// An OPA reports when it was told something, and it is told something within a minute. Milliseconds.
const OPA_SILENT_AFTER_MS: i64 = 150_000;

/// The fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The version that all are to run; none before the first publish.
    pub desired_version: Option<i64>,
    /// The tenant's newest revocation sequence.
    pub revocation_seq: i64,
    /// When this was read, Unix milliseconds.
    pub as_of_ms: i64,
    /// All enrolled gateways, by name.
    pub gateways: Vec<GatewayView>,
}

/// One gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayView {
    /// `gw_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is an OPA and no gateway of our own.
    pub is_opa: bool,
    /// How it stands.
    pub standing: Standing,
    /// The policy it put in force.
    pub policy_version: Option<i64>,
    /// The newest revocation list it put in force.
    pub revocation_seq: Option<i64>,
    /// When it enrolled, Unix milliseconds.
    pub enrolled_ms: i64,
    /// When it last reported, Unix milliseconds.
    pub seen_ms: Option<i64>,
    /// Code and words of the error that keeps it back; both are the gateway's.
    pub error: Option<(String, String)>,
    /// Its own version.
    pub software: String,
    /// The last batch of decisions that was taken.
    pub batch_seq: i64,
    /// A batch that does not follow the last one taken, so that its decisions cannot be.
    pub gap_seq: Option<i64>,
}

/// How a gateway stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Runs the live policy and the newest revocations.
    Current,
    /// Reports, but runs something older.
    Behind,
    /// Has not reported for too long: half a minute, or for an OPA two and a half.
    Silent,
    /// Reports an error that keeps it back.
    Failing,
    /// Has not reported since it enrolled.
    New,
}

/// The fleet.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn fleet(control: &Control, cx: &Ctx) -> Result<Fleet> {
    cx.needs(Permission::ReadFleet)?;
    let db = control.read(cx);
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let live = db.bundle_heads().await?.into_iter().find(|head| head.version == tenant.policy_version);
    let mut gateways = db.all::<Gateway>().await?;
    gateways.sort_by(|a, b| a.name.cmp(&b.name));
    let standing = |row: &Gateway| {
        let Some(seen) = row.seen_ms else { return Standing::New };
        let silent_after_ms = if row.kind == OPA { OPA_SILENT_AFTER_MS } else { SILENT_AFTER_MS };
        if cx.now_ms - seen > silent_after_ms {
            return Standing::Silent;
        }
        let same_policy = match &live {
            Some(live) => row.policy_version == Some(live.version) && row.policy_sha256.as_ref() == Some(&live.sha256),
            None => row.policy_version.is_none(),
        };
        let same_list = live.is_none() || row.revocation_seq == Some(tenant.revocation_seq);
        match (&row.error, same_policy && same_list) {
            (Some(_), _) => Standing::Failing,
            (None, true) => Standing::Current,
            (None, false) => Standing::Behind,
        }
    };
    Ok(Fleet {
        desired_version: live.as_ref().map(|live| live.version),
        revocation_seq: tenant.revocation_seq,
        as_of_ms: cx.now_ms,
        gateways: gateways
            .into_iter()
            .map(|row| GatewayView {
                standing: standing(&row),
                is_opa: row.kind == OPA,
                id: row.id,
                name: row.name,
                policy_version: row.policy_version,
                revocation_seq: row.revocation_seq,
                enrolled_ms: row.enrolled_ms,
                seen_ms: row.seen_ms,
                error: row.error.zip(row.error_text),
                software: row.software.unwrap_or_default(),
                batch_seq: row.batch_seq,
                gap_seq: row.gap_seq,
            })
            .collect(),
    })
}

/// Which gateways have confirmed a revocation sequence or a later one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Name, and when it first confirmed (Unix milliseconds); the earliest first.
    pub confirmed: Vec<(String, i64)>,
    /// Names of the others.
    pub unconfirmed: Vec<String>,
}

/// Which of the gateways enrolled now have confirmed this sequence. The story around it is governance's to tell.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConsole`].
pub async fn receipt(control: &Control, cx: &Ctx, seq: i64) -> Result<Receipt> {
    cx.needs(Permission::ReadConsole)?;
    let db = control.read(cx);
    let first: HashMap<String, i64> = db.first_receipts(seq).await?.into_iter().collect();
    let mut receipt = Receipt::default();
    for gateway in db.all::<Gateway>().await? {
        match first.get(&gateway.id) {
            Some(at) => receipt.confirmed.push((gateway.name, *at)),
            None => receipt.unconfirmed.push(gateway.name),
        }
    }
    receipt.confirmed.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    receipt.unconfirmed.sort();
    Ok(receipt)
}
