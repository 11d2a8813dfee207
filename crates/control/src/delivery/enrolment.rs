//! How a gateway comes to be known: a token that is shown once, traded for an id.
//!
//! The token is `wge_<secret>.<SHA-256 of the first root>`. Its second half is what the gateway pins before it trusts anything; the whole
//! token is kept here as a hash only.

use super::repository::root_sha256;
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{Enrolment, Gateway};
use token::PublicJwk;

/// How long a token works, in seconds.
pub const TOKEN_LIFE_S: i64 = 15 * 60;

/// What a chain of decision batches begins with.
pub(super) const NO_BATCH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub(super) fn check_name(name: &str) -> Result<()> {
    let shaped = !name.is_empty() && name.len() <= 40 && !name.starts_with('-');
    let allowed = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match shaped && allowed {
        true => Ok(()),
        false => Err(Error::invalid("name", "use a-z, 0-9 and -, at most 40 characters, not beginning with -")),
    }
}

async fn make(scene: &Scene<'_>, name: &str, replaces: bool) -> Result<Done<String>> {
    check_name(name)?;
    let held = scene.db.gateway_named(name).await?;
    match (&held, replaces) {
        (Some(_), false) => {
            return Err(Error::refused("gateway_exists", format!("there is a gateway {name} already; replacing it is another step")));
        }
        (None, true) => return Err(Error::NotFound),
        _ => {}
    }
    let token = format!("wge_{}.{}", scene.parts.chance.secret(), root_sha256(&scene.db).await?);
    let expires_ms = scene.cx.now_ms + TOKEN_LIFE_S * 1000;
    scene.db.forget_enrolments(name).await?;
    let row = Enrolment { id: sha256_hex(&token), name: name.to_owned(), replaces: i64::from(replaces), expires_ms, used_ms: None };
    scene.db.insert(row).await?;
    let details = json!({ "name": name, "expires_ms": expires_ms, "replaces": held.map(|gateway| gateway.id) });
    Ok(Done::new(token, Event::new("enrolment.create").on(name).details(details)))
}

/// Makes an enrolment token for a new gateway of this name. An unused one for the same name stops working.
pub struct CreateEnrolment {
    /// The gateway's name: `[a-z0-9-]{1,40}`.
    pub name: String,
}

impl UseCase for CreateEnrolment {
    type Out = String;
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        make(scene, self.name.trim(), false).await
    }
}

/// Makes an enrolment token with which another machine takes the place, and the name, of a gateway. Until it is used the old one goes on.
pub struct ReplaceGateway {
    /// The name of the gateway.
    pub name: String,
}

impl UseCase for ReplaceGateway {
    type Out = String;
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        make(scene, self.name.trim(), true).await
    }
}

/// What a gateway sends to enrol.
#[derive(Clone)]
pub struct Enrol {
    /// The whole token.
    pub token: String,
    /// Its name.
    pub name: String,
    /// The public half of its key.
    pub public_key: PublicJwk,
}

/// An enrolled gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// `gw_…`.
    pub gateway_id: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of the first root, hex.
    pub root_sha256: String,
}

/// Trades a token for an id.
///
/// # Errors
/// [`Error::Invalid`] for a key or name of the wrong kind; [`Error::Refused`] with `enrolment_unknown`, `enrolment_expired`,
/// `enrolment_used`, `enrolment_name` or `gateway_exists`.
pub async fn enrol(control: &Control, cx: &Ctx, enrol: Enrol) -> Result<Enrolled> {
    match control.run(cx, enrol).await? {
        Ok(enrolled) => Ok(enrolled),
        Err(refusal) => Err(Error::refused(refusal.code, refusal.text)),
    }
}

/// A token that exists was refused. It is an answer and not an error of the use case, since it leaves an audit event behind: somebody who
/// should not have it any more has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub code: &'static str,
    /// For the person at the gateway.
    pub text: &'static str,
}

const UNKNOWN: Refusal = Refusal { code: "enrolment_unknown", text: "the enrolment token is not known" };
const EXPIRED: Refusal = Refusal { code: "enrolment_expired", text: "the enrolment token has ended" };
const USED: Refusal = Refusal { code: "enrolment_used", text: "the enrolment token was used already" };
const OTHER_NAME: Refusal = Refusal { code: "enrolment_name", text: "the enrolment token is for a gateway of another name" };
const EXISTS: Refusal =
    Refusal { code: "gateway_exists", text: "there is a gateway of that name already, and the token is not for replacing it" };

impl UseCase for Enrol {
    type Out = std::result::Result<Enrolled, Refusal>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        check_name(&self.name)?;
        if !self.public_key.is_p256() {
            return Err(Error::invalid("public_key", "give a public EC P-256 key as a JWK"));
        }
        // Found by the hash of what was sent: nothing is compared byte by byte with a secret.
        let Some(row) = scene.db.get::<Enrolment>(&sha256_hex(&self.token)).await? else {
            return Err(Error::refused(UNKNOWN.code, UNKNOWN.text));
        };
        let held = scene.db.gateway_named(&row.name).await?;
        let refused = |refusal: Refusal| {
            let details = json!({ "refused": refusal.code, "offered_name": self.name });
            let event = Event::new("gateway.enrol").on(row.name.clone()).denied().details(details);
            Ok(Done::new(Err(refusal), event))
        };
        if row.name != self.name {
            return refused(OTHER_NAME);
        }
        if scene.cx.now_ms >= row.expires_ms {
            return refused(EXPIRED);
        }
        let root_sha256 = root_sha256(&scene.db).await?;
        if row.used_ms.is_some() {
            // The answer to the first attempt may have been lost on the way: the same key gets it again.
            return match held.filter(|gateway| same_key(gateway, &self.public_key)) {
                Some(gateway) => {
                    let event = Event::new("gateway.enrol")
                        .by("gateway", gateway.id.clone())
                        .on(gateway.id.clone())
                        .details(json!({ "repeated": true }));
                    Ok(Done::new(Ok(Enrolled { gateway_id: gateway.id, name: gateway.name, root_sha256 }), event))
                }
                None => refused(USED),
            };
        }
        let replaced = match (held, row.replaces == 1) {
            (Some(_), false) => return refused(EXISTS),
            (held, _) => held,
        };
        if let Some(old) = &replaced {
            scene.db.delete::<Gateway>(&old.id).await?;
        }
        let id = scene.id("gw");
        let key = PublicJwk { kid: id.clone(), alg: "ES256".to_owned(), usage: "sig".to_owned(), ..self.public_key.clone() };
        let key = serde_json::to_string(&key).map_err(|error| Error::internal("keeping a gateway's key", error))?;
        let event = Event::new("gateway.enrol").by("gateway", id.clone()).on(id.clone()).details(json!({
            "name": row.name, "key_sha256": sha256_hex(&key),
            "replaced": replaced.map(|old| json!({ "id": old.id, "batch_seq": old.batch_seq, "batch_hash": old.batch_hash })),
        }));
        scene.db.insert(new_gateway(&id, &row.name, key, scene.cx.now_ms)).await?;
        scene.db.update(Enrolment { used_ms: Some(scene.cx.now_ms), ..row.clone() }).await?;
        Ok(Done::new(Ok(Enrolled { gateway_id: id, name: row.name, root_sha256 }), event))
    }
}

fn same_key(gateway: &Gateway, offered: &PublicJwk) -> bool {
    serde_json::from_str::<PublicJwk>(&gateway.public_key).is_ok_and(|held| held.x == offered.x && held.y == offered.y)
}

pub(super) fn new_gateway(id: &str, name: &str, public_key: String, now_ms: i64) -> Gateway {
    Gateway {
        id: id.to_owned(),
        name: name.to_owned(),
        public_key,
        enrolled_ms: now_ms,
        seen_ms: None,
        policy_version: None,
        policy_sha256: None,
        revocation_seq: None,
        timestamp: None,
        error: None,
        error_text: None,
        software: None,
        batch_seq: 0,
        batch_hash: NO_BATCH.to_owned(),
        gap_seq: None,
        gap_prev: None,
        drifted: None,
        labels: None,
        witness_key: None,
        witnessed_size: None,
        cosignature: None,
        witnessed_s: None,
        kind: super::gateways::GATEWAY.to_owned(),
        refused: None,
        decided: None,
    }
}
