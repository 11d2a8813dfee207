//! The master key: generated on first start beside the database, or given. Never a default, never readable by others.

use anyhow::{Context, Result, bail};
use control::MasterKey;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Reads the master key from `path`, or makes one there when `may_create`.
///
/// # Errors
/// When it cannot be read or made, is not 32 bytes in hex, or others may read it.
pub fn load(path: &Path, may_create: bool) -> Result<MasterKey> {
    match fs::metadata(path) {
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                bail!("the master key {} may be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display());
            }
            let text = fs::read_to_string(path).with_context(|| format!("reading the master key {}", path.display()))?;
            let bytes = hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            bytes.map(MasterKey::new).with_context(|| format!("the master key {} is not 64 hex digits", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && may_create => create(path),
        Err(error) => Err(error).with_context(|| format!("the master key {} is missing; give it with --master-key-file", path.display())),
    }
}

fn create(path: &Path) -> Result<MasterKey> {
    let mut bytes = [0u8; 32];
    rand::RngCore::fill_bytes(&mut crate::compose::generator()?, &mut bytes);
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("making the master key {}", path.display()))?;
    writeln!(file, "{}", hex::encode(bytes))?;
    file.sync_all()?;
    // Its name has to survive a power cut as well: without the key, what is sealed under it is lost.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    tracing::info!(path = %path.display(), "made a new master key; back it up apart from the database");
    Ok(MasterKey::new(bytes))
}
