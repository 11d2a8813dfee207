//! The composition root: from settings to the handle on all use cases.

use crate::clock::SystemClock;
use crate::key_service::KeyServiceArgs;
use crate::master;
use anyhow::{Context, Result, bail};
use control::{Chance, Control, Parts, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Settings, Store};
use url::Url;

/// Where things are. Shared by all commands that touch data.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// Folder of the embedded database and the master key; made when it is not there.
    #[arg(long, env = "WRIT_DATA", default_value = "writ-data")]
    pub data: PathBuf,
    /// PostgreSQL URL, for several replicas. With it the master key must be given.
    #[arg(long, env = "WRIT_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// File with the master key: 64 hex digits, readable by its owner only.
    #[arg(long, env = "WRIT_MASTER_KEY_FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Where browsers, clients and gateways reach this installation, for example <https://writ.example.com>.
    #[arg(long, env = "WRIT_PUBLIC_URL", default_value = "http://127.0.0.1:7400")]
    pub public_url: String,
    /// What signs with keys that do not lie here.
    #[command(flatten)]
    pub key_service: KeyServiceArgs,
}

/// A generator fit for secrets, seeded by the operating system.
///
/// # Errors
/// When the system gives no randomness.
pub fn generator() -> Result<StdRng> {
    StdRng::try_from_os_rng().context("the operating system gives no randomness")
}

/// Nobody else's, like the master key inside. A folder that is there already keeps the mode that it has.
fn make_data_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens the database and the vault.
///
/// # Errors
/// Says what is wrong and what to do.
pub async fn control(args: &DataArgs) -> Result<Control> {
    let (control, master_key) = open(args).await?;
    if !control.opens_what_is_sealed().await? {
        bail!(
            "the secrets in the database do not open with the master key {}; give the one that they were last sealed under, with --master-key-file",
            master_key.display()
        );
    }
    Ok(control)
}

/// Opens the database, and a vault that may be of another master key than what lies in the database; where the master key lies.
///
/// # Errors
/// Says what is wrong and what to do.
pub async fn open(args: &DataArgs) -> Result<(Control, PathBuf)> {
    let public_url = public_url(&args.public_url)?;
    let key_service = args.key_service.service()?;
    make_data_folder(&args.data).with_context(|| format!("making the data folder {}", args.data.display()))?;
    let (settings, master_path, may_create) = match &args.database_url {
        Some(url) => {
            let Some(path) = &args.master_key_file else {
                bail!(
                    "with --database-url the master key must be given: --master-key-file FILE (64 hex digits, mode 600; for example `openssl rand -hex 32`)"
                )
            };
            (Settings::Postgres(url.clone()), path.clone(), false)
        }
        None => {
            let given = args.master_key_file.clone();
            let may_create = given.is_none();
            (Settings::Sqlite(args.data.join("writ.db")), given.unwrap_or_else(|| args.data.join("master.key")), may_create)
        }
    };
    let vault = Vault::new(&master::load(&master_path, may_create)?)?;
    let store = Store::open(&settings).await.context("opening the database")?;
    let parts = Parts { clock: Arc::new(SystemClock), chance: Chance::new(generator()?), vault, public_url, key_service };
    Ok((Control::new(store, parts), master_path))
}

/// The public URL without a trailing slash. Plain HTTP is for loopback only.
fn public_url(given: &str) -> Result<String> {
    let url = Url::parse(given).with_context(|| format!("--public-url {given} is not a URL"))?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        _ => bail!("--public-url {given}: use https://, or http:// on loopback"),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        bail!("--public-url {given}: give scheme, host and port only");
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::make_data_folder;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_data_folder_is_its_owner_s_alone() {
        let outside = tempfile::tempdir().expect("a folder");
        let mode = |name: &str| fs::metadata(outside.path().join(name)).expect("is there").permissions().mode() & 0o777;
        make_data_folder(&outside.path().join("new/data")).expect("made");
        assert_eq!(mode("new/data"), 0o700);
        // What an operator set stays.
        fs::create_dir(outside.path().join("theirs")).expect("made");
        fs::set_permissions(outside.path().join("theirs"), Permissions::from_mode(0o750)).expect("set");
        make_data_folder(&outside.path().join("theirs")).expect("there");
        assert_eq!(mode("theirs"), 0o750);
    }
}
