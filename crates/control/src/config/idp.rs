//! The connection to the tenant's identity provider.

use super::history;
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::{AdminRole, Permission};
use crate::scene::{Done, Scene, UseCase};
use crate::vault::Vault;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AdminBinding, IdpConnection, Reader};
use url::Url;
use zeroize::Zeroizing;

/// Connects the provider, or changes the connection. One tenant has one.
pub struct SetIdp {
    /// Exact issuer.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there; `None` keeps what is stored.
    pub client_secret: Option<String>,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// The version that the editor saw; 0 for none.
    pub version: i64,
}

/// What a sealed client secret is bound to.
pub(crate) fn secret_place(tenant: &store::TenantId, id: &str) -> String {
    format!("{tenant}/idp/{id}")
}

/// An issuer as people type it: a URL, kept letter for letter, since it is compared so.
///
/// # Errors
/// [`Error::Invalid`] for the field `issuer`.
pub fn issuer(text: &str) -> Result<&str> {
    let issuer = text.trim();
    let plain = issuer.len() <= 500 && issuer.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    let usable = |url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match Url::parse(issuer) {
        Ok(url) if plain && usable(&url) => Ok(issuer),
        _ => Err(Error::invalid("issuer", "give the issuer's https:// URL exactly as the provider writes it")),
    }
}

impl UseCase for SetIdp {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let old = scene.db.all::<IdpConnection>().await?.into_iter().next();
        if old.as_ref().map_or(0, |row| row.version) != self.version {
            return Err(Error::Changed("the connection was changed by somebody else".to_owned()));
        }
        let issuer = issuer(&self.issuer)?;
        if self.client_id.trim().is_empty() || self.client_id.len() > 255 {
            return Err(Error::invalid("client_id", "give the client id that the provider made for Writ"));
        }
        if self.groups_claim.trim().is_empty() || self.groups_claim.len() > 120 {
            return Err(Error::invalid("groups_claim", "name the claim that holds a person's groups"));
        }
        if let Some(old) = old.as_ref().filter(|old| old.issuer != issuer) {
            keeps_an_owner(scene, old, issuer).await?;
        }
        let id = old.as_ref().map_or_else(|| scene.id("idp"), |row| row.id.clone());
        // A secret goes to the issuer that it was given for, and to no other.
        let kept = old.as_ref().filter(|row| row.issuer == issuer).and_then(|row| row.client_secret.clone());
        let client_secret = match self.client_secret.as_deref().filter(|secret| !secret.is_empty()) {
            Some(secret) => Some(scene.seal(&secret_place(&scene.cx.tenant, &id), secret.as_bytes()).await?),
            None => kept,
        };
        let event = Event::new("idp.set").on(&id).details(json!({
            "issuer": issuer, "client_id": self.client_id.trim(), "groups_claim": self.groups_claim.trim(), "new_secret": self.client_secret.is_some(),
        }));
        let row = IdpConnection {
            id,
            issuer: issuer.to_owned(),
            client_id: self.client_id.trim().to_owned(),
            client_secret,
            groups_claim: self.groups_claim.trim().to_owned(),
            version: self.version + 1,
            updated_ms: scene.cx.now_ms,
        };
        scene.db.put(row).await?;
        Ok(Done::new((), event))
    }
}

/// Admin roles belong to people of one issuer: with another, nobody would hold any, and only the host's shell could help.
async fn keeps_an_owner(scene: &Scene<'_>, old: &IdpConnection, issuer: &str) -> Result<()> {
    let owner = |at: &str, row: &AdminBinding| row.issuer == at && row.role == AdminRole::Owner.as_str();
    let bindings = scene.db.all::<AdminBinding>().await?;
    let locks_out = bindings.iter().any(|row| owner(&old.issuer, row)) && !bindings.iter().any(|row| owner(issuer, row));
    if locks_out && scene.cx.actor != Actor::Host {
        let text = "admin roles belong to people of the present issuer, so with another nobody could sign in as an owner; change it on the host: writ admin set-idp";
        return Err(Error::refused("would_lock_out", text));
    }
    Ok(())
}

/// The connection, if there is one. Its secret is sealed; show only whether it is there.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn idp(control: &Control, cx: &Ctx) -> Result<Option<IdpConnection>> {
    cx.needs(Permission::ReadConfig)?;
    Ok(control.read(cx).all::<IdpConnection>().await?.into_iter().next())
}

/// The connection's version, 0 for none.
///
/// # Errors
/// As [`idp`].
pub async fn idp_version(control: &Control, cx: &Ctx) -> Result<i64> {
    Ok(idp(control, cx).await?.map_or(0, |row| row.version))
}

/// Opens the client secret, for the moment of an exchange.
///
/// # Errors
/// When it was sealed under another master key.
pub fn idp_secret(db: &Reader<'_>, vault: &Vault, connection: &IdpConnection) -> Result<Option<Zeroizing<String>>> {
    let Some(sealed) = &connection.client_secret else { return Ok(None) };
    let opened = vault
        .open(&secret_place(db.tenant(), &connection.id), sealed)
        .map_err(|error| Error::internal("opening the client secret", error))?;
    let text = String::from_utf8(opened.to_vec()).map_err(|error| Error::internal("reading the client secret", error))?;
    Ok(Some(Zeroizing::new(text)))
}

/// One thing that was checked at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdpCheck {
    /// What should be so.
    pub title: String,
    /// What was found; may be the provider's own words.
    pub detail: String,
    /// It is so.
    pub ok: bool,
}

/// Notes what a look at the provider found. Whoever runs it has looked: nothing in here calls out.
pub struct NoteIdpCheck {
    /// What was found.
    pub checks: Vec<IdpCheck>,
}

impl UseCase for NoteIdpCheck {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let connection = scene.db.all::<IdpConnection>().await?.into_iter().next().ok_or(Error::NotFound)?;
        let details = json!({ "issuer": connection.issuer, "version": connection.version, "checks": self.checks });
        Ok(Done::new((), Event::new("idp.check").on(connection.id).details(details)))
    }
}

/// What the last look at the present connection's provider found, and when (Unix milliseconds).
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn last_idp_check(control: &Control, cx: &Ctx) -> Result<Option<(Vec<IdpCheck>, i64)>> {
    let Some(connection) = idp(control, cx).await? else { return Ok(None) };
    let noted = history::newest(&control.read(cx), "idp.check", &connection.id).await?;
    Ok(noted.filter(|edit| edit.details["version"] == connection.version).map(|edit| {
        let checks = serde_json::from_value(edit.details["checks"].clone()).unwrap_or_default();
        (checks, edit.at_ms)
    }))
}
