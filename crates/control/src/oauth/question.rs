//! What a request comes to for one person, and what is to be asked of them.

use super::error::OAuthError;
use super::redirect::is_loopback;
use super::standing::{Held, Party, Standing, recent_groups};
use crate::error::Result;
use policy::Risk;
use std::collections::BTreeSet;
use store::{Authorization, Client, Consent, Reader, User};

/// A scope in a person's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeWords {
    /// As in tokens.
    pub name: String,
    /// What it lets the client do.
    pub sentence: String,
    /// Its risk.
    pub risk: Risk,
}

/// What the consent page asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The client: id and name.
    pub client: (String, String),
    /// Where the answer goes.
    pub redirect_uri: String,
    /// The resource, by URI and name.
    pub resource: (String, String),
    /// What the client gets now.
    pub now: Vec<ScopeWords>,
    /// What the person holds already by a role or a grant, and the client gets when it needs it.
    pub held: Vec<ScopeWords>,
    /// What it may get later, once somebody approves it.
    pub later: Vec<ScopeWords>,
    /// What it asked for and cannot get through this client, whoever approves.
    pub withheld: Vec<String>,
    /// How long a token with the scopes of now lives, in seconds.
    pub token_life_s: i64,
}

/// The id of a consent. Resource URIs hold slashes, user and client ids do not.
pub(super) fn consent_id(user: &str, client: &str, resource: &str) -> String {
    format!("{user}/{client}/{resource}")
}

/// A request weighed for a person.
pub(super) struct Weighed {
    pub now: BTreeSet<String>,
    pub later: BTreeSet<String>,
    /// What of `later` the person holds already.
    pub held: BTreeSet<String>,
    pub withheld: BTreeSet<String>,
    /// Whether the person has allowed all of this before.
    pub allowed_before: bool,
    pub consent: Option<Consent>,
}

/// Weighs a request: what it would give now, and what could be added later.
pub(super) async fn weigh(
    db: &Reader<'_>,
    row: &Authorization,
    user: &User,
    client: &Client,
    now_ms: i64,
) -> Result<std::result::Result<(Weighed, Standing), OAuthError>> {
    let standing = Standing::load(db).await?;
    let party = Party { user, client, agents: &[], resource: &row.resource };
    if let Some(why) = standing.blocks(&party) {
        return Ok(Err(OAuthError::new("access_denied", why)));
    }
    if let Err(error) = recent_groups(user, now_ms) {
        return Ok(Err(OAuthError::new("access_denied", error.text)));
    }
    let held = standing.held(db, &party, now_ms.div_euclid(1000)).await?;
    let bounds = &held.bounds;
    let wanted = wanted(row, &held);
    let now = bounds.issue(&wanted, &BTreeSet::new());
    if now.is_empty() {
        return Ok(Err(OAuthError::new("access_denied", "no role and no grant of yours gives any of these scopes")));
    }
    let later: BTreeSet<String> = bounds.reachable().difference(&now).cloned().collect();
    let withheld = wanted.iter().filter(|scope| !bounds.admits(scope)).cloned().collect();
    let consent = db.get::<Consent>(&consent_id(&user.id, &client.id, &row.resource)).await?;
    let (by_role, approved) = (bounds.held_by_role(), bounds.held_by_grant());
    let yours = later.iter().filter(|scope| by_role.contains(*scope) || approved.contains(*scope)).cloned().collect();
    // What was allowed for later counts only for what an approval gave. What a role gives meanwhile is asked for.
    let covered = |consent: &Consent| {
        now.iter().all(|scope| consent.scope.contains(scope) || (consent.later.contains(scope) && approved.contains(scope)))
    };
    // On loopback anybody's program may listen, on any port, and say that it is this client: there a person says yes each time (RFC 8252
    // section 8.6).
    let asks = row.ask_again == 1 || is_loopback(&row.redirect_uri);
    let allowed_before = !asks && consent.as_ref().is_some_and(covered);
    Ok(Ok((Weighed { now, later, held: yours, withheld, allowed_before, consent }, standing)))
}

/// What is asked for; without a word from the client, what the person's roles give, or else what their grants give.
fn wanted(row: &Authorization, held: &Held) -> BTreeSet<String> {
    if !row.scope.is_empty() {
        return row.scope.0.clone();
    }
    let by_role = held.bounds.held_by_role();
    if by_role.is_empty() { held.bounds.held_by_grant() } else { by_role }
}

impl Question {
    pub(super) fn of(row: Authorization, client: Client, weighed: Weighed, standing: &Standing) -> Self {
        let words = |name: String| ScopeWords { sentence: standing.policies.sentence(&name).to_owned(), risk: standing.risk(&name), name };
        let server = standing.policies.server(&row.resource).map(|server| server.name.clone()).unwrap_or_default();
        Self {
            client: (client.id, client.name),
            redirect_uri: row.redirect_uri,
            resource: (row.resource, server),
            token_life_s: standing.life(&weighed.now),
            now: weighed.now.into_iter().map(words).collect(),
            later: weighed.later.difference(&weighed.held).cloned().map(words).collect(),
            held: weighed.held.into_iter().map(words).collect(),
            withheld: weighed.withheld.into_iter().collect(),
        }
    }
}
