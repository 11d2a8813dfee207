//! Which compiler builds for wasm32 here: the toolchain's own standard library if it is there, else Debian's compiler
//! with a standard library built from Debian's sources.

use super::debian;
use crate::{process, tree};
use anyhow::{Result, ensure};
use clap::ValueEnum;
use std::{
    env,
    net::{TcpStream, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The target of the browser half.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How wasm gets compiled on this machine.
pub enum Route {
    /// The active toolchain has the target's standard library.
    Toolchain,
    /// Debian's `rustc-web`, with a standard library of our own.
    Debian(debian::Compiler),
}

impl Route {
    /// One line for the person who waits.
    pub fn described(&self) -> String {
        match self {
            Self::Toolchain => format!("the active toolchain has {TARGET}"),
            Self::Debian(compiler) => format!("Debian's {} with a standard library built here", compiler.version),
        }
    }

    /// Sets compiler, linker and flags. The flags replace those of `.cargo/config.toml`, so what both halves must agree
    /// on is repeated: with `erase_components` Leptos writes other markers into the page, and looks for them.
    pub fn apply(&self, cargo: &mut Command) {
        let mut flags = vec!["--cfg".to_owned(), "erase_components".to_owned()];
        if let Self::Debian(compiler) = self {
            cargo.env("RUSTC", &compiler.rustc);
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &compiler.linker);
            flags.extend(["--sysroot".to_owned(), compiler.sysroot.to_string_lossy().into_owned()]);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    }
}

/// Which of the two ways somebody asks for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Choice {
    /// The active toolchain, with the target added by rustup.
    Toolchain,
    /// Debian's compiler.
    Debian,
}

/// Finds a way, installing what may be installed.
pub fn find(choice: Option<Choice>) -> Result<Route> {
    match choice {
        Some(Choice::Debian) => return Ok(Route::Debian(debian::compiler()?)),
        Some(Choice::Toolchain) => {
            ensure!(toolchain_has_target()? || (added_by_rustup()? && toolchain_has_target()?), "the active toolchain lacks {TARGET}");
            return Ok(Route::Toolchain);
        }
        None => {}
    }
    if toolchain_has_target()? || (can_download() && added_by_rustup()? && toolchain_has_target()?) {
        return Ok(Route::Toolchain);
    }
    Ok(Route::Debian(debian::compiler()?))
}

fn toolchain_has_target() -> Result<bool> {
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(tree::root()))?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn added_by_rustup() -> Result<bool> {
    let Some(rustup) = rustup() else { return Ok(false) };
    println!("web: rustup target add {TARGET}");
    process::run_within(Command::new(rustup).args(["target", "add", TARGET]).current_dir(tree::root()), Duration::from_secs(180))
}

fn rustup() -> Option<PathBuf> {
    tree::on_path(&["rustup"])
}

/// Whether rustup's download site answers at all: where it does not, rustup would try for minutes.
fn can_download() -> bool {
    if rustup().is_none() {
        return false;
    }
    if env::var_os("https_proxy").or(env::var_os("HTTPS_PROXY")).is_some() {
        return true;
    }
    let server = env::var("RUSTUP_DIST_SERVER").unwrap_or_else(|_| "https://static.rust-lang.org".to_owned());
    let host = server.split("://").last().and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:443") };
    let Ok(addresses) = with_port.to_socket_addrs() else { return false };
    addresses.take(2).any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(3)).is_ok())
}
