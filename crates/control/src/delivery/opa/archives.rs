//! Signed bundles: made with a publish and a revocation, renewed before they end.
//!
//! A policy's bundle is signed with the policy key at publish (here, or as `elsewhere.rs` has it), lives as long as the list of policies
//! does, and is kept for as long as the policy is. Revocations are signed with their own key, again and again: the newest bundle proves for
//! ten minutes that nothing newer is known, and ends after a day.

use crate::control::Control;
use crate::delivery::compile::read;
use crate::delivery::list::revocation_list;
use crate::delivery::repository::By;
use crate::delivery::rollout::course;
use crate::delivery::signing::{Signing, damaged, life, public as public_half, purpose, read_repository};
use crate::error::{Error, Result};
use crate::scene::{Scene, Upkeep};
use crate::signatures::Pen;
use crate::tenancy::keys::{is_at_hand, is_here, pen};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::{PublicKey, Repository, Role};
use opa::{Archive, Lane, PolicyTerms, RevocationTerms, Unsigned, policy_bundle, revocations_bundle};
use policy::PolicySet;
use std::collections::BTreeSet;
use store::{OpaArchive, OpaArchiveHead, Reader, TenantId};

/// For how long revocations prove that nothing newer is known, seconds: as the timestamp of our own repository.
const FRESH_FOR: i64 = life(Role::Timestamp).signed_for;
/// So long after that they deny everything, whatever the ladder says, seconds.
const ENDS_AFTER: i64 = 24 * 3600;

/// The id of the row of revocations.
pub(super) const REVOCATIONS: &str = "revocations";

/// The id of the row of a policy.
pub(super) fn policy_id(version: i64) -> String {
    format!("policy/{version}")
}

fn failed(error: opa::Refused) -> Error {
    Error::internal("signing a bundle for OPAs", error)
}

/// The role whose key signs a lane.
const fn role(lane: Lane) -> Role {
    match lane {
        Lane::Policy => Role::Targets,
        Lane::Revocations => Role::Revocations,
    }
}

/// The key that signs a lane: of those that the metadata lists for its role the one that is at hand, the newest of several. An OPA pins one
/// key only, whatever the threshold of the role is.
pub(super) fn chosen<'k>(repository: &Repository, keys: &'k [store::Key], lane: Lane) -> Result<&'k store::Key> {
    let listed = repository.keys_of(role(lane)).map_err(damaged)?;
    let mut best: Option<&store::Key> = None;
    for key in keys.iter().filter(|key| key.purpose == purpose(role(lane))) {
        let counts = match &listed {
            Some(listed) => listed.keys.contains(&public_half(key)?),
            None => key.active == 1,
        };
        let rank = |key: &'k store::Key| (is_at_hand(key), key.created_ms, &key.id);
        if counts && best.is_none_or(|held| rank(key) > rank(held)) {
            best = Some(key);
        }
    }
    best.ok_or_else(|| damaged(format!("the tenant has no {} key", role(lane))))
}

/// The public half of the key that signs a lane: what an OPA pins.
pub(super) async fn public(db: &Reader<'_>, lane: Lane) -> Result<PublicKey> {
    let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
    public_half(chosen(&read_repository(&state)?, &db.tuf_keys().await?, lane)?)
}

/// What signs a lane, if its key is at hand.
fn key<'s>(scene: &'s Scene<'_>, signing: &Signing<'_>, lane: Lane, by: By) -> Result<Option<Pen<'s>>> {
    let row = chosen(signing.repository(), signing.keys(), lane)?;
    if is_here(row) || (is_at_hand(row) && by == By::All) { pen(scene, role(lane), row).map(Some) } else { Ok(None) }
}

async fn keep(scene: &Scene<'_>, id: String, number: i64, archive: &Archive, expires: i64) -> Result<()> {
    let row = OpaArchive {
        id,
        number,
        revision: archive.revision.to_string(),
        key_id: archive.key_id.clone(),
        sha256: archive.sha256.clone(),
        body: STANDARD.encode(&archive.bytes),
        signed_ms: scene.cx.now_ms,
        expires_ms: expires.saturating_mul(1000),
    };
    Ok(scene.db.put(row).await?)
}

/// The bundle of a policy of which these are the exact bytes. `signed` and `ends` in Unix seconds. A name that no bundle can carry is the
/// publisher's to mend.
pub(super) fn bundle_of(policy: &PolicySet, text: &str, signed: i64, ends: i64) -> Result<Unsigned> {
    let terms = PolicyTerms { native_sha256: bundle::sha256_hex(text.as_bytes()), signed, expires: ends };
    policy_bundle(policy, &terms).map_err(|error| match error {
        opa::Refused::ControlCharacter(_) => Error::refused("opa_name", error.to_string()),
        other => failed(other),
    })
}

/// Keeps a policy's bundle. `ends` in Unix seconds.
pub(super) async fn keep_policy(scene: &Scene<'_>, version: u64, archive: &Archive, ends: i64) -> Result<()> {
    let version = i64::try_from(version).map_err(|error| Error::internal("numbering a bundle", error))?;
    keep(scene, policy_id(version), version, archive, ends).await
}

/// Signs a policy's bundle, as part of its publish.
///
/// Where the policy key lies elsewhere nothing is signed here. Answers whether it was signed.
pub(in crate::delivery) async fn publish(scene: &Scene<'_>, signing: &Signing<'_>, policy: &PolicySet, text: &str) -> Result<bool> {
    publish_by(scene, signing, policy, text, By::All).await
}

async fn publish_by(scene: &Scene<'_>, signing: &Signing<'_>, policy: &PolicySet, text: &str, by: By) -> Result<bool> {
    let Some(key) = key(scene, signing, Lane::Policy, by)? else { return Ok(false) };
    let signed = scene.cx.now_s();
    let ends = signed + life(Role::Targets).signed_for;
    let archive = bundle_of(policy, text, signed, ends)?.sign(&key).map_err(failed)?;
    keep_policy(scene, policy.version, &archive, ends).await?;
    Ok(true)
}

/// Signs revocations as the rows have them in this transaction, where there is an OPA to follow them and a policy to take from.
pub(in crate::delivery) async fn revoke(scene: &Scene<'_>, signing: &Signing<'_>) -> Result<bool> {
    revoke_by(scene, signing, By::All).await
}

async fn revoke_by(scene: &Scene<'_>, signing: &Signing<'_>, by: By) -> Result<bool> {
    let tenant = scene.db.this_tenant().await?.ok_or(Error::NotFound)?;
    if tenant.policy_version == 0 || scene.db.opas().await?.is_empty() {
        return Ok(false);
    }
    let Some(key) = key(scene, signing, Lane::Revocations, by)? else { return Ok(false) };
    let signed = scene.cx.now_s();
    let list = revocation_list(&scene.db, scene.parts, signed).await?;
    let floor = signing.repository().min_version().max(1);
    let expires = signed + FRESH_FOR + ENDS_AFTER;
    let terms = RevocationTerms { floor, signed, fresh_until: signed + FRESH_FOR, expires };
    let archive = revocations_bundle(&list, &terms).map_err(failed)?.sign(&key).map_err(failed)?;
    keep(scene, REVOCATIONS.to_owned(), tenant.revocation_seq, &archive, expires).await?;
    Ok(true)
}

/// Signs what is missing, nears its end or was signed with a key that signs no more: the policies that may still run, and revocations when
/// a third of their freshness is over. Answers whether anything was signed.
pub struct RefreshArchives;

impl Upkeep for RefreshArchives {
    type Out = bool;

    async fn run(&self, scene: &Scene<'_>) -> Result<(bool, bool)> {
        let signed = refresh(scene, &Signing::open(scene).await?).await?;
        Ok((signed, signed))
    }
}

/// The same with the keys that lie here alone.
struct RefreshAlone;

impl Upkeep for RefreshAlone {
    type Out = bool;

    async fn run(&self, scene: &Scene<'_>) -> Result<(bool, bool)> {
        let signed = refresh_by(scene, &Signing::open(scene).await?, By::Here).await?;
        Ok((signed, signed))
    }
}

/// Does what [`RefreshArchives`] does; while a key management service fails, what can be done without it.
///
/// # Errors
/// As the upkeep fails; [`Error::NotSigned`] when something is due that only the service can sign, whatever else was signed.
pub async fn refresh_archives(control: &Control, tenant: &TenantId) -> Result<bool> {
    match control.keep(tenant, RefreshArchives).await {
        Err(Error::NotSigned(missing)) => {
            control.keep(tenant, RefreshAlone).await?;
            Err(missing.into())
        }
        done => done,
    }
}

/// The policies whose bundles OPAs lack: missing, near their end, or signed with a key that signs no more. None without OPAs.
pub(super) async fn due(db: &Reader<'_>, repository: &Repository, keys: &[store::Key], now_s: i64) -> Result<BTreeSet<u64>> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    if tenant.policy_version == 0 || db.opas().await?.is_empty() {
        return Ok(BTreeSet::new());
    }
    let heads = db.opa_archive_heads().await?;
    let key = public_half(chosen(repository, keys, Lane::Policy)?)?;
    let assigned: BTreeSet<u64> = course(db).await?.assignment().versions().collect();
    let lasts = |head: &OpaArchiveHead| head.key_id == key.id() && head.expires_ms / 1000 - now_s > life(Role::Targets).renew_before;
    let lacks = |version: &u64| {
        let held = heads.iter().find(|head| Ok(head.number) == i64::try_from(*version) && head.id == policy_id(head.number));
        // Of the policies that nobody is to run, those that never had a bundle need none.
        held.map_or_else(|| assigned.contains(version), |head| !lasts(head))
    };
    Ok((repository.min_version().max(1)..=db.newest_bundle().await?.unsigned_abs()).filter(lacks).collect())
}

/// See [`RefreshArchives`].
pub(in crate::delivery) async fn refresh(scene: &Scene<'_>, signing: &Signing<'_>) -> Result<bool> {
    refresh_by(scene, signing, By::All).await
}

async fn refresh_by(scene: &Scene<'_>, signing: &Signing<'_>, by: By) -> Result<bool> {
    let tenant = scene.db.this_tenant().await?.ok_or(Error::NotFound)?;
    if tenant.policy_version == 0 || scene.db.opas().await?.is_empty() {
        return Ok(false);
    }
    let mut signed = false;
    for version in due(&scene.db, signing.repository(), signing.keys(), scene.cx.now_s()).await? {
        if let Some(row) = scene.db.get::<store::Bundle>(&version.to_string()).await? {
            signed |= publish_by(scene, signing, &read(&row.policy)?, &row.policy, by).await?;
        }
    }
    let heads = scene.db.opa_archive_heads().await?;
    let revocations_key = public_half(chosen(signing.repository(), signing.keys(), Lane::Revocations)?)?;
    let revocations = heads.iter().find(|head| head.id == REVOCATIONS);
    // A clock that was set back makes the last signature one from the future.
    let due = |signed_ms: i64| scene.cx.now_ms - signed_ms >= FRESH_FOR * 1000 * 3 / 10 || signed_ms > scene.cx.now_ms;
    let current =
        |head: &OpaArchiveHead| head.number == tenant.revocation_seq && head.key_id == revocations_key.id() && !due(head.signed_ms);
    if !revocations.is_some_and(current) {
        signed |= revoke_by(scene, signing, by).await?;
    }
    Ok(signed)
}
