//! Renewing several tokens in one transaction, each as if it were alone.

use super::Refresh;
use crate::chance::sha256_hex;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::oauth::error::{OAuthError, invalid_client, invalid_grant, invalid_target};
use crate::oauth::mint::{Minted, Origin, mint};
use crate::oauth::question::consent_id;
use crate::oauth::standing::{Party, Standing, recent_groups};
use crate::scene::Scene;
use crate::tenancy::keys::token_key;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use store::{Client, Consent, Grant, GroupRole, RefreshToken, User};
use token::SigningKey;

/// What holds for every request of the tenant.
struct Rules {
    standing: Standing,
    key: Arc<SigningKey>,
}

impl Rules {
    async fn read(scene: &Scene<'_>) -> Result<Self> {
        Ok(Self { standing: Standing::load(&scene.db).await?, key: token_key(&scene.db, &scene.parts.vault).await? })
    }
}

/// Everything that judging the requests needs, read once for all of them.
struct Known {
    rules: Rules,
    tokens: HashMap<String, RefreshToken>,
    clients: HashMap<String, Client>,
    users: HashMap<String, User>,
    consents: HashMap<String, Consent>,
    groups: Vec<GroupRole>,
    grants: HashMap<String, Vec<Grant>>,
}

impl Known {
    async fn read(scene: &Scene<'_>, rules: Rules, requests: &[&Refresh]) -> Result<Self> {
        let db = &scene.db;
        let tokens: HashMap<String, RefreshToken> = db.many(requests.iter().map(|request| sha256_hex(&request.refresh_token))).await?;
        let clients = db.many::<Client>(requests.iter().map(|request| request.client_id.clone())).await?;
        let users = db.many::<User>(tokens.values().map(|row| row.user_id.clone())).await?;
        let consents = tokens.values().map(|row| consent_id(&row.user_id, &row.client_id, &row.resource));
        let consents = db.many::<Consent>(consents).await?;
        let names: BTreeSet<String> = users.values().flat_map(|user| user.groups.iter().cloned()).collect();
        let groups = db.mapped_groups(&Vec::from_iter(names)).await?;
        let mut grants: HashMap<String, Vec<Grant>> = HashMap::new();
        for grant in db.live_grants_of_all(users.keys().map(String::as_str), scene.cx.now_s()).await? {
            grants.entry(grant.user_id.clone()).or_default().push(grant);
        }
        Ok(Self { rules, tokens, clients, users, consents, groups, grants })
    }

    fn roles(&self, user: &User) -> Vec<String> {
        let mapped = self.groups.iter().filter(|row| user.groups.contains(&row.group_name)).map(|row| row.role.clone());
        BTreeSet::from_iter(mapped).into_iter().collect()
    }
}

/// What becomes of one request.
pub(super) enum Verdict {
    Renewed(Box<Renewed>),
    Refused(OAuthError),
    /// The token was used before. Nothing was done about it yet.
    Replayed(RefreshToken),
}

/// New tokens, what the audit log says of them, and the refresh token among them as it is kept.
pub(super) struct Renewed {
    pub minted: Minted,
    pub event: Event,
    successor: RefreshToken,
}

/// Renews what may be renewed; answers in the order of the requests. A token that comes twice among them was used twice. Which requests there are
/// is asked when they are needed: until then more may come.
pub(super) async fn renew<'r>(scene: &Scene<'_>, requests: impl FnOnce() -> Vec<&'r Refresh>) -> Result<Vec<Verdict>> {
    let rules = Rules::read(scene).await?;
    let requests = requests();
    let known = Known::read(scene, rules, &requests).await?;
    let (mut used, mut successors, mut verdicts) = (HashSet::new(), Vec::new(), Vec::with_capacity(requests.len()));
    for request in &requests {
        let verdict = match judge(scene, &known, request, &used) {
            Ok(verdict) => verdict,
            Err(Error::Refused { code, text }) => Verdict::Refused(OAuthError { code, text }),
            Err(other) => return Err(other),
        };
        if let Verdict::Renewed(renewed) = &verdict {
            used.insert(sha256_hex(&request.refresh_token));
            successors.push(renewed.successor.clone());
        }
        verdicts.push(verdict);
    }
    let count = used.len() as u64;
    if count > 0 {
        // Nothing else runs in between: what was unused when it was read is unused now.
        if scene.db.use_refresh_tokens(used.into_iter().collect(), scene.cx.now_ms).await? != count {
            return Err(Error::internal("renewing tokens", "a token was used within the transaction that read it as unused"));
        }
        scene.db.insert_all(successors).await?;
    }
    Ok(verdicts)
}

fn judge(scene: &Scene<'_>, known: &Known, request: &Refresh, used: &HashSet<String>) -> Result<Verdict> {
    let id = sha256_hex(&request.refresh_token);
    let client = known.clients.get(&request.client_id).ok_or_else(invalid_client)?;
    let row = known.tokens.get(&id).filter(|row| row.client_id == client.id);
    let row = row.ok_or_else(|| invalid_grant("there is no such refresh token for this client"))?;
    if row.used_ms.is_some() || used.contains(&id) {
        return Ok(Verdict::Replayed(row.clone()));
    }
    if scene.cx.now_ms >= row.expires_ms {
        return Err(invalid_grant("the refresh token has ended; sign in again").into());
    }
    if request.resource.as_ref().is_some_and(|resource| *resource != row.resource) {
        return Err(invalid_target("the refresh token is for another resource").into());
    }
    let user = known.users.get(&row.user_id).ok_or_else(|| invalid_grant("the person is gone"))?;
    recent_groups(user, scene.cx.now_ms)?;
    let consent = known.consents.get(&consent_id(&user.id, &client.id, &row.resource));
    let consent = consent.ok_or_else(|| invalid_grant("the person has withdrawn their consent"))?;

    let party = Party { user, client, agents: &[], resource: &row.resource };
    if let Some(why) = known.rules.standing.blocks(&party) {
        return Err(invalid_grant(why).into());
    }
    let held = known.rules.standing.held_by(&party, known.roles(user), known.grants.get(&user.id).cloned().unwrap_or_default());
    let later: BTreeSet<String> = consent.scope.union(&consent.later).cloned().collect();
    // All that the person allowed and holds by now, not only what the code was for: clients that are told `insufficient_scope` refresh
    // before they authorize again, and some do nothing else.
    let scopes = request.narrow(held.bounds.issue(&later, &later), row, &later)?;
    let origin = Origin {
        lineage: &row.lineage,
        sid: &row.sid,
        auth_s: Some(row.auth_s),
        acr: row.acr.as_deref(),
        not_after_s: None,
        by: "refresh_token",
    };
    let (mut minted, event) = mint(scene, Arc::clone(&known.rules.key), &known.rules.standing, &party, &held, scopes, &origin)?;
    let secret = scene.parts.chance.secret();
    let successor = RefreshToken { id: sha256_hex(&secret), ..row.clone() };
    minted.refresh_token = Some(secret);
    Ok(Verdict::Renewed(Box::new(Renewed { minted, event, successor })))
}
