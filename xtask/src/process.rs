//! Starting other programs: cargo without what an outer cargo leaves behind, and errors that say which command failed.

use crate::interrupt;
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a program that runs is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Whether this process may install packages of the system.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Cargo as the person at the shell would call it: what `cargo run` sets for this program is taken away again.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env_remove("CARGO").env_remove("LD_LIBRARY_PATH");
    command
}

/// Cargo for another compiler or target: no setting of the host build may reach it. The network's settings stay.
pub fn foreign_cargo() -> Command {
    let mut command = cargo();
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let host_setting = name.starts_with("RUSTC")
            || name.starts_with("RUSTDOC")
            || name == "RUSTFLAGS"
            || name == "CARGO_INCREMENTAL"
            || name == "CARGO_ENCODED_RUSTFLAGS"
            || (name.starts_with("CARGO_BUILD_") && name != "CARGO_BUILD_JOBS")
            || name.starts_with("CARGO_TARGET_")
            || name.starts_with("CARGO_PROFILE_");
        if host_setting {
            command.env_remove(name);
        }
    }
    command
}

/// The command as it would be typed, for messages.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs to the end with this program's terminal; anything but success is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let mut child = command.spawn().with_context(|| format!("could not start `{shown}`"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupt::asked() {
            stop(&mut child, Duration::from_secs(5))?;
            bail!("interrupted during `{shown}`");
        }
        thread::sleep(TICK);
    };
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Asks a program to end (SIGTERM), gives it some time, then ends it.
pub fn stop(child: &mut Child, patience: Duration) -> Result<()> {
    if child.try_wait()?.is_none() {
        // It has not been waited for, so its number cannot belong to another program yet.
        if let Ok(Some(pid)) = i32::try_from(child.id()).map(Pid::from_raw) {
            let _already_gone = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while child.try_wait()?.is_none() {
            if asked.elapsed() > patience {
                child.kill()?;
                child.wait()?;
            }
            thread::sleep(TICK);
        }
    }
    Ok(())
}

/// Runs to the end and returns what was written to standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::piped()).output().with_context(|| format!("could not start `{}`", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` wrote something that is not text", shown(command)))
}

/// Runs for at most `limit`, then ends the program. `Ok(false)` when it failed or took too long.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<bool> {
    let mut child = command.spawn().with_context(|| format!("could not start `{}`", shown(command)))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(TICK);
    }
}

/// Installs Debian packages. Only for root, which the caller has checked.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    println!("installing {}", packages.join(", "));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = |packages: &[&str]| run(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages));
    // Fresh machines have no package lists; machines that have them need no second download.
    install(packages).or_else(|_| {
        run(apt().args(["update", "--quiet"]))?;
        install(packages)
    })
}
