//! The data directory: one key, one identity, one verified state, the decision log. One gateway at a time.

use evidence::Cosigner;
use evidence::witness::Head;
use follow::Kept;
use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use token::SigningKey;

/// Who this gateway is, as given at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `gw_…`.
    pub gateway_id: String,
    /// Its name in the fleet.
    pub name: String,
    /// The tenant's slug.
    pub tenant: String,
    /// SHA-256 of the first TUF root, hex: what all trust starts from.
    pub root_sha256: String,
    /// The tenant at the control plane that it was enrolled with.
    pub control_plane: String,
}

/// The directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{0} is in use by another writ-gateway: stop it, or give this one its own --data")]
    InUse(PathBuf),
    /// A file is not what it should be.
    #[error("{path} cannot be read ({why}): restore it from a backup, or enrol again into an empty --data")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No key could be made.
    #[error("no key could be made: {0}")]
    Key(#[from] token::KeyError),
}

/// The file of the versions that were accepted: sealed, so that a bit that the disk turns over does not make of them a version that will
/// never come.
const FLOORS: &str = "floors";

/// The directory, held for as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    _lock: File,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io { path, source }
}

impl DataDir {
    /// Makes the directory if needed and takes hold of it.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn open(root: &Path) -> Result<Self, DataError> {
        let decisions = root.join("decisions");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&decisions).map_err(at(&decisions))?;
        let path = root.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(DataError::InUse(root.to_owned())),
            Err(fs::TryLockError::Error(source)) => Err(DataError::Io { path, source }),
        }
    }

    /// The gateway's key, made at the first start.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn key(&self) -> Result<SigningKey, DataError> {
        let path = self.root.join("gateway.key");
        match fs::read(&path) {
            Ok(bytes) => SigningKey::from_pkcs8(&bytes).map_err(|error| DataError::Damaged { path, why: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (key, pkcs8) = SigningKey::generate()?;
                write_whole(&path, &pkcs8).map_err(at(&path))?;
                Ok(key)
            }
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// The key that cosigns checkpoints, under this name; its seed is made at the first start.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn cosigner(&self, name: &str) -> Result<Cosigner, DataError> {
        let path = self.root.join("witness.key");
        match read(&path)? {
            Some(seed) => cosigner(&path, name, &seed),
            None => {
                let cosigner =
                    Cosigner::generate(name).map_err(|error| DataError::Damaged { path: path.clone(), why: error.to_string() })?;
                write_whole(&path, cosigner.seed()).map_err(at(&path))?;
                Ok(cosigner)
            }
        }
    }

    /// The checkpoint that was witnessed last.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn witnessed(&self) -> Result<Option<Head>, DataError> {
        let path = self.root.join("witness.json");
        let Some(bytes) = read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| DataError::Damaged { path, why: error.to_string() })
    }

    /// Keeps the checkpoint that is about to be cosigned.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep_witnessed(&self, head: &Head) -> io::Result<()> {
        write_whole(&self.root.join("witness.json"), &serde_json::to_vec(head)?)
    }

    /// Keeps the identity.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn keep_identity(&self, identity: &Identity) -> Result<(), DataError> {
        let path = self.root.join("identity.json");
        let bytes = serde_json::to_vec_pretty(identity).map_err(io::Error::from).map_err(at(&path))?;
        write_whole(&path, &bytes).map_err(at(&path))
    }

    /// Keeps what was verified. A crash in between leaves floors that are older than the state, which does no harm.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep(&self, kept: &Kept<Vec<u8>>) -> io::Result<()> {
        if let Some(state) = &kept.state {
            write_whole(&self.root.join("trusted.json"), state)?;
        }
        kept.floors.as_ref().map_or(Ok(()), |floors| self.seal(FLOORS, floors))
    }

    /// What was kept. Floors that this gateway did not write are told, and are none.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn kept(&self) -> Result<Kept<Vec<u8>>, DataError> {
        kept(&self.root)
    }

    /// Keeps `text` in a file of this name, sealed with a key that only this gateway has.
    ///
    /// # Errors
    /// The file system's.
    pub fn seal(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let key = fs::read(self.root.join("gateway.key"))?;
        write_whole(&self.root.join(format!("{name}.sealed")), &sealed(&key, name, text).map_err(io::Error::other)?)
    }

    /// What was sealed under this name; `None` if nothing was.
    ///
    /// # Errors
    /// [`DataError::Damaged`] for what this gateway did not write.
    pub fn open_sealed(&self, name: &str) -> Result<Option<Vec<u8>>, DataError> {
        open_sealed(&self.root, name)
    }

    /// Where the decision log lies.
    pub fn decisions(&self) -> PathBuf {
        self.root.join("decisions")
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// What is written for `text` under this name by whoever has `key`: a seal in hex, a line break, the text.
///
/// # Errors
/// For a key that HMAC cannot use.
pub fn sealed(key: &[u8], name: &str, text: &[u8]) -> Result<Vec<u8>, InvalidLength> {
    let mut file = hex::encode(mac(key, name, text)?.finalize().into_bytes()).into_bytes();
    file.push(b'\n');
    file.extend_from_slice(text);
    Ok(file)
}

/// The text in such a file; `None` for what was not written under this name by whoever has `key`.
pub fn unsealed<'f>(key: &[u8], name: &str, file: &'f [u8]) -> Option<&'f [u8]> {
    let end = file.iter().position(|byte| *byte == b'\n')?;
    let (seal, text) = (hex::decode(&file[..end]).ok()?, &file[end + 1..]);
    mac(key, name, text).ok()?.verify_slice(&seal).ok()?;
    Some(text)
}

/// Under a key that is derived from the gateway's own, so that no other file can be passed off as one of ours.
fn mac(key: &[u8], name: &str, text: &[u8]) -> Result<Hmac<Sha256>, InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(b"writ-gateway sealed file\0");
    mac.update(name.as_bytes());
    mac.update(b"\0");
    mac.update(text);
    Ok(mac)
}

/// The identity kept in `root`, if this gateway was enrolled.
///
/// # Errors
/// [`DataError`].
pub fn identity(root: &Path) -> Result<Option<Identity>, DataError> {
    let path = root.join("identity.json");
    let Some(bytes) = read(&path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| DataError::Damaged { path, why: error.to_string() })
}

/// The witness's key in `root`, in note form under this name, if this gateway has one yet.
///
/// # Errors
/// [`DataError`].
pub fn witness_key(root: &Path, name: &str) -> Result<Option<String>, DataError> {
    let path = root.join("witness.key");
    let Some(seed) = read(&path)? else { return Ok(None) };
    cosigner(&path, name, &seed).map(|cosigner| Some(cosigner.key().to_string()))
}

fn cosigner(path: &Path, name: &str, seed: &[u8]) -> Result<Cosigner, DataError> {
    let damaged = |why: String| DataError::Damaged { path: path.to_owned(), why };
    let seed: [u8; 32] = seed.try_into().map_err(|_| damaged("it is not 32 bytes long".into()))?;
    Cosigner::from_seed(name, &seed).map_err(|error| damaged(error.to_string()))
}

/// What was kept in `root`, unchecked: only [`bundle::Trusted::restore`] makes it worth something. Floors that this gateway did not write are
/// told, and are none; floors that cannot be read at all are an error.
///
/// # Errors
/// [`DataError`].
pub fn kept(root: &Path) -> Result<Kept<Vec<u8>>, DataError> {
    let floors = match open_sealed(root, FLOORS) {
        Err(error @ DataError::Damaged { .. }) => {
            tracing::error!(%error, "what is known of versions accepted before is not used");
            None
        }
        floors => floors?,
    };
    Ok(Kept { state: read(&root.join("trusted.json"))?, floors })
}

fn open_sealed(root: &Path, name: &str) -> Result<Option<Vec<u8>>, DataError> {
    let path = root.join(format!("{name}.sealed"));
    let Some(file) = read(&path)? else { return Ok(None) };
    let key = root.join("gateway.key");
    let key = fs::read(&key).map_err(at(&key))?;
    match unsealed(&key, name, &file) {
        Some(text) => Ok(Some(text.to_vec())),
        None => Err(DataError::Damaged { path, why: "this gateway did not write it".into() }),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, DataError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Writes a file so that after a crash at any moment either the old or the new one is there, whole: write beside it, fsync, rename, fsync
/// the directory. Readable by its owner only.
///
/// # Errors
/// The file system's.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_dir(path)
}

/// Makes the entries of the directory that holds `path` durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_is_the_owners() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = DataDir::open(dir.path()).expect("opens");
        let (first, again) = (data.key().expect("made"), data.key().expect("read"));
        assert_eq!(first.public(), again.public());
        let mode = fs::metadata(dir.path().join("gateway.key")).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(DataDir::open(dir.path()), Err(DataError::InUse(_))));
    }

    #[test]
    fn only_what_this_gateway_sealed_is_opened() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = DataDir::open(dir.path()).expect("opens");
        data.key().expect("made");
        assert_eq!(data.open_sealed("a").expect("nothing is fine"), None);
        data.seal("a", b"text\nmore").expect("sealed");
        assert_eq!(data.open_sealed("a").expect("ours").as_deref(), Some(&b"text\nmore"[..]));
        let bytes = fs::read(dir.path().join("a.sealed")).expect("there");
        for (name, bytes) in [("a", [&bytes[..], b"!"].concat()), ("b", bytes.clone()), ("c", b"{}".to_vec())] {
            fs::write(dir.path().join(format!("{name}.sealed")), bytes).expect("written");
            assert!(matches!(data.open_sealed(name), Err(DataError::Damaged { .. })), "{name}");
        }
    }

    #[test]
    fn a_damaged_identity_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(identity(dir.path()).expect("no identity is fine"), None);
        fs::write(dir.path().join("identity.json"), "{").expect("written");
        let error = identity(dir.path()).expect_err("damaged").to_string();
        assert!(error.contains("identity.json") && error.contains("enrol again"), "{error}");
    }
}
