//! A PostgreSQL of our own: on a private socket, in a folder that is thrown away, with no promise to survive a crash.

use crate::{interrupt, process, tree};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    env, fs,
    fs::File,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Names the database to the tests. When it is set already, that database is used and none is started.
pub const VARIABLE: &str = "WRIT_TEST_POSTGRES";

const SETTINGS: [&str; 6] =
    ["listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300", "log_min_messages=warning"];

/// A database for the tests.
pub enum Postgres {
    /// Somebody else's.
    Given(String),
    /// Ours.
    Started(Server),
}

impl Postgres {
    /// As `sqlx` takes it.
    pub fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Started(server) => &server.url,
        }
    }
}

/// A running server. Dropping it stops it and removes its data.
pub struct Server {
    url: String,
    child: Child,
    _folder: TempDir,
}

/// The folder of the server's programs: on `PATH`, or where Debian puts them, the newest version first.
pub fn binaries() -> Option<PathBuf> {
    // A link on `PATH` may stand for this one program only; its neighbours are where it points.
    if let Some(initdb) = tree::on_path(&["initdb"]).and_then(|found| found.canonicalize().ok())
        && let Some(folder) = initdb.parent().filter(|folder| folder.join("postgres").is_file())
    {
        return Some(folder.to_path_buf());
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

/// The database that was given, or one that is started from these programs.
pub fn given_or_started(binaries: Option<&Path>) -> Result<Postgres> {
    match env::var(VARIABLE) {
        Ok(url) if !url.is_empty() => Ok(Postgres::Given(url)),
        _ => start(binaries.context("PostgreSQL's programs are not installed")?).map(Postgres::Started),
    }
}

fn start(binaries: &Path) -> Result<Server> {
    // A short path: a Unix socket's has about 100 characters at most.
    let folder = tempfile::Builder::new().prefix("writ-pg-").tempdir().context("making a folder for PostgreSQL")?;
    let user = unprivileged_user()?;
    if let Some(user) = user {
        chown(folder.path(), Some(user.uid), Some(user.gid)).context("giving PostgreSQL its folder")?;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
    let data = folder.path().join("data");
    let program = |name: &str| {
        let mut command = Command::new(binaries.join(name));
        // The working directory may be one that the unprivileged user cannot enter.
        command.current_dir(folder.path()).env("LC_ALL", "C");
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    };

    let mut initdb = program("initdb");
    initdb
        .args(["--username=writ", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions", "--pgdata"])
        .arg(&data);
    process::output(&mut initdb)?;

    let log = folder.path().join("server.log");
    let output = File::create(&log)?;
    let mut server = program("postgres");
    server.arg("-D").arg(&data).arg("-k").arg(folder.path());
    for setting in SETTINGS {
        server.args(["-c", setting]);
    }
    // A group of its own, so that Ctrl-C does not end it under the tests' feet; it is stopped when they have ended.
    server.process_group(0).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let child = server.spawn().context("starting PostgreSQL")?;
    let path = folder.path().to_str().context("the path of a temporary folder is text")?;
    let url = format!("postgres:///postgres?host={path}&user=writ");
    let mut ready = program("pg_isready");
    ready.arg("--quiet").arg("--host").arg(folder.path());
    let mut server = Server { url, child, _folder: folder };
    wait_until_it_accepts(&mut server, ready, &log)?;
    Ok(server)
}

fn wait_until_it_accepts(server: &mut Server, mut ready: Command, log: &Path) -> Result<()> {
    let started = Instant::now();
    while !ready.status().context("asking PostgreSQL whether it is ready")?.success() {
        interrupt::check()?;
        if let Some(status) = server.child.try_wait()? {
            bail!("PostgreSQL ended by itself ({status}): {}", fs::read_to_string(log).unwrap_or_default());
        }
        ensure!(started.elapsed() < Duration::from_secs(60), "PostgreSQL was not ready within a minute");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM is PostgreSQL's patient shutdown, which connections that linger can hold up; then it is ended.
        if let Err(error) = process::stop(&mut self.child, Duration::from_secs(5)) {
            eprintln!("could not stop PostgreSQL: {error:#}");
        }
    }
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Whom to run as: PostgreSQL refuses to be root.
fn unprivileged_user() -> Result<Option<User>> {
    if !process::is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let find = |name: &str| {
        let fields: Vec<&str> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
        Some(User { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    };
    let user = find("postgres")
        .or_else(|| find("nobody"))
        .context("PostgreSQL refuses to run as root, and there is no user postgres or nobody")?;
    Ok(Some(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the programs are not installed there is nothing to try; `cargo xtask test` installs them first.
    #[test]
    fn a_server_starts_on_its_private_socket_and_is_gone_afterwards() -> Result<()> {
        let Some(binaries) = binaries() else { return Ok(()) };
        let server = start(&binaries)?;
        let folder = server._folder.path().to_path_buf();
        let mut psql = Command::new(binaries.join("psql"));
        psql.args(["--tuples-only", "--no-align", "--username=writ", "--dbname=postgres", "--command=show fsync", "--host"]).arg(&folder);
        assert_eq!(process::output(&mut psql)?.trim(), "off");
        drop(server);
        assert!(!folder.exists());
        Ok(())
    }
}
