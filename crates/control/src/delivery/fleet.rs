//! What each gateway should run against what it says it runs.

use super::gateways::OPA;
use super::rollout::{course, labels, tallies};
use super::signing::{damaged, read_repository};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use bundle::assignment::{Member, Members};
use bundle::rollout::{Course, Tally};
use std::collections::{BTreeMap, HashMap};
use store::{BundleHead, Gateway, Pin, Reader};

/// A gateway reports every 8 seconds; one that was not heard of for so long is silent. Milliseconds.
const SILENT_AFTER_MS: i64 = 30_000;
/// An OPA reports when it was told something, and it is told something within a minute. Milliseconds.
const OPA_SILENT_AFTER_MS: i64 = 150_000;

/// The fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The newest version that any are to run; none before the first publish.
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
    /// The policy that it is to run; none before the first publish.
    pub desired_version: Option<i64>,
    /// Its ring.
    pub ring: String,
    /// Until when it is pinned to that version, Unix seconds, if it is.
    pub pinned_until_s: Option<i64>,
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
    /// Runs the policy that it is to run, and the newest revocations.
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
    let known = Known::read(&db, cx).await?;
    let mut gateways = db.all::<Gateway>().await?;
    gateways.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Fleet {
        desired_version: known.live.filter(|live| known.head(*live).is_some()),
        revocation_seq: known.revocation_seq,
        as_of_ms: cx.now_ms,
        gateways: gateways.into_iter().map(|row| known.view(row)).collect(),
    })
}

/// What it takes to say how a gateway stands.
struct Known {
    tenant: String,
    now_ms: i64,
    live: Option<i64>,
    revocation_seq: i64,
    course: Course,
    published: Vec<BundleHead>,
}

impl Known {
    async fn read(db: &Reader<'_>, cx: &Ctx) -> Result<Self> {
        let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
        Ok(Self {
            tenant: tenant.id,
            now_ms: cx.now_ms,
            live: (tenant.policy_version > 0).then_some(tenant.policy_version),
            revocation_seq: tenant.revocation_seq,
            course: course(db).await?,
            published: db.bundle_heads().await?,
        })
    }

    fn head(&self, version: i64) -> Option<&BundleHead> {
        self.published.iter().find(|head| head.version == version)
    }

    fn view(&self, row: Gateway) -> GatewayView {
        let labels = labels(&row);
        let member = Member { tenant: &self.tenant, gateway: &row.id, labels: &labels };
        let ring = self.course.place(&member).map(|place| &self.course.rings()[place]);
        let pin = self.course.pins().get(&row.id).filter(|pin| self.now_ms.div_euclid(1000) < pin.until);
        let desired = pin.map_or_else(|| ring.map_or(0, |ring| ring.version), |pin| pin.version);
        let desired = i64::try_from(desired).ok().filter(|version| *version > 0);
        GatewayView {
            standing: self.standing(&row, desired),
            desired_version: desired,
            ring: ring.map(|ring| ring.name.clone()).unwrap_or_default(),
            pinned_until_s: pin.map(|pin| pin.until),
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
        }
    }

    fn standing(&self, row: &Gateway, desired: Option<i64>) -> Standing {
        let Some(seen) = row.seen_ms else { return Standing::New };
        let silent_after_ms = if row.kind == OPA { OPA_SILENT_AFTER_MS } else { SILENT_AFTER_MS };
        if self.now_ms - seen > silent_after_ms {
            return Standing::Silent;
        }
        let same_policy = match desired.and_then(|version| self.head(version)) {
            Some(head) => row.policy_version == Some(head.version) && row.policy_sha256.as_ref() == Some(&head.sha256),
            None => row.policy_version.is_none(),
        };
        let same_list = self.live.is_none() || row.revocation_seq == Some(self.revocation_seq);
        match (&row.error, same_policy && same_list) {
            (Some(_), _) => Standing::Failing,
            (None, true) => Standing::Current,
            (None, false) => Standing::Behind,
        }
    }
}

/// One gateway in full.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayDetail {
    /// How it stands.
    pub view: GatewayView,
    /// What its operator labelled it with.
    pub labels: BTreeMap<String, String>,
    /// Who belongs to its ring.
    pub members: Members,
    /// The ring's version, whatever it is pinned to.
    pub ring_version: u64,
    /// How it was pinned, if it is; also when the time is over and it is not yet off the list.
    pub pin: Option<Pin>,
    /// What it decided, by policy version.
    pub decided: BTreeMap<u64, Tally>,
    /// The versions that it could be pinned to, the newest first.
    pub runnable: Vec<u64>,
    /// When this was read, Unix milliseconds.
    pub as_of_ms: i64,
}

/// One gateway.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn gateway(control: &Control, cx: &Ctx, id: &str) -> Result<GatewayDetail> {
    cx.needs(Permission::ReadFleet)?;
    let db = control.read(cx);
    let row = db.get::<Gateway>(id).await?.ok_or(Error::NotFound)?;
    let known = Known::read(&db, cx).await?;
    let labels = labels(&row);
    let member = Member { tenant: &known.tenant, gateway: &row.id, labels: &labels };
    let ring = known.course.place(&member).map(|place| known.course.rings()[place].clone());
    let ring = ring.ok_or_else(|| Error::internal("reading the rings", "nobody is left to the last"))?;
    let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
    let mut runnable = read_repository(&state)?.policy_versions();
    runnable.reverse();
    Ok(GatewayDetail {
        pin: db.get::<Pin>(id).await?,
        decided: tallies(&row),
        view: known.view(row),
        members: ring.members,
        ring_version: ring.version,
        labels,
        runnable,
        as_of_ms: cx.now_ms,
    })
}

/// How one gateway stands.
pub(super) async fn view_of(db: &Reader<'_>, cx: &Ctx, row: Gateway) -> Result<GatewayView> {
    Ok(Known::read(db, cx).await?.view(row))
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
    for gateway in db.gateway_words().await? {
        match first.get(&gateway.id) {
            Some(at) => receipt.confirmed.push((gateway.name, *at)),
            None => receipt.unconfirmed.push(gateway.name),
        }
    }
    receipt.confirmed.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    receipt.unconfirmed.sort();
    Ok(receipt)
}
