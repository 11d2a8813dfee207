//! What becomes of the files that a client keeps.

use anyhow::Result;
use std::fs;
use std::path::Path;

/// What somebody, or a failing disk, does to them. Our client's floors lie apart and are left alone: who takes these as well has made it
/// forget, as a new enrolment would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// The second half of each is gone.
    Truncated,
    /// A byte in the middle of each is another.
    Altered,
    /// They are gone.
    Lost,
    /// What was there after the first state is put back.
    PutBack,
}

impl Spoil {
    /// For other languages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Altered => "altered",
            Self::Lost => "lost",
            Self::PutBack => "put_back",
        }
    }

    /// What is left of a file; `older` is what was in it after the first state.
    pub fn state(self, mut file: Vec<u8>, older: &[u8]) -> Option<Vec<u8>> {
        let middle = file.len() / 2;
        match self {
            Self::Truncated => file.truncate(middle),
            Self::Altered => file[middle] ^= 1,
            Self::Lost => return None,
            Self::PutBack => return Some(older.to_vec()),
        }
        Some(file)
    }

    /// The same for the metadata in a folder. What `tough` knows of the time lies there as well, and is another matter.
    pub fn folder(self, folder: &Path, older: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(name) = path.file_name().filter(|name| path.is_file() && *name != "latest_known_time.json") else { continue };
            match self.state(fs::read(&path)?, &fs::read(older.join(name)).unwrap_or_default()) {
                Some(bytes) => fs::write(&path, bytes)?,
                None => fs::remove_file(&path)?,
            }
        }
        Ok(())
    }
}
