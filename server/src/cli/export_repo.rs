//! `writ export-repo DIR`: the signed repository as files. Gateways that follow DIR, or a web server that serves it, need no control plane.

use super::tenant::{Tenant, explain};
use anyhow::{Context, Result, bail};
use bundle::Role;
use clap::Args;
use control::delivery::{Exported, SignForLong, export_repository};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Write a tenant's signed repository into a directory.
#[derive(Debug, Args)]
pub struct ExportRepo {
    #[command(flatten)]
    at: Tenant,
    /// Where to. Made if it is not there; what an earlier export wrote is added to.
    directory: PathBuf,
    /// Sign anew what is there, to last so long: `12h` or `7d`, at most 30 days. Without it the files go stale ten minutes after they were
    /// signed, as they do for gateways that are connected.
    #[arg(long, value_parser = duration)]
    valid_for: Option<Duration>,
}

/// `90m`, `12h`, `7d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time like 90m, 12h or 7d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let seconds = match unit {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

impl ExportRepo {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why; then what was in the directory is there as it was.
    pub async fn run(self) -> Result<()> {
        let (control, cx) = self.at.open().await?;
        if let Some(valid_for) = self.valid_for {
            let valid_for_s = i64::try_from(valid_for.as_secs()).unwrap_or(i64::MAX);
            control.run(&cx, SignForLong { valid_for_s }).await.map_err(explain)?;
        }
        let exported = export_repository(&control, &cx).await.map_err(explain)?;
        let written = write(&self.directory, &exported)?;
        let at = self.directory.display();
        println!("{at}: policy {}, revocations up to {}, {written} new files", exported.policy_version, exported.revocation_seq);
        let until = chrono::DateTime::from_timestamp(exported.fresh_until, 0).map(|time| time.to_rfc3339()).unwrap_or_default();
        println!("fresh until {until}; then gateways that follow it count as stale, and allow less and less");
        println!("a gateway follows it with this in its configuration:\n");
        println!("[repository]\nat = {at:?}\ntenant = \"{}\"\nroot_sha256 = \"{}\"", cx.tenant, exported.root_sha256);
        Ok(())
    }
}

/// Writes what is not there yet, the timestamp last. Answers how many files were new.
fn write(directory: &Path, exported: &Exported) -> Result<usize> {
    let timestamp = Role::Timestamp.path(0);
    if let Some(first) = read(&directory.join(Role::Root.path(1)))?
        && bundle::sha256_hex(first.as_bytes()) != exported.root_sha256
    {
        bail!("{} holds the repository of another tenant or installation: give another directory", directory.display());
    }
    if let Some(held) = read(&directory.join(&timestamp))? {
        let held = version(&held).with_context(|| format!("{} is not a timestamp", directory.join(&timestamp).display()))?;
        if held > exported.timestamp {
            bail!(
                "{} holds timestamp {held}, this database {}: was a backup restored? Gateways never go back",
                directory.display(),
                exported.timestamp
            );
        }
    }
    let mut written = 0;
    for (path, text) in &exported.files {
        let place = directory.join(path);
        match read(&place)? {
            Some(held) if held == *text => continue,
            Some(_) if *path != timestamp => {
                bail!("{} is there and is not what was signed: somebody changed it; give an empty directory", place.display())
            }
            _ => {}
        }
        put(&place, text).with_context(|| format!("writing {}", place.display()))?;
        written += 1;
    }
    Ok(written)
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Whole or not at all, whoever reads meanwhile.
fn put(place: &Path, text: &str) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(place);
    fs::create_dir_all(folder)?;
    let mut new = tempfile::Builder::new().prefix(".writ-").permissions(readable()).tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(place).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// By the owner and the group, which a web server may be in. Not by everybody: a policy tells who may call what, and holds the key that the
/// marks on the revocation list are made with.
fn readable() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o640)
}

/// The version of metadata that is trusted so far as not to be overwritten by an older one.
fn version(text: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(text).ok()?["signed"]["version"].as_u64()
}
