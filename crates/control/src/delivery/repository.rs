//! The tenant's TUF repository: its keys, its first root, and keeping it fresh.

use super::signing::{Signing, life, purpose};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::scene::{Scene, Upkeep};
use crate::tenancy::keys;
use bundle::{KeySet, Repository, Role};
use store::{Reader, TenantId, TufFile};

/// Makes the tenant's six keys and its first root. Part of making the tenant.
///
/// There is no timestamp before the first publish: gateways can enrol and pin the root, and stay closed.
///
/// # Errors
/// When the system gives no randomness, or the database fails.
pub async fn initialise(scene: &Scene<'_>) -> Result<()> {
    let set = KeySet::generate().map_err(|error| Error::internal("making signing keys", error))?;
    let by_role = [
        (Role::Root, &set.root),
        (Role::Targets, &set.targets),
        (Role::Assignment, &set.assignment),
        (Role::Revocations, &set.revocations),
        (Role::Snapshot, &set.snapshot),
        (Role::Timestamp, &set.timestamp),
    ];
    for (role, key) in by_role {
        keys::add(scene, purpose(role), key.pkcs8(), key.public().to_pem(), true).await?;
    }
    let expires = scene.cx.now_s() + life(Role::Root).signed_for;
    let (repository, files) = Repository::create(scene.cx.tenant.as_str(), &set.root_keys(), &[&set.root], expires)
        .map_err(|error| Error::internal("signing the first root", error))?;
    Signing::begin(scene, repository, files)?.seal().await
}

/// Signs the revocation list as the rows have it in this transaction. Whoever adds, lifts or changes a revocation calls this last, and
/// wakes the tenant's watchers. Before the first publish there is nobody to read it: the first publish signs the list as it stands then.
///
/// # Errors
/// When a key cannot be opened, or the database fails.
pub async fn resign_revocations(scene: &Scene<'_>) -> Result<()> {
    let mut signing = Signing::open(scene).await?;
    if !signing.is_published() {
        return Ok(());
    }
    signing.revoke().await?;
    super::opa::revoke(scene, &signing).await?;
    signing.seal().await
}

/// SHA-256 of `metadata/1.root.json`, lower-case hex: what a gateway pins.
///
/// # Errors
/// When the database fails, or the tenant has no root.
pub async fn root_sha256(db: &Reader<'_>) -> Result<String> {
    let root = db.get::<TufFile>(&Role::Root.path(1)).await?;
    let root = root.ok_or_else(|| Error::internal("reading the first root", "the tenant has none"))?;
    Ok(bundle::sha256_hex(root.body.as_bytes()))
}

/// Keeps the repository fresh: takes expired invalidations off the list, renews what nears its end, and signs the timestamp when it is
/// older than three minutes. Answers whether anything was signed.
///
/// What is signed elsewhere is left alone: its end is said on Home, and it holds up nothing else.
pub struct RefreshTimestamp;

impl Upkeep for RefreshTimestamp {
    type Out = bool;

    async fn run(&self, scene: &Scene<'_>) -> Result<(bool, bool)> {
        refresh(scene, By::All).await
    }
}

/// The same with the keys that lie here alone.
struct RefreshAlone;

impl Upkeep for RefreshAlone {
    type Out = bool;

    async fn run(&self, scene: &Scene<'_>) -> Result<(bool, bool)> {
        refresh(scene, By::Here).await
    }
}

/// Does what [`RefreshTimestamp`] does; while a key management service fails, what can be done without it.
///
/// # Errors
/// As the upkeep fails; [`Error::NotSigned`] when something is due that only the service can sign, whatever else was signed.
pub async fn refresh_timestamp(control: &Control, tenant: &TenantId) -> Result<bool> {
    match control.keep(tenant, RefreshTimestamp).await {
        Err(Error::NotSigned(missing)) => {
            control.keep(tenant, RefreshAlone).await?;
            Err(missing.into())
        }
        done => done,
    }
}

/// With which keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum By {
    /// All that are at hand.
    All,
    /// Those that lie here.
    Here,
}

async fn refresh(scene: &Scene<'_>, by: By) -> Result<(bool, bool)> {
    let mut signing = Signing::open(scene).await?;
    if !signing.is_published() {
        return Ok((false, false));
    }
    let may = |signing: &Signing<'_>, role| match by {
        By::All => signing.can_sign(role),
        By::Here => signing.can_sign_alone(role),
    };
    if !may(&signing, Role::Timestamp)? {
        return Ok((false, false));
    }
    let mut changed = false;
    // A timestamp cannot tell of anything that no snapshot lists.
    if may(&signing, Role::Snapshot)? {
        if signing.is_due(Role::Root) && may(&signing, Role::Root)? {
            signing.renew_root()?;
            changed = true;
        }
        if signing.is_due(Role::Targets) && may(&signing, Role::Targets)? {
            signing.renew_targets().await?;
            changed = true;
        }
        if signing.is_due(Role::Assignment) && may(&signing, Role::Assignment)? {
            signing.assign().await?;
            changed = true;
        }
        if may(&signing, Role::Revocations)? && (signing.is_due(Role::Revocations) || signing.list_is_outdated().await?) {
            signing.revoke().await?;
            changed = true;
        }
        if changed || signing.is_due(Role::Snapshot) {
            signing.seal().await?;
            return Ok((true, true));
        }
    }
    // A clock that was set back makes the last signature one from the future: sign again rather than wait for that day.
    if signing.is_due(Role::Timestamp) || signing.signed_ms() > scene.cx.now_ms {
        signing.touch().await?;
        return Ok((true, true));
    }
    Ok((false, false))
}
