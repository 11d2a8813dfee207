//! Which batch was taken last, and its digest: what the next one refers to.
//!
//! The file has two places of one size, written in turns and each with a digest of its own, so that a crash in the middle of a write leaves
//! the other. Its length and place never change: keeping it costs one `fdatasync` of a block, and not the journal commit that would hold up
//! the lines that are written beside it.

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of a place: a digest in hex, a space, JSON, filled up with spaces and a line break.
const PLACE: usize = 256;

/// The batch that was taken last; 0 before the first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Chain {
    /// Its number.
    pub seq: u64,
    /// Its digest, hex.
    pub sha256: String,
}

impl Chain {
    /// Reads what was kept in `dir`.
    ///
    /// # Errors
    /// The file system's, and when neither place is whole: a chain is not invented.
    pub(super) fn load(dir: &Path) -> io::Result<Self> {
        let bytes = match fs::read(dir.join("chain")) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::older(dir),
            Err(error) => return Err(error),
        };
        Self::newest(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file `chain` of the decision log is damaged"))
    }

    /// As earlier versions kept it.
    fn older(dir: &Path) -> io::Result<Self> {
        match fs::read(dir.join("chain.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { seq: 0, sha256: "0".repeat(64) }),
            Err(error) => Err(error),
        }
    }

    /// What the file says; `None` if neither of its places is whole.
    pub fn newest(file: &[u8]) -> Option<Self> {
        file.chunks(PLACE).filter_map(Self::read).max_by_key(|chain| chain.seq)
    }

    fn read(place: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(place).ok()?.trim_end();
        let (digest, json) = text.split_once(' ')?;
        (digest == hex::encode(Sha256::digest(json))).then(|| serde_json::from_str(json).ok())?
    }

    /// One place of the file.
    pub fn place(&self) -> Vec<u8> {
        let json = json!({"seq": self.seq, "sha256": self.sha256}).to_string();
        let mut place = format!("{} {json}", hex::encode(Sha256::digest(&json))).into_bytes();
        place.resize(PLACE - 1, b' ');
        place.push(b'\n');
        place
    }

    /// Keeps it in `dir`. Blocks until the disk has it.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn keep(&self, dir: &Path) -> io::Result<()> {
        let place = self.place();
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join("chain"))?;
        let turn = if self.seq.is_multiple_of(2) { 0 } else { PLACE as u64 };
        if file.metadata()?.len() < 2 * PLACE as u64 {
            // The first time: both places are laid out, and the file's entry is made durable.
            file.write_all_at(&place, 0)?;
            file.write_all_at(&place, PLACE as u64)?;
            file.sync_all()?;
            return crate::data::sync_dir(&dir.join("chain"));
        }
        file.write_all_at(&place, turn)?;
        file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(seq: u64) -> Chain {
        Chain { seq, sha256: format!("{seq:064x}") }
    }

    #[test]
    fn the_newest_whole_place_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(Chain::load(dir.path()).expect("fresh").seq, 0);
        for seq in 1..6 {
            chain(seq).keep(dir.path()).expect("kept");
            assert_eq!(Chain::load(dir.path()).expect("loads"), chain(seq));
        }
        // As a crash in the middle of the sixth would leave it.
        let path = dir.path().join("chain");
        let mut bytes = fs::read(&path).expect("there");
        bytes[..PLACE / 2].fill(b'x');
        fs::write(&path, &bytes).expect("written");
        assert_eq!(Chain::load(dir.path()).expect("the other place"), chain(5));
        fs::write(&path, b"{").expect("written");
        assert!(Chain::load(dir.path()).is_err(), "a lost chain is not invented");
    }

    #[test]
    fn what_earlier_versions_kept_is_taken_over() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("chain.json"), json!({"seq": 7, "sha256": chain(7).sha256}).to_string()).expect("written");
        assert_eq!(Chain::load(dir.path()).expect("loads"), chain(7));
    }
}
