//! Key files: encrypted PKCS#8 in PEM (RFC 5958), PBES2 with scrypt and AES-256 (RFC 8018, RFC 7914), as `openssl pkey` reads them.

use anyhow::{Context, Result, ensure};
use bundle::{Key, PublicKey};
use pkcs8::der::pem::PemLabel;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Salt, ScryptParams};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef};
use rand::CryptoRng;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// scrypt's cost. OpenSSL gives scrypt 32 MiB, which is N = 2^14 with r = 8; p = 5 brings the work back to what OWASP asks for.
const COST: u64 = 1 << 14;
const BLOCK: u16 = 8;
const PARALLEL: u16 = 5;
/// The most that a file may make us work for its key, many times what OWASP asks for: what it says of that is read before anything can be
/// verified. Bytes of memory, and [`Sealed::work`].
const MOST_MEMORY: u64 = 256 << 20;
const MOST_WORK: u64 = 1 << 26;
/// How many blocks of scrypt one iteration of PBKDF2 counts for: it hashes two blocks by SHA-2, where scrypt has eight rounds of Salsa20 for one.
const ITERATION: u64 = 8;
/// The largest file that is read.
const LARGEST: u64 = 64 * 1024;

/// A key file as it was read, still encrypted.
pub struct Sealed(SecretDocument);

impl Sealed {
    /// Reads a key in PEM.
    ///
    /// # Errors
    /// When it is none, not encrypted, or encrypted so that opening it would take more memory or time than a key is worth. Nothing of the
    /// key is in the error.
    pub fn parse(text: &str) -> Result<Self> {
        ensure!(
            !["-----BEGIN PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----"].iter().any(|begin| text.contains(begin)),
            "the key is not encrypted; encrypt it with: openssl pkcs8 -topk8 -scrypt -v2 aes-256-cbc -in FILE -out NEW-FILE"
        );
        let (label, document) = SecretDocument::from_pem(text).map_err(|error| anyhow::anyhow!("no key in PEM: {error}"))?;
        let wanted = EncryptedPrivateKeyInfoRef::PEM_LABEL;
        ensure!(label == wanted, "it holds {label:?}, not {wanted:?}");
        let sealed = Self(document);
        ensure!(
            sealed.work()?.is_some_and(|work| (1..=MOST_WORK).contains(&work)),
            "it is not encrypted by PBES2 at a bearable cost; encrypt the key anew with: openssl pkcs8 -topk8 -scrypt -v2 aes-256-cbc"
        );
        Ok(sealed)
    }

    /// How much work it is to open it, as blocks of 64 bytes that scrypt hashes; `None` when that cannot be told, makes no sense, or takes too much memory.
    ///
    /// # Errors
    /// When it is no encrypted key.
    pub fn work(&self) -> Result<Option<u64>> {
        let info = self.info()?;
        Ok(match info.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf) {
            Some(Kdf::Scrypt(scrypt)) if scrypt.cost_parameter.is_power_of_two() => {
                let memory = scrypt.cost_parameter.checked_mul(128 * u64::from(scrypt.block_size));
                // Written once and read once in each pass, 64 bytes at a time.
                memory.filter(|memory| (1..=MOST_MEMORY).contains(memory)).map(|memory| memory / 32 * u64::from(scrypt.parallelization))
            }
            Some(Kdf::Pbkdf2(pbkdf2)) => Some(u64::from(pbkdf2.iteration_count) * ITERATION),
            _ => None,
        })
    }

    fn info(&self) -> Result<EncryptedPrivateKeyInfoRef<'_>> {
        EncryptedPrivateKeyInfoRef::from_der(self.0.as_bytes()).map_err(|error| anyhow::anyhow!("not an encrypted key: {error}"))
    }
}

/// Where the public half of a key file lies.
#[must_use]
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Makes a key: the private half encrypted in `path`, the public half beside it. Neither file may be there.
///
/// # Errors
/// When one is, or cannot be written.
pub fn create(path: &Path, passphrase: &str) -> Result<PublicKey> {
    let public = public_path(path);
    for taken in [path, &public] {
        ensure!(fs::symlink_metadata(taken).is_err(), "{} is there already, and is not overwritten", taken.display());
    }
    let (key, mut random) = (Key::generate()?, crate::compose::generator()?);
    write(path, 0o600, seal(&key, passphrase, COST, &mut random)?.as_bytes())?;
    write(&public, 0o644, key.public().to_pem().as_bytes())?;
    Ok(key.public().clone())
}

/// Writes a new file and makes sure that it is on the disk.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).with_context(|| format!("making {}", path.display()))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| format!("writing {}", path.display()))
}

/// A key, encrypted, in PEM. `cost` is scrypt's, a power of two.
///
/// # Errors
/// When there is no such cost.
pub fn seal(key: &Key, passphrase: &str, cost: u64, random: &mut impl CryptoRng) -> Result<Zeroizing<String>> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    random.fill_bytes(&mut salt);
    random.fill_bytes(&mut iv);
    let failed = |error: &dyn std::fmt::Display| anyhow::anyhow!("encrypting the key: {error}");
    let salt = Salt::new(salt).map_err(|error| failed(&error))?;
    let kdf = ScryptParams { salt, cost_parameter: cost, block_size: BLOCK, parallelization: PARALLEL, key_length: None };
    let parameters = Parameters { kdf: Kdf::Scrypt(kdf), encryption: EncryptionScheme::Aes256Cbc { iv } };
    let document = PrivateKeyInfoRef::try_from(key.pkcs8()).map_err(|error| failed(&error))?;
    let sealed = document.encrypt_with_params(parameters, passphrase).map_err(|error| failed(&error))?;
    sealed.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF).map_err(|error| failed(&error))
}

/// Reads a key file that nobody but its owner may read.
///
/// # Errors
/// When others may read it, or it is no encrypted key.
pub fn read(path: &Path) -> Result<Sealed> {
    Sealed::parse(&private(path)?).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

/// Opens a key file.
///
/// # Errors
/// When the passphrase is another, or the file holds no P-256 key.
pub fn open(sealed: &Sealed, passphrase: &str) -> Result<Key> {
    // Which of the two it is, nobody can tell: a wrong passphrase decrypts to noise.
    let opened = sealed.info()?.decrypt(passphrase).map_err(|_| anyhow::anyhow!("the passphrase does not fit, or the file is damaged"))?;
    Ok(Key::from_pkcs8(opened.as_bytes())?)
}

/// The text of a file that nobody but its owner may read.
///
/// # Errors
/// When others may read it, or it is larger than secrets are.
pub fn private(path: &Path) -> Result<Zeroizing<String>> {
    let found = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    let mode = found.permissions().mode() & 0o777;
    ensure!(mode & 0o077 == 0, "{} may be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display());
    ensure!(found.len() <= LARGEST, "{} is larger than a key or a passphrase", path.display());
    Ok(Zeroizing::new(fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bundle::Signer;
    use std::process::Command;

    const PASSPHRASE: &str = "correct horse battery";

    fn openssl(args: &[&str]) -> String {
        let output = Command::new("openssl").args(args).output().expect("openssl runs");
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn passphrase_file(folder: &Path) -> String {
        let path = folder.join("passphrase");
        fs::write(&path, PASSPHRASE).expect("written");
        format!("file:{}", path.display())
    }

    #[test]
    fn openssl_opens_what_we_make() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anna.key");
        let public = create(&path, PASSPHRASE).expect("made");
        let pass = passphrase_file(folder.path());
        let theirs = openssl(&["pkey", "-in", path.to_str().expect("text"), "-passin", &pass, "-pubout"]);
        assert_eq!(theirs, public.to_pem());
        assert_eq!(fs::read_to_string(public_path(&path)).expect("beside it"), public.to_pem());
        assert_eq!(fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o600);
        // scrypt and AES-256, as it says.
        let text = openssl(&["asn1parse", "-in", path.to_str().expect("text")]);
        for part in [":PBES2", ":scrypt", ":aes-256-cbc"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        // Neither half is overwritten.
        assert!(create(&path, PASSPHRASE).expect_err("there").to_string().contains("not overwritten"));
    }

    #[test]
    fn we_open_what_openssl_makes() {
        let folder = tempfile::tempdir().expect("a folder");
        let pass = passphrase_file(folder.path());
        for kdf in [&["-scrypt"][..], &["-v2prf", "hmacWithSHA256"]] {
            let (plain, path) = (folder.path().join("plain.pem"), folder.path().join("key.pem"));
            let at = |path: &PathBuf| path.to_str().expect("text").to_owned();
            openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &at(&plain)]);
            let (plain_at, path_at) = (at(&plain), at(&path));
            let sealing =
                [&["pkcs8", "-topk8", "-v2", "aes-256-cbc"], kdf, &["-in", &plain_at, "-out", &path_at, "-passout", &pass]].concat();
            openssl(&sealing);
            for file in [&plain, &path] {
                fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("set");
            }
            let key = open(&read(&path).expect("read"), PASSPHRASE).expect("opened");
            assert_eq!(openssl(&["pkey", "-in", &plain_at, "-pubout"]), key.public().to_pem());
            let said = read(&plain).err().expect("not encrypted").to_string();
            assert!(said.contains("is not encrypted"), "{said}");
        }
    }

    /// A file that says to be encrypted at that cost in so many passes, and is not.
    fn sealed_at(cost: u64, passes: u16) -> String {
        let kdf = ScryptParams {
            salt: Salt::new([0; 16]).expect("a salt"),
            cost_parameter: cost,
            block_size: BLOCK,
            parallelization: passes,
            key_length: None,
        };
        let parameters = Parameters { kdf: Kdf::Scrypt(kdf), encryption: EncryptionScheme::Aes256Cbc { iv: [0; 16] } };
        let noise = pkcs8::der::asn1::OctetStringRef::new(&[0; 16]).expect("short");
        let info = EncryptedPrivateKeyInfoRef { encryption_algorithm: parameters.into(), encrypted_data: noise };
        SecretDocument::encode_msg(&info)
            .and_then(|document| document.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF))
            .expect("encodes")
            .to_string()
    }

    #[test]
    fn a_file_cannot_make_us_work_without_end() {
        let work = |cost, passes| Sealed::parse(&sealed_at(cost, passes)).map(|sealed| sealed.work().expect("a key"));
        assert_eq!(work(COST, PARALLEL).expect("our own"), Some(2_621_440));
        for (cost, passes) in [(0, 1), (3, 1), (2, 0), (COST, 250), (1 << 18, 16), (1 << 40, 1), (1 << 63, 1)] {
            assert!(work(cost, passes).is_err(), "{cost} {passes}");
        }
    }

    #[test]
    fn a_key_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ben.key");
        let public = create(&path, PASSPHRASE).expect("made");
        let key = open(&read(&path).expect("read"), PASSPHRASE).expect("opened");
        assert!(public.verifies(b"order", &key.sign(b"order").expect("signs")));
        let wrong = open(&read(&path).expect("read"), "another passphrase").expect_err("refused");
        assert_eq!(wrong.to_string(), "the passphrase does not fit, or the file is damaged");
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let said = read(&path).err().expect("refused").to_string();
            assert!(said.contains(&format!("mode {mode:o}")) && said.contains("chmod 600"), "{said}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        let text = fs::read_to_string(&path).expect("read");
        let costly = sealed_at(1 << 14, 250);
        fs::write(&path, &costly).expect("written");
        assert!(read(&path).err().expect("refused").to_string().contains("bearable cost"));
        fs::write(&path, text.replace("ENCRYPTED PRIVATE KEY", "CERTIFICATE")).expect("written");
        assert!(read(&path).err().expect("refused").to_string().contains("CERTIFICATE"));
        fs::write(&path, "hello").expect("written");
        assert!(read(&path).is_err());
    }
}
