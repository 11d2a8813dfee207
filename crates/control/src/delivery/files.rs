//! The stored files as gateways get them.

use super::gateways::acting;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::permission::Permission;
use store::TufFile;

/// One file of the tenant's repository, by its path below the base: `metadata/…` or `targets/…`.
///
/// # Errors
/// [`crate::Error::Forbidden`] unless a gateway acts.
pub async fn file(control: &Control, cx: &Ctx, path: &str) -> Result<Option<String>> {
    cx.needs(Permission::BeGateway)?;
    acting(cx)?;
    Ok(control.read(cx).get::<TufFile>(path).await?.map(|file| file.body))
}

/// What watchers are told: the newest timestamp, and the small files behind it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Newest {
    /// Version of the timestamp; 0 before the first publish.
    pub timestamp: u64,
    /// Version of the snapshot: what else there is changes only with it.
    pub snapshot: u64,
    /// Path and text, by path. Together they are all that a gateway needs to follow a revocation.
    pub files: Vec<(String, String)>,
}

/// A file that is larger is fetched by whoever lacks it, rather than pushed to everybody.
const LARGEST_PUSHED: usize = 256 * 1024;

/// The version of the newest timestamp; 0 before the first publish. One cheap row.
///
/// # Errors
/// [`crate::Error::Forbidden`] unless Writ itself acts.
pub async fn newest_timestamp(control: &Control, cx: &Ctx) -> Result<u64> {
    cx.needs(Permission::BeSystem)?;
    let state = control.read(cx).tuf_state().await?;
    Ok(state.map_or(0, |state| version(state.timestamp)))
}

/// The newest timestamp with the files behind it.
///
/// # Errors
/// [`crate::Error::Forbidden`] unless Writ itself acts.
pub async fn newest(control: &Control, cx: &Ctx) -> Result<Newest> {
    cx.needs(Permission::BeSystem)?;
    let db = control.read(cx);
    loop {
        let Some(state) = db.tuf_state().await?.filter(|state| state.timestamp > 0) else { return Ok(Newest::default()) };
        let files = db.tuf_online_files(&state).await?;
        // The two reads are two snapshots of the database. Signing between them is rare, and then the next try is whole.
        if !files.iter().any(|file| file.id == "metadata/timestamp.json" && file.version == state.timestamp) {
            continue;
        }
        let small = files.into_iter().filter(|file| file.body.len() <= LARGEST_PUSHED);
        let files = small.map(|file| (file.id, file.body)).collect();
        return Ok(Newest { timestamp: version(state.timestamp), snapshot: version(state.snapshot), files });
    }
}

fn version(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
