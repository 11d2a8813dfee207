//! Answering an authorization request: a code, or no.

use super::code::CODE_LIFE_MS;
use super::consider::kept;
use super::error::OAuthError;
use super::question::{Weighed, consent_id, weigh};
use super::receive::Back;
use crate::chance::sha256_hex;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use store::{Authorization, Code, Consent, Json, User};

/// What the person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes, to what the page showed.
    Allow,
    /// No.
    Deny,
    /// Nothing: they said yes to all of it before.
    AllowedBefore,
}

/// Answers a request, once.
pub struct Authorize {
    /// The handle.
    pub handle: String,
    /// What the person says.
    pub decision: Decision,
    /// The scopes of now that the page showed; a yes counts for no others.
    pub shown: Vec<String>,
    /// What was shown for later.
    pub shown_later: Vec<String>,
    /// The session's row, by the hash that it is kept by.
    pub session_id: String,
    /// The session's public id.
    pub sid: String,
    /// When the person proved who they are, Unix milliseconds.
    pub auth_ms: i64,
    /// How.
    pub acr: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorized {
    /// A code for the client.
    Code {
        /// Where to.
        redirect_uri: String,
        /// The client's.
        state: Option<String>,
        /// The code: a secret.
        code: String,
    },
    /// An error for the client.
    Back(Back),
    /// What would be given is no longer what was shown: the person is asked anew.
    AskAgain,
}

impl UseCase for Authorize {
    type Out = Authorized;
    const NEEDS: Permission = Permission::SignedIn;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Authorized>> {
        let (row, user, client) = kept(&scene.db, scene.cx, &self.handle).await?;
        let event = |action| Event::new(action).on(&client.id).through(Some(client.id.clone()), None);
        if self.decision == Decision::Deny {
            scene.db.delete::<Authorization>(&row.id).await?;
            let event = event("authorization.deny").denied().details(json!({ "resource": row.resource, "scopes": row.scope.0 }));
            return Ok(Done::new(back(row, OAuthError::new("access_denied", "the person said no"), None), event));
        }
        let weighed = match weigh(&scene.db, &row, &user, &client, scene.cx.now_ms).await? {
            Ok((weighed, _)) => weighed,
            Err(error) => {
                scene.db.delete::<Authorization>(&row.id).await?;
                let event = event("authorization.refuse")
                    .denied()
                    .details(json!({ "resource": row.resource, "scopes": row.scope.0, "reason": error.text }));
                let error_uri = Some(format!("{}/requests/new", scene.parts.issuer(&scene.cx.tenant)));
                return Ok(Done::new(back(row, error, error_uri), event));
            }
        };
        if !self.covers(&weighed) {
            let event = event("authorization.ask_again").denied().details(json!({ "resource": row.resource, "scopes": weighed.now }));
            return Ok(Done::new(Authorized::AskAgain, event));
        }
        let details = json!({
            "resource": row.resource, "scopes": weighed.now, "asked": row.scope.0, "later": self.shown_later, "sid": self.sid,
            "allowed_before": self.decision == Decision::AllowedBefore,
        });
        if self.decision == Decision::Allow {
            self.remember(scene, &row, &user, &weighed).await?;
        }
        let code = self.code(scene, &row, &user, &weighed).await?;
        scene.db.delete::<Authorization>(&row.id).await?;
        let answer = Authorized::Code { redirect_uri: row.redirect_uri, state: row.state, code };
        Ok(Done::new(answer, event("authorization.allow").details(details)))
    }
}

impl Authorize {
    /// A yes counts for what was shown. Fewer scopes than shown are fine: something was taken away in between.
    fn covers(&self, weighed: &Weighed) -> bool {
        match self.decision {
            Decision::AllowedBefore => weighed.allowed_before,
            Decision::Allow => weighed.now.iter().all(|scope| self.shown.contains(scope)),
            Decision::Deny => true,
        }
    }

    async fn remember(&self, scene: &Scene<'_>, row: &Authorization, user: &User, weighed: &Weighed) -> Result<()> {
        let before = weighed.consent.as_ref();
        let mut scope = before.map(|consent| consent.scope.0.clone()).unwrap_or_default();
        let mut later = before.map(|consent| consent.later.0.clone()).unwrap_or_default();
        scope.extend(weighed.now.iter().cloned());
        // Only what was shown for later, and can still be had.
        later.extend(weighed.later.iter().filter(|scope| self.shown_later.contains(scope)).cloned());
        let id = consent_id(&user.id, &row.client_id, &row.resource);
        let consent = Consent {
            id,
            user_id: user.id.clone(),
            client_id: row.client_id.clone(),
            resource: row.resource.clone(),
            scope: Json(scope),
            later: Json(later),
            at_ms: scene.cx.now_ms,
        };
        Ok(scene.db.put(consent).await?)
    }

    async fn code(&self, scene: &Scene<'_>, row: &Authorization, user: &User, weighed: &Weighed) -> Result<String> {
        let code = scene.parts.chance.secret();
        let kept = Code {
            id: sha256_hex(&code),
            user_id: user.id.clone(),
            session_id: self.session_id.clone(),
            client_id: row.client_id.clone(),
            redirect_uri: row.redirect_uri.clone(),
            resource: row.resource.clone(),
            scope: Json(weighed.now.clone()),
            challenge: row.challenge.clone(),
            lineage: scene.id("lin"),
            sid: self.sid.clone(),
            auth_s: self.auth_ms.div_euclid(1000),
            acr: self.acr.clone(),
            expires_ms: scene.cx.now_ms + CODE_LIFE_MS,
            used_ms: None,
        };
        scene.db.insert(kept).await.map_err(Error::from)?;
        Ok(code)
    }
}

fn back(row: Authorization, error: OAuthError, error_uri: Option<String>) -> Authorized {
    Authorized::Back(Back { redirect_uri: row.redirect_uri, state: row.state, error, error_uri })
}
