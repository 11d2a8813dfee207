//! The archive: gzip over tar, the same bytes for the same files.

use crate::refused::Refused;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::io::Write as _;

/// "Unknown" of RFC 1952: the operating system that writes leaves no trace.
const NO_SYSTEM: u8 = 255;

/// Path within the archive, without a leading slash, to bytes.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The files by name, regular ones only, as if written by nobody at the beginning of time.
pub(crate) fn pack(files: &Files) -> Result<Vec<u8>, Refused> {
    let failed = |error: std::io::Error| Refused::Archive(error.to_string());
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        tar.append_data(&mut header, name, bytes.as_slice()).map_err(failed)?;
    }
    let tar = tar.into_inner().map_err(failed)?;
    let mut gzip = GzBuilder::new().mtime(0).operating_system(NO_SYSTEM).write(Vec::new(), Compression::default());
    gzip.write_all(&tar).map_err(failed)?;
    gzip.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_files_are_equal_bytes_with_nothing_of_the_machine_in_them() {
        let files: Files =
            [("b/data.json", "{}"), (".manifest", "{}")].map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into();
        let packed = pack(&files).expect("packs");
        assert_eq!(packed, pack(&files.clone()).expect("packs"));
        // RFC 1952: magic, deflate, no flags, time, extra flags, system.
        assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        assert_eq!(packed[9], NO_SYSTEM);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut names = Vec::new();
        for entry in archive.entries().expect("a tar") {
            let entry = entry.expect("an entry");
            let header = entry.header();
            assert_eq!(
                (header.uid().ok(), header.gid().ok(), header.mtime().ok(), header.mode().ok()),
                (Some(0), Some(0), Some(0), Some(0o644))
            );
            assert_eq!(header.entry_type(), tar::EntryType::Regular);
            assert_eq!(header.username(), Ok(Some("")).or_else(|_: ()| header.username()));
            names.push(entry.path().expect("a name").to_string_lossy().into_owned());
        }
        assert_eq!(names, [".manifest", "b/data.json"]);
    }
}
