//! Draft, publish, and what was published.

use super::compile::{compile, live, read};
use super::signing::Signing;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::{Change, Direction, Finding, PolicySet, Severity};
use serde_json::json;
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
    let changes = policy::diff(live.as_ref().unwrap_or(&PolicySet::default()), &policy);
    Ok(Draft {
        changes,
        findings: policy::lint(&policy),
        draft: tenant.draft,
        edits: tenant.draft - tenant.published_draft,
        live_version: live.as_ref().map(|live| live.version),
        differs: live.is_none_or(|live| !same(&live, &policy)),
        policy,
    })
}

/// Equal but for the version.
fn same(live: &PolicySet, compiled: &PolicySet) -> bool {
    *live == PolicySet { version: live.version, ..compiled.clone() }
}

/// Publishes the draft: compiles, signs, puts it live for every gateway. Answers the version.
pub struct Publish {
    /// Why, at most 500 characters; may be empty.
    pub note: String,
    /// [`Draft::draft`] of the draft that was shown.
    pub expected_draft: i64,
}

impl UseCase for Publish {
    type Out = u64;
    const NEEDS: Permission = Permission::Publish;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<u64>> {
        let note = self.note.trim();
        if note.chars().count() > 500 {
            return Err(Error::invalid("note", "use at most 500 characters"));
        }
        let db = &scene.db;
        let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
        if tenant.draft != self.expected_draft {
            return Err(Error::Changed("the draft was edited after you saw it; look at the differences again".to_owned()));
        }
        let mut policy = compile(db, scene.parts).await?;
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
        let version = db.next_policy_version().await?;
        policy.version = u64::try_from(version).map_err(|error| Error::internal("numbering the policy", error))?;
        let bytes = serde_json::to_string(&policy).map_err(|error| Error::internal("writing the policy", error))?;
        let sha256 = bundle::sha256_hex(bytes.as_bytes());

        let mut signing = Signing::open(scene).await?;
        let first = !signing.is_published();
        signing.publish(policy.version, &bytes)?;
        signing.assign().await?;
        if first {
            signing.revoke().await?;
        }
        signing.seal().await?;

        let changes = policy::diff(before.as_ref().unwrap_or(&PolicySet::default()), &policy);
        db.insert(store::Bundle {
            id: version.to_string(),
            version,
            policy: bytes,
            sha256: sha256.clone(),
            note: note.to_owned(),
            published_ms: scene.cx.now_ms,
            published_by: scene.cx.actor.id().to_owned(),
        })
        .await?;
        let said = |direction| {
            let those = changes.iter().filter(move |change| change.direction == direction);
            those.map(ToString::to_string).take(SHOWN).collect::<Vec<_>>()
        };
        let (widens, narrows) = (said(Direction::Widens), said(Direction::Narrows));
        let details = json!({ "version": version, "sha256": sha256, "note": note, "draft": tenant.draft, "changes": changes.len(), "widens": widens, "narrows": narrows });
        Ok(Done::new(policy.version, Event::new("bundle.publish").on(format!("policy/{version}")).details(details)).wake())
    }
}

/// How many changes of each kind the audit event spells out; the bundle itself holds all.
const SHOWN: usize = 50;

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

/// One published version in full.
#[derive(Debug, Clone)]
pub struct Published {
    /// Version, digest, note, when and by whom.
    pub view: BundleView,
    /// The policy.
    pub policy: PolicySet,
    /// The exact bytes that were signed.
    pub bytes: String,
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
    let before = match version.checked_sub(1) {
        Some(before) => db.get::<store::Bundle>(&before.to_string()).await?.map(|row| read(&row.policy)).transpose()?,
        None => None,
    };
    let policy = read(&row.policy)?;
    let changes = policy::diff(before.as_ref().unwrap_or(&PolicySet::default()), &policy);
    let head = BundleHead {
        version: row.version,
        sha256: row.sha256,
        note: row.note,
        published_ms: row.published_ms,
        published_by: row.published_by,
    };
    Ok(Published { view: BundleView { live: head.version == tenant.policy_version, head }, policy, bytes: row.policy, changes })
}
