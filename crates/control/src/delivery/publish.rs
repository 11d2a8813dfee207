//! Draft, publish, and what was published.

use super::candidate::{Added, Fate, Offer, check_nothing_urgent_awaits, settle};
use super::compile::{compile, configuration, live, read};
use super::rollout::lowest_floor;
use super::signing::{Signing, damaged, is_signed_by_itself, read_repository};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::Role;
use bundle::ceremony::Kind;
use policy::{Change, Configuration, Finding, PolicySet, Severity};
use store::BundleHead;

/// What a publish would do now.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What changes against the live policy, widening changes first.
    pub changes: Vec<Change>,
    /// What is suspicious, the worst first. An error keeps it from being published.
    pub findings: Vec<Finding>,
    /// The number to hand to [`Publish`], so that nothing is published that was not shown.
    pub draft: i64,
    /// Edits since the last publish. Each may come to several changes, or to none.
    pub edits: i64,
    /// The live version; none before the first publish.
    pub live_version: Option<u64>,
    /// Whether a publish would change anything.
    pub differs: bool,
    /// The policy as it would be published.
    pub policy: PolicySet,
    /// Whether the policy key lies here: otherwise a publish asks for a signature that is made elsewhere.
    pub signed_here: bool,
}

/// What a publish would do now.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn draft(control: &Control, cx: &Ctx) -> Result<Draft> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    // The number is read before the rows: if they move in between, the publish is refused rather than a surprise.
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let policy = compile(&db, control.parts()).await?;
    let live = live(&db).await?;
    let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
    let changes = policy::diff(live.as_ref().unwrap_or(&PolicySet::default()), &policy);
    Ok(Draft {
        changes,
        findings: policy::lint(&policy),
        draft: tenant.draft,
        edits: tenant.draft - tenant.published_draft,
        live_version: live.as_ref().map(|live| live.version),
        signed_here: is_signed_by_itself(&read_repository(&state)?, &db.tuf_keys().await?, Role::Targets)?,
        differs: live.is_none_or(|live| !same(&live, &policy)),
        policy,
    })
}

/// Equal but for the version.
pub(super) fn same(live: &PolicySet, compiled: &PolicySet) -> bool {
    *live == PolicySet { version: live.version, ..compiled.clone() }
}

/// Publishes the draft: compiles it, has it signed, puts it live for every gateway. Where the policy key lies elsewhere, the draft becomes a
/// candidate that awaits its signature; an earlier one that waits is superseded.
pub struct Publish {
    /// Why, at most 500 characters; may be empty.
    pub note: String,
    /// [`Draft::draft`] of the draft that was shown.
    pub expected_draft: i64,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The policy of this version is signed and live.
    Live(u64),
    /// The policy of this version awaits the signature of the policy key.
    Awaits {
        /// The policy's version.
        version: u64,
        /// The candidate's number.
        candidate: u64,
    },
}

impl Publication {
    /// The policy's version.
    pub const fn version(self) -> u64 {
        match self {
            Self::Live(version) | Self::Awaits { version, .. } => version,
        }
    }
}

impl UseCase for Publish {
    type Out = Publication;
    const NEEDS: Permission = Permission::Publish;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Publication>> {
        let note = self.note.trim();
        if note.chars().count() > 500 {
            return Err(Error::invalid("note", "use at most 500 characters"));
        }
        let db = &scene.db;
        let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
        if tenant.draft != self.expected_draft {
            return Err(Error::Changed("the draft was edited after you saw it; look at the differences again".to_owned()));
        }
        let added = Added::compile(scene, configuration(db, scene.parts).await?).await?;
        let policy = read(&added.text)?;
        let before = live(db).await?;
        if let Some(before) = before.as_ref().filter(|before| same(before, &policy)) {
            if tenant.published_draft == tenant.draft {
                return Err(Error::Changed(format!("version {} already holds exactly this", before.version)));
            }
            return Err(Error::refused("nothing_changed", format!("the draft is the same as version {}, which is live", before.version)));
        }
        let errors: Vec<String> =
            policy::lint(&policy).into_iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.what).collect();
        if !errors.is_empty() {
            return Err(Error::refused("lint", errors.join(". ")));
        }
        check_nothing_urgent_awaits(scene).await?;
        check_not_offered(scene, &added).await?;
        let signing = Signing::open(scene).await?;
        let version = added.number();
        let floor = lowest_floor(db, version).await?;
        let offer = Offer::policy(&signing, Kind::Publish, added, floor, Some(tenant.draft), note.to_owned()).await?;
        Ok(match settle(scene, signing, offer).await? {
            Fate::Live(events) => Done::all(Publication::Live(version), events).wake(),
            Fate::Awaits(candidate, events) => Done::all(Publication::Awaits { version, candidate }, events),
        })
    }
}

/// Refuses to offer again what awaits its signature already.
async fn check_not_offered(scene: &Scene<'_>, added: &Added) -> Result<()> {
    let Some(row) = scene.db.candidate_awaiting().await? else { return Ok(()) };
    let offered = row.configuration.as_deref().map(serde_json::from_str::<Configuration>).transpose();
    let offered = offered.map_err(|error| Error::internal("reading a candidate", error))?;
    match offered {
        Some(offered) if offered == added.configuration => {
            Err(Error::Changed(format!("candidate {} holds exactly this and awaits its signature", row.number)))
        }
        _ => Ok(()),
    }
}

/// A published version.
#[derive(Debug, Clone)]
pub struct BundleView {
    /// Version, digest, note, when and by whom.
    pub head: BundleHead,
    /// Whether it is the one that gateways are to run.
    pub live: bool,
}

/// All published versions, newest first.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn bundles(control: &Control, cx: &Ctx) -> Result<Vec<BundleView>> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    Ok(db.bundle_heads().await?.into_iter().map(|head| BundleView { live: head.version == tenant.policy_version, head }).collect())
}

/// Two published policies beside each other.
#[derive(Debug, Clone)]
pub struct Compared {
    /// What differs.
    pub changes: Vec<Change>,
    /// The one that it is compared with.
    pub before: PolicySet,
    /// The one that it leads to.
    pub after: PolicySet,
}

/// What changes from one published version to another, whichever is the newer, with the policy that it leads to.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn compare(control: &Control, cx: &Ctx, from: u64, to: u64) -> Result<Compared> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let mut both = Vec::with_capacity(2);
    for version in [from, to] {
        let row = db.get::<store::Bundle>(&version.to_string()).await?.ok_or(Error::NotFound)?;
        both.push(read(&row.policy)?);
    }
    let changes = policy::diff(&both[0], &both[1]);
    let (after, before) = (both.pop().unwrap_or_default(), both.pop().unwrap_or_default());
    Ok(Compared { changes, before, after })
}

/// One published version in full.
#[derive(Debug, Clone)]
pub struct Published {
    /// Version, digest, note, when and by whom.
    pub view: BundleView,
    /// The policy.
    pub policy: PolicySet,
    /// The exact bytes that were signed.
    pub bytes: String,
    /// The policy before; empty for the first.
    pub before: PolicySet,
    /// What it changed against the version before.
    pub changes: Vec<Change>,
}

/// One published version.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn bundle(control: &Control, cx: &Ctx, version: u64) -> Result<Published> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let row = db.get::<store::Bundle>(&version.to_string()).await?.ok_or(Error::NotFound)?;
    let before = db.bundle_before(row.version).await?.map(|row| read(&row.policy)).transpose()?.unwrap_or_default();
    let policy = read(&row.policy)?;
    let changes = policy::diff(&before, &policy);
    let head = BundleHead {
        version: row.version,
        sha256: row.sha256,
        note: row.note,
        published_ms: row.published_ms,
        published_by: row.published_by,
    };
    Ok(Published { view: BundleView { live: head.version == tenant.policy_version, head }, policy, bytes: row.policy, before, changes })
}
