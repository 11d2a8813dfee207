//! How an OPA comes to be known: a bearer token, kept here as a hash, that can be replaced and taken back.

use super::archives::{public, refresh};
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::delivery::enrolment::{check_name, new_gateway};
use crate::delivery::gateways::{OPA, acting};
use crate::delivery::signing::Signing;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use opa::Lane;
use serde_json::json;
use store::{Gateway, OpaClient, OpaToken};

/// What every token begins with, so that a lost one is recognised.
const PREFIX: &str = "wot_";

/// An OPA that was enrolled, or got a new token.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaEnrolled {
    /// `opa_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The token, which is told this once.
    pub token: String,
}

/// Takes an OPA into the fleet.
pub struct EnrolOpa {
    /// Its name: `[a-z0-9-]{1,40}`, unlike any gateway's.
    pub name: String,
}

impl UseCase for EnrolOpa {
    type Out = OpaEnrolled;
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<OpaEnrolled>> {
        let name = self.name.trim();
        check_name(name)?;
        if scene.db.gateway_named(name).await?.is_some() {
            return Err(Error::refused("gateway_exists", format!("there is a gateway or an OPA {name} already")));
        }
        let id = scene.id("opa");
        let row = Gateway { kind: OPA.to_owned(), ..new_gateway(&id, name, String::new(), scene.cx.now_ms) };
        scene.db.insert(row).await?;
        let (policy, revocations) = (public(&scene.db, Lane::Policy).await?, public(&scene.db, Lane::Revocations).await?);
        let client = OpaClient {
            id: id.clone(),
            policy_key: policy.id().to_owned(),
            revocations_key: revocations.id().to_owned(),
            refused_policy: None,
            refused_policy_text: None,
            refused_revocations: None,
            refused_revocations_text: None,
        };
        scene.db.insert(client).await?;
        let token = add_token(scene, &id).await?;
        // The first OPA of a tenant finds its bundles ready.
        refresh(scene, &Signing::open(scene).await?).await?;
        let event = Event::new("opa.enrol").on(id.clone()).details(json!({ "name": name }));
        Ok(Done::new(OpaEnrolled { id, name: name.to_owned(), token }, event).wake())
    }
}

async fn add_token(scene: &Scene<'_>, client: &str) -> Result<String> {
    let token = format!("{PREFIX}{}", scene.parts.chance.secret());
    let row = OpaToken { id: sha256_hex(&token), client_id: client.to_owned(), created_ms: scene.cx.now_ms, used_ms: None };
    scene.db.insert(row).await?;
    Ok(token)
}

/// Makes another token for an OPA. The one in use goes on until the new one is used for the first time, so that nothing stops in between.
pub struct NewToken {
    /// `opa_…`.
    pub client: String,
    /// The old token may be in the wrong hands: it stops working at once.
    pub at_once: bool,
}

impl UseCase for NewToken {
    type Out = OpaEnrolled;
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<OpaEnrolled>> {
        let client = known(scene, &self.client).await?;
        for held in scene.db.opa_tokens(&client.id).await? {
            if self.at_once || held.used_ms.is_none() {
                scene.db.delete::<OpaToken>(&held.id).await?;
            }
        }
        let token = add_token(scene, &client.id).await?;
        let event = Event::new("opa.token").on(client.id.clone()).details(json!({ "name": client.name, "at_once": self.at_once }));
        Ok(Done::new(OpaEnrolled { id: client.id, name: client.name, token }, event))
    }
}

/// The OPA of that id.
async fn known(scene: &Scene<'_>, id: &str) -> Result<Gateway> {
    scene.db.get::<Gateway>(id).await?.filter(|row| row.kind == OPA).ok_or(Error::NotFound)
}

/// The id of the OPA of that name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn opa_named(control: &Control, cx: &Ctx, name: &str) -> Result<String> {
    cx.needs(Permission::ReadFleet)?;
    let row = control.read(cx).gateway_named(name).await?.filter(|row| row.kind == OPA);
    row.map(|row| row.id).ok_or(Error::NotFound)
}

/// Whose token this is.
///
/// # Errors
/// [`Error::Forbidden`] for a token that nobody has, an unknown tenant included: strangers learn nothing.
pub async fn authenticate(control: &Control, tenant: &str, token: &str, request_id: &str) -> Result<Ctx> {
    let stranger = || Error::Forbidden(Permission::BeGateway);
    if !token.starts_with(PREFIX) {
        return Err(stranger());
    }
    let mut cx = match control.ctx(tenant, Actor::Anonymous, request_id).await {
        Err(Error::NotFound) => return Err(stranger()),
        cx => cx?,
    };
    // Found by the hash of what was sent: nothing is compared byte by byte with a secret.
    let row = control.read(&cx).get::<OpaToken>(&sha256_hex(token)).await?.ok_or_else(stranger)?;
    let client = control.read(&cx).get::<Gateway>(&row.client_id).await?.filter(|row| row.kind == OPA).ok_or_else(stranger)?;
    cx.actor = Actor::Gateway(client.id);
    if row.used_ms.is_none() {
        control.run(&cx, FirstUse { token: row.id }).await?;
    }
    Ok(cx)
}

/// A token is used for the first time: those before it end.
struct FirstUse {
    token: String,
}

impl UseCase for FirstUse {
    type Out = ();
    const NEEDS: Permission = Permission::BeGateway;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let client = acting(scene.cx)?;
        let row = scene.db.get::<OpaToken>(&self.token).await?.filter(|row| row.client_id == client).ok_or(Error::NotFound)?;
        let ended = scene.db.forget_opa_tokens(client, Some(&row.id)).await?;
        scene.db.update(OpaToken { used_ms: Some(scene.cx.now_ms), ..row }).await?;
        Ok(Done::new((), Event::new("opa.token_used").on(client).details(json!({ "ended": ended }))))
    }
}
