//! Files that hold secrets: readable by their owner only, and read again when they change.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest file of this kind.
const LARGEST: u64 = 1 << 20;

/// What is wrong with a secret's file, with its remedy; `None` if nothing is.
pub fn refused(path: &Path) -> Option<String> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) => return Some(format!("{} cannot be read: {error}", path.display())),
    };
    if !about.is_file() || about.len() > LARGEST {
        return Some(format!("{} is no file of at most 1 MiB", path.display()));
    }
    let mode = about.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("others may read {} (mode {mode:o}): chmod 600 it", path.display()))
}

/// Reads a secret.
///
/// # Errors
/// What is wrong with the file; never what is in it.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    match refused(path) {
        Some(why) => Err(why),
        None => fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display())),
    }
}

/// A file whose change is noticed by its time, size and identity.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    seen: Mutex<Option<(i64, i64, u64, u64)>>,
}

impl Watched {
    /// Whatever is there now counts as seen.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: Mutex::new(stamp(path).ok()) }
    }

    /// Whether it changed since it was last asked.
    pub fn changed(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match stamp(&self.path) {
            Ok(now) if *seen != Some(now) => {
                *seen = Some(now);
                true
            }
            // A file that is being replaced is looked at again the next time.
            _ => false,
        }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn stamp(path: &Path) -> io::Result<(i64, i64, u64, u64)> {
    fs::metadata(path).map(|about| (about.mtime(), about.mtime_nsec(), about.len(), about.ino()))
}
