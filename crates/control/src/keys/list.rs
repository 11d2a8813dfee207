//! Every key: who holds it, since when, until when, and what is about to end.

use super::settle::{LAST_TOKEN_MS, kid, lists_token_key, unaware, waits};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::signing::{DAY, damaged, is_signed_by_itself, life, public, purpose, read_repository};
use crate::error::Result;
use crate::permission::Permission;
use crate::tenancy::keys::{AUDIT_LOG, TOKEN, in_service, is_here};
use bundle::{Repository, Role};
use store::{Key, Reader};

/// How long before the end of the root or of the list of policies people are told. Seconds.
pub const WARN_BEFORE_S: i64 = 30 * DAY;

/// All keys of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// SHA-256 of the first root, hex: what gateways and people who sign pin.
    pub root_sha256: String,
    /// Version of the root.
    pub root_version: u64,
    /// Keys of the repository, by role.
    pub roles: Vec<RoleKeys>,
    /// Keys of access tokens, the newest first.
    pub token: Vec<Other>,
    /// Keys of the audit log, the newest first.
    pub audit_log: Vec<Other>,
}

/// The keys of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleKeys {
    /// The role.
    pub role: Role,
    /// How many must sign.
    pub threshold: u32,
    /// Those that may.
    pub keys: Vec<KeyView>,
    /// Whether those that lie here or in a service are enough.
    pub signed_here: bool,
    /// Version of its newest metadata; none before the first publish.
    pub version: Option<u64>,
    /// Its end.
    pub until: Until,
}

/// The end of what a role has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Nothing is signed yet.
    Unsigned,
    /// Unix seconds. It is renewed by itself.
    Renewed(i64),
    /// Unix seconds. Somebody has to sign elsewhere before.
    Elsewhere(i64),
}

impl Until {
    /// Unix seconds.
    pub const fn end(self) -> Option<i64> {
        match self {
            Self::Unsigned => None,
            Self::Renewed(end) | Self::Elsewhere(end) => Some(end),
        }
    }
}

/// A key of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Its TUF key id.
    pub id: String,
    /// Where its private half lies.
    pub place: Place,
    /// Since when it is known here, Unix milliseconds.
    pub since_ms: Option<i64>,
}

/// Where a private half lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Sealed in the database.
    Here,
    /// In a key management service that signs with it for Writ, such as `vault:transit/acme-timestamp@1`.
    Service(String),
    /// Anywhere else: somebody has to sign there.
    Elsewhere,
}

impl Place {
    fn of(row: &Key) -> Self {
        match in_service(row) {
            Some(service) => Self::Service(service.to_owned()),
            None if is_here(row) => Self::Here,
            None => Self::Elsewhere,
        }
    }
}

/// A key of tokens or of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its `kid`, or its verifier key.
    pub id: String,
    /// When it was made, Unix milliseconds.
    pub since_ms: i64,
    /// Where it stands.
    pub state: OtherState,
}

/// Where a key of tokens or of the log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherState {
    /// It signs.
    Signs,
    /// It signs along with the newer one until all of these know that one.
    SignsAlong(Vec<String>),
    /// It signs as soon as these know it.
    Waits(Vec<String>),
    /// It signed; what it signed counts until then, Unix milliseconds.
    Verifies(i64),
    /// It signed until then, Unix milliseconds.
    Ended(i64),
    /// It was stolen, or the last of what it signed has ended: nothing of it counts since then, Unix milliseconds.
    Retired(i64),
}

/// All keys of the tenant.
///
/// # Errors
/// [`crate::Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn keys(control: &Control, cx: &Ctx) -> Result<Keys> {
    cx.needs(Permission::ReadConfig)?;
    let db = control.read(cx);
    let (repository, rows) = repository(&db).await?;
    let mut roles = Vec::with_capacity(Role::ALL.len());
    for role in Role::ALL {
        roles.push(of_role(&repository, &rows, role)?);
    }
    Ok(Keys {
        root_sha256: repository.root_sha256().to_owned(),
        root_version: repository.stamp(Role::Root).map_or(0, |held| held.version),
        roles,
        token: tokens(&db, cx.now_ms).await?,
        audit_log: logs(&db, cx.now_ms).await?,
    })
}

/// The root in force, as it was signed: for whoever signs to keep.
///
/// # Errors
/// [`crate::Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn newest_root(control: &Control, cx: &Ctx) -> Result<String> {
    cx.needs(Permission::ReadConfig)?;
    let (repository, _) = repository(&control.read(cx)).await?;
    repository.metadata(Role::Root).map(str::to_owned).ok_or_else(|| damaged("the tenant has no root"))
}

async fn repository(db: &Reader<'_>) -> Result<(Repository, Vec<Key>)> {
    let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
    Ok((read_repository(&state)?, db.tuf_keys().await?))
}

fn of_role(repository: &Repository, rows: &[Key], role: Role) -> Result<RoleKeys> {
    let rows: Vec<&Key> = rows.iter().filter(|row| row.purpose == purpose(role) && row.ended_ms.is_none()).collect();
    let listed = repository.keys_of(role).map_err(damaged)?;
    let mut keys = Vec::new();
    for row in rows.iter().filter(|row| listed.is_none() && row.active == 1) {
        keys.push(KeyView { id: public(row)?.id().to_owned(), place: Place::of(row), since_ms: Some(row.created_ms) });
    }
    for key in listed.iter().flat_map(|listed| &listed.keys) {
        let row = rows.iter().find(|row| row.public == key.to_pem());
        let place = row.map_or(Place::Elsewhere, |row| Place::of(row));
        keys.push(KeyView { id: key.id().to_owned(), place, since_ms: row.map(|row| row.created_ms) });
    }
    let threshold = listed.as_ref().map_or(1, |listed| listed.threshold);
    let at_hand = u32::try_from(keys.iter().filter(|key| key.place != Place::Elsewhere).count()).unwrap_or(u32::MAX);
    let signed_here = at_hand >= threshold;
    let stamp = repository.stamp(role);
    let until = match &stamp {
        None => Until::Unsigned,
        Some(held) if signed_here => Until::Renewed(held.expires),
        Some(held) => Until::Elsewhere(held.expires),
    };
    Ok(RoleKeys { role, threshold, keys, signed_here, version: stamp.map(|held| held.version), until })
}

async fn tokens(db: &Reader<'_>, now_ms: i64) -> Result<Vec<Other>> {
    let mut others = Vec::new();
    for row in newest_first(db, TOKEN).await? {
        let state = match (row.retired_ms, row.ended_ms) {
            (Some(retired), _) => OtherState::Retired(retired),
            (None, Some(ended)) => OtherState::Verifies(ended + LAST_TOKEN_MS),
            (None, None) if waits(&row) => OtherState::Waits(unaware(db, now_ms, |policy| lists_token_key(policy, &row)).await?),
            (None, None) => OtherState::Signs,
        };
        others.push(Other { id: kid(&row), since_ms: row.created_ms, state });
    }
    Ok(others)
}

async fn logs(db: &Reader<'_>, now_ms: i64) -> Result<Vec<Other>> {
    let (mut others, mut newest) = (Vec::new(), None);
    for row in newest_first(db, AUDIT_LOG).await? {
        let state = match (row.retired_ms, row.ended_ms, &newest) {
            (Some(retired), _, _) => OtherState::Retired(retired),
            (None, Some(ended), _) => OtherState::Ended(ended),
            (None, None, None) => OtherState::Signs,
            (None, None, Some(newest)) => OtherState::SignsAlong(unaware(db, now_ms, |policy| policy.audit_log == *newest).await?),
        };
        newest.get_or_insert_with(|| row.public.clone());
        others.push(Other { id: row.public, since_ms: row.created_ms, state });
    }
    Ok(others)
}

async fn newest_first(db: &Reader<'_>, purpose: &'static str) -> Result<Vec<Key>> {
    let mut rows = db.keys_for(purpose).await?;
    rows.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
    Ok(rows)
}

/// What ends within [`WARN_BEFORE_S`] and is not renewed by itself, or should have been: the role, its end in Unix seconds, and whether it
/// has to be signed elsewhere.
pub(crate) async fn endings(db: &Reader<'_>, now_s: i64) -> Result<Vec<(Role, i64, bool)>> {
    let Some(state) = db.tuf_state().await? else { return Ok(Vec::new()) };
    let (repository, rows) = (read_repository(&state)?, db.tuf_keys().await?);
    let mut endings = Vec::new();
    for role in Role::ALL {
        let Some(held) = repository.stamp(role) else { continue };
        let elsewhere = !is_signed_by_itself(&repository, &rows, role)?;
        // What is renewed by itself is renewed long before; a day late is worth a word, and so is what has ended.
        let late = life(role).renew_before.min(WARN_BEFORE_S) - DAY;
        let before = if elsewhere { WARN_BEFORE_S } else { late.max(0) };
        if held.expires - now_s <= before {
            endings.push((role, held.expires, elsewhere));
        }
    }
    Ok(endings)
}
