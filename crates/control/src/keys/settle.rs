//! What follows a rotation once gateways have the new key: Writ's own steps, each audited.
//!
//! | when | what |
//! | --- | --- |
//! | every gateway knows the new token key | it signs; the old one ends, and stays listed |
//! | the last token of an ended token key has ended | it is listed no more: the draft has something to publish |
//! | every gateway knows the new key of the audit log | the old one no longer signs along with it |

use crate::control::Control;
use crate::ctx::Actor;
use crate::delivery::compile::read;
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::tenancy::keys::{self, AUDIT_LOG, TOKEN};
use policy::{PolicySet, Risk};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Bundle, Gateway, Key, Reader, TenantId};

/// A gateway that was not heard of for so long denies everything (see [`policy::Rung::default_ladder`]) and looks for news before it allows
/// anything again: nobody waits for it. Milliseconds.
const GONE_AFTER_MS: i64 = 24 * 3600 * 1000;

/// How long after its key's end a token may still live: the longest life of a token, and the skew that verifiers allow. Milliseconds.
pub(super) const LAST_TOKEN_MS: i64 = (Risk::Low.token_life() + token::CLOCK_SKEW) * 1000;

/// Takes the steps that are due; whether there were any. Cheap when there are none.
///
/// # Errors
/// When the database fails.
pub async fn settle_keys(control: &Control, tenant: &TenantId) -> Result<bool> {
    let cx = control.ctx(tenant.as_str(), Actor::System, "upkeep").await?;
    let due = Due::find(&control.read(&cx), cx.now_ms).await?;
    if due.is_nothing() {
        return Ok(false);
    }
    match control.run(&cx, SettleKeys).await {
        Ok(()) => Ok(true),
        // Another replica was first.
        Err(Error::Refused { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

struct SettleKeys;

impl UseCase for SettleKeys {
    type Out = ();
    const NEEDS: Permission = Permission::BeSystem;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let due = Due::find(&scene.db, scene.cx.now_ms).await?;
        let mut events = Vec::new();
        let named = |key: &Key| json!({ "key": kid(key) });
        if let Some((next, before)) = due.switch {
            events.push(
                Event::new("key.switch")
                    .on("token")
                    .details(json!({ "key": kid(&next), "before": before.iter().map(kid).collect::<Vec<_>>() })),
            );
            keys::activate(scene, next).await?;
            for key in before {
                keys::end(scene, key, false).await?;
            }
        }
        for key in due.retire {
            events.push(Event::new("key.retire").on("token").details(named(&key)));
            keys::end(scene, key, true).await?;
            scene.db.touch_draft().await?;
        }
        for key in due.log {
            events.push(Event::new("key.end").on("audit-log").details(json!({ "key": key.public })));
            keys::end(scene, key, false).await?;
        }
        let mut events = events.into_iter();
        let first = events.next().ok_or_else(|| Error::refused("nothing_due", "no key has to change"))?;
        Ok(Done::all((), Events::new(first).and(events)))
    }
}

/// Steps that are due.
struct Due {
    /// The token key that is to sign from now on, and those that do.
    switch: Option<(Key, Vec<Key>)>,
    /// Token keys that are to be listed no more.
    retire: Vec<Key>,
    /// Keys of the audit log that are to sign no more.
    log: Vec<Key>,
}

impl Due {
    const fn is_nothing(&self) -> bool {
        self.switch.is_none() && self.retire.is_empty() && self.log.is_empty()
    }

    async fn find(db: &Reader<'_>, now_ms: i64) -> Result<Self> {
        let (tokens, logs) = (keys::counting(db, TOKEN).await?, keys::counting(db, AUDIT_LOG).await?);
        let mut switch = None;
        if let Some(next) = tokens.iter().find(|key| waits(key))
            && unaware(db, now_ms, |policy| lists_token_key(policy, next)).await?.is_empty()
        {
            switch = Some((next.clone(), tokens.iter().filter(|key| key.active == 1).cloned().collect()));
        }
        let ended = |key: &&Key| key.ended_ms.is_some_and(|ended| now_ms - ended > LAST_TOKEN_MS);
        let retire = tokens.iter().filter(ended).cloned().collect();
        let mut signing: Vec<Key> = logs.into_iter().filter(|key| key.active == 1).collect();
        signing.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        let newest = signing.pop();
        let log = match newest {
            Some(newest) if !signing.is_empty() && unaware(db, now_ms, |policy| policy.audit_log == newest.public).await?.is_empty() => {
                signing
            }
            _ => Vec::new(),
        };
        Ok(Self { switch, retire, log })
    }
}

/// Whether a token key waits until gateways know it.
pub(super) const fn waits(key: &Key) -> bool {
    key.active == 0 && key.ended_ms.is_none()
}

/// The `kid` of a token key.
pub(super) fn kid(key: &Key) -> String {
    let jwk: serde_json::Value = serde_json::from_str(&key.public).unwrap_or_default();
    jwk["kid"].as_str().unwrap_or_default().to_owned()
}

/// Whether a policy names the token key.
pub(super) fn lists_token_key(policy: &PolicySet, key: &Key) -> bool {
    let kid = kid(key);
    let lists = |jwks: &serde_json::Value| jwks["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["kid"] == kid.as_str()));
    policy.issuers.iter().any(|issuer| lists(&issuer.jwks))
}

/// What does not know a key yet: `the live policy`, or gateways by name. Gateways that nobody has heard of for a day are not waited for.
pub(super) async fn unaware(db: &Reader<'_>, now_ms: i64, knows: impl Fn(&PolicySet) -> bool) -> Result<Vec<String>> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let mut versions = BTreeSet::from([tenant.policy_version]);
    let gateways: Vec<Gateway> = db.all::<Gateway>().await?;
    let heard = |gateway: &&Gateway| gateway.seen_ms.is_some_and(|seen| now_ms - seen <= GONE_AFTER_MS);
    let running: Vec<(&str, i64)> =
        gateways.iter().filter(heard).filter_map(|gateway| Some((gateway.name.as_str(), gateway.policy_version?))).collect();
    versions.extend(running.iter().map(|(_, version)| *version));
    let mut aware = BTreeSet::new();
    for version in versions {
        if let Some(row) = db.get::<Bundle>(&version.to_string()).await?
            && knows(&read(&row.policy)?)
        {
            aware.insert(version);
        }
    }
    let mut unaware = Vec::new();
    if tenant.policy_version > 0 && !aware.contains(&tenant.policy_version) {
        unaware.push("the live policy".to_owned());
    }
    unaware.extend(running.iter().filter(|(_, version)| !aware.contains(version)).map(|(name, _)| (*name).to_owned()));
    Ok(unaware)
}
