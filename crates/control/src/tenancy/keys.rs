//! The tenant's private keys: made here, kept sealed, opened for the moment of a signature.

use crate::error::{Error, Result};
use crate::scene::Scene;
use crate::vault::Vault;
use policy::RevocationKey;
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

/// Seals a private key and adds it as the active one for its purpose.
///
/// # Errors
/// When sealing or the database fails.
pub async fn add(scene: &Scene<'_>, purpose: &str, private: &[u8], public: String) -> Result<()> {
    let id = scene.id("key");
    let place = place(&scene.cx.tenant, purpose, &id);
    let sealed = scene.parts.vault.seal(&scene.parts.chance, &place, private).map_err(|error| Error::internal("sealing a key", error))?;
    let row = Key { id, purpose: purpose.to_owned(), sealed, public, active: 1, created_ms: scene.cx.now_ms };
    Ok(scene.db.insert(row).await?)
}

/// Opens the active private key for a purpose.
///
/// # Errors
/// When there is none, or the master key is another.
pub async fn open(db: &Reader<'_>, vault: &Vault, purpose: &'static str) -> Result<Zeroizing<Vec<u8>>> {
    let key = active(db, purpose).await?;
    vault.open(&place(db.tenant(), purpose, &key.id), &key.sealed).map_err(|error| Error::internal("opening a key", error))
}

/// The public half of the active key for a purpose.
///
/// # Errors
/// When there is none.
pub async fn public(db: &Reader<'_>, purpose: &'static str) -> Result<String> {
    Ok(active(db, purpose).await?.public)
}

async fn active(db: &Reader<'_>, purpose: &'static str) -> Result<Key> {
    let active = db.keys_for(purpose).await?.into_iter().filter(|key| key.active == 1).max_by_key(|key| key.created_ms);
    active.ok_or_else(|| Error::internal("opening a key", format!("the tenant has no {purpose} key")))
}

/// Opens the key that signs access tokens.
///
/// # Errors
/// As [`open`].
pub async fn token_key(db: &Reader<'_>, vault: &Vault) -> Result<SigningKey> {
    SigningKey::from_pkcs8(&open(db, vault, TOKEN).await?).map_err(|error| Error::internal("reading a token key", error))
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

/// Opens the key that signs checkpoints.
///
/// # Errors
/// As [`open`].
pub async fn log_signer(db: &Reader<'_>, vault: &Vault) -> Result<evidence::Signer> {
    let seed = open(db, vault, AUDIT_LOG).await?;
    let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|error| Error::internal("reading the log key", error))?;
    evidence::Signer::from_seed(&evidence::checkpoint::origin(db.tenant().as_str()), seed)
        .map_err(|error| Error::internal("reading the log key", error))
}
