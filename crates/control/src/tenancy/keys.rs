//! The tenant's keys as rows: made here and kept sealed, opened for the moment of a signature, destroyed when they end; or known from
//! elsewhere by their public half, or in a key management service that signs with them for us. What keys are rotated and how is told in
//! [`crate::keys`].

use crate::error::{Error, Result};
use crate::scene::Scene;
use crate::service::{Reference, ServiceKey};
use crate::signatures::{Hand, Pen};
use crate::vault::Vault;
use bundle::{PublicKey, Role};
use policy::RevocationKey;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Key, Reader};
use token::SigningKey;
use zeroize::Zeroizing;

/// Signs access tokens. ES256; the public half is a JWK.
pub const TOKEN: &str = "token";
/// Signs the audit log's checkpoints. Ed25519; the public half is a C2SP verifier key.
pub const AUDIT_LOG: &str = "audit-log";

/// Hashes whom revocations concern ([`policy::RevocationKey`]). It stays the same for as long as the tenant lives: gateways hold the list
/// against the key of the policy that they run, whichever version that is.
pub const REVOCATION_MARKS: &str = "revocation-marks";

/// What a sealed key is bound to.
pub fn place(tenant: &store::TenantId, purpose: &str, id: &str) -> String {
    format!("{tenant}/{purpose}/{id}")
}

/// Seals a private key and keeps it. It signs from now on, or waits until it is made active.
///
/// # Errors
/// When sealing or the database fails.
pub async fn add(scene: &Scene<'_>, purpose: &str, private: &[u8], public: String, active: bool) -> Result<Key> {
    let id = scene.id("key");
    let place = place(&scene.cx.tenant, purpose, &id);
    let sealed = scene.seal(&place, private).await?;
    insert(scene, Key { sealed, active: i64::from(active), ..row(scene, id, purpose, public) }).await
}

/// Notes a key that signs elsewhere.
///
/// # Errors
/// When the database fails.
pub async fn add_elsewhere(scene: &Scene<'_>, purpose: &str, public: String) -> Result<Key> {
    insert(scene, row(scene, scene.id("key"), purpose, public)).await
}

/// Notes a key that a service signs with. It signs from when it is made active.
///
/// # Errors
/// When the database fails.
pub async fn add_in_service(scene: &Scene<'_>, purpose: &str, key: &ServiceKey) -> Result<Key> {
    let service = Some(key.reference.as_str().to_owned());
    insert(scene, Key { service, active: 0, ..row(scene, scene.id("key"), purpose, key.public.to_pem()) }).await
}

fn row(scene: &Scene<'_>, id: String, purpose: &str, public: String) -> Key {
    let (purpose, sealed, created_ms) = (purpose.to_owned(), String::new(), scene.cx.now_ms);
    Key { id, purpose, sealed, public, active: 1, created_ms, ended_ms: None, retired_ms: None, handover: None, service: None }
}

async fn insert(scene: &Scene<'_>, row: Key) -> Result<Key> {
    scene.db.insert(row.clone()).await?;
    Ok(row)
}

/// Has a key that waited sign from now on.
///
/// # Errors
/// When the database fails.
pub async fn activate(scene: &Scene<'_>, key: Key) -> Result<()> {
    scene.db.update(Key { active: 1, ..key }).await?;
    Ok(())
}

/// Ends a key: it signs no more, and its private half is destroyed. With `retired` nothing counts any more that it signed.
///
/// # Errors
/// When the database fails.
pub async fn end(scene: &Scene<'_>, key: Key, retired: bool) -> Result<()> {
    let now_ms = scene.cx.now_ms;
    let retired_ms = key.retired_ms.or(retired.then_some(now_ms));
    scene.db.update(Key { active: 0, sealed: String::new(), ended_ms: key.ended_ms.or(Some(now_ms)), retired_ms, ..key }).await?;
    Ok(())
}

/// Whether the private half lies here, to sign now or to wait for its time.
pub fn is_here(key: &Key) -> bool {
    !key.sealed.is_empty() && key.ended_ms.is_none()
}

/// Whether Writ can have it sign by itself: its private half lies here, or in a service.
pub fn is_at_hand(key: &Key) -> bool {
    is_here(key) || in_service(key).is_some()
}

/// Where a key lies that a service signs with; none when it ended.
pub fn in_service(key: &Key) -> Option<&str> {
    key.service.as_deref().filter(|_| key.ended_ms.is_none())
}

/// What signs for a role with a key that is at hand.
///
/// # Errors
/// When the key is of another kind, or the master key is another.
pub(crate) fn pen<'a>(scene: &'a Scene<'_>, role: Role, key: &Key) -> Result<Pen<'a>> {
    let unreadable = |error| Error::internal("reading a signing key", error);
    let hand = match in_service(key) {
        Some(service) => {
            let reference = Reference::parse(service).ok_or_else(|| Error::internal("reading where a key lies", service.to_owned()))?;
            Hand::Service(ServiceKey { reference, public: PublicKey::from_pem(&key.public).map_err(unreadable)? })
        }
        None => {
            let pkcs8 = unseal(&scene.cx.tenant, &scene.parts.vault, key)?;
            Hand::Here(bundle::Key::from_pkcs8(&pkcs8).map_err(unreadable)?)
        }
    };
    Ok(Pen { attempt: scene.attempt, role, hand })
}

/// The private half of a key that lies here.
///
/// # Errors
/// When the master key is another.
pub fn unseal(tenant: &store::TenantId, vault: &Vault, key: &Key) -> Result<Zeroizing<Vec<u8>>> {
    vault.open(&place(tenant, &key.purpose, &key.id), &key.sealed).map_err(|error| Error::internal("opening a key", error))
}

/// Whether the tenant's secrets open with this master key. Asked of the one key that lies here for as long as the tenant lives; true while
/// the tenant is being made and has none.
///
/// # Errors
/// When the database fails.
pub async fn opens(db: &Reader<'_>, vault: &Vault) -> Result<bool> {
    let kept = db.keys_for(REVOCATION_MARKS).await?;
    Ok(kept.iter().all(|key| unseal(db.tenant(), vault, key).is_ok()))
}

/// Opens the active private key for a purpose.
///
/// # Errors
/// When there is none, or the master key is another.
pub async fn open(db: &Reader<'_>, vault: &Vault, purpose: &'static str) -> Result<Zeroizing<Vec<u8>>> {
    unseal(db.tenant(), vault, &active(db, purpose).await?)
}

/// Keys of a purpose whose signatures still count: the one that signs, the one that waits to, and those that did until lately.
///
/// # Errors
/// When the database fails.
pub async fn counting(db: &Reader<'_>, purpose: &'static str) -> Result<Vec<Key>> {
    Ok(db.keys_for(purpose).await?.into_iter().filter(|key| key.retired_ms.is_none()).collect())
}

/// The keys of the tenant's tokens as a JWK set (RFC 7517): also the one that is to sign next, so that everybody knows it by then, and
/// those that no longer sign, since tokens of theirs may still live.
///
/// # Errors
/// When the database fails or holds no key.
pub async fn jwk_set(db: &Reader<'_>) -> Result<Value> {
    let mut keys = Vec::new();
    for key in counting(db, TOKEN).await? {
        let jwk: Value = serde_json::from_str(&key.public).map_err(|error| Error::internal("reading a token key", error))?;
        keys.push(jwk);
    }
    Ok(json!({ "keys": keys }))
}

/// The public half of the active key for a purpose.
///
/// # Errors
/// When there is none.
pub async fn public(db: &Reader<'_>, purpose: &'static str) -> Result<String> {
    Ok(active(db, purpose).await?.public)
}

async fn active(db: &Reader<'_>, purpose: &'static str) -> Result<Key> {
    let signing = db.keys_for(purpose).await?.into_iter().filter(|key| key.active == 1);
    let active = signing.max_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
    active.ok_or_else(|| Error::internal("opening a key", format!("the tenant has no {purpose} key")))
}

/// Opens the key that signs access tokens.
///
/// # Errors
/// As [`open`].
pub async fn token_key(db: &Reader<'_>, vault: &Vault) -> Result<Arc<SigningKey>> {
    let key = SigningKey::from_pkcs8(&open(db, vault, TOKEN).await?);
    key.map(Arc::new).map_err(|error| Error::internal("reading a token key", error))
}

/// The key under which revocations are hashed.
///
/// # Errors
/// As [`open`].
pub async fn revocation_key(db: &Reader<'_>, vault: &Vault) -> Result<RevocationKey> {
    let bytes = open(db, vault, REVOCATION_MARKS).await?;
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|error| Error::internal("reading the key of revocations", error))?;
    Ok(RevocationKey::of(bytes))
}

/// Opens the key that signs checkpoints, and exports.
///
/// # Errors
/// As [`open`].
pub async fn log_signer(db: &Reader<'_>, vault: &Vault) -> Result<evidence::Signer> {
    log_signer_of(db.tenant(), vault, &active(db, AUDIT_LOG).await?)
}

/// Opens a key of the audit log.
///
/// # Errors
/// As [`unseal`].
pub fn log_signer_of(tenant: &store::TenantId, vault: &Vault, key: &Key) -> Result<evidence::Signer> {
    let seed = unseal(tenant, vault, key)?;
    let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|error| Error::internal("reading the log key", error))?;
    evidence::Signer::from_seed(&evidence::checkpoint::origin(tenant.as_str()), seed)
        .map_err(|error| Error::internal("reading the log key", error))
}
